package reranker

import (
	"net/http"
	"time"
)

// Names of the backends.
const (
	BackendONNX = "onnx"
	BackendTEI  = "tei"
)

// Options say which model to run and how. The zero value of every field but Model (onnx) or URL (tei) is usable.
type Options struct {
	Backend string // BackendONNX (also when empty) or BackendTEI

	// Backend onnx.

	Model   string // name of a built-in model, or a model directory
	Library string // file of the ONNX Runtime library; empty: $RESIFT_ONNXRUNTIME, beside the executable, the cache folder
	// Device is "auto" (also when empty: every CUDA device the library can use, else the CPU), "cpu", or a comma list of
	// "cuda:N".
	Device string
	// Sessions is the number of batches that run at the same time on one device; Threads the CPU threads each may use.
	// 0: one session a CPU core with one thread each, or two sessions a CUDA device.
	Sessions int
	Threads  int
	// MaxTokens cuts pairs to fewer tokens than the model allows; 0 or more than the model's: the model's.
	MaxTokens int
	// BatchTokens bounds a batch: pairs times the length of the longest, or the tokens of all pairs where the layout is
	// packed. 0: 512 on the CPU, 16,384 on CUDA. A single longer pair makes a batch by itself.
	BatchTokens int
	// MemoryLimit bounds what ONNX Runtime takes of a CUDA device's memory, in bytes. 0: no bound.
	MemoryLimit int64
	// BatchDelay is how long a free session lets a small batch grow while another session is busy. A lone request never
	// waits. 0: none.
	BatchDelay time.Duration
	// TokenizeWorkers is the number of goroutines that tokenize. 0: one a CPU core.
	TokenizeWorkers int

	// Backend tei.

	URL         string            // base URL of the server, such as http://127.0.0.1:8080
	Timeout     time.Duration     // of one call to the server; 0: 10 s
	Concurrency int               // calls at the same time; 0: 4
	Transport   http.RoundTripper // nil: a transport of its own without environment proxies
	Header      http.Header       // sent with each call (a token, for example); never logged

	// Both backends.

	// QueuePairs bounds the pairs admitted and not yet scored, over all requests. 0: 4,096.
	QueuePairs int
	// OnBatch, if set, is called after each batch, from the goroutine that ran it; it must be quick and safe for
	// concurrent use.
	OnBatch func(BatchStats)

	cuda map[string]string // further settings of ONNX Runtime's CUDA provider, in tests
}
