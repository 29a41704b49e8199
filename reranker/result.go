package reranker

import "time"

// Result is what Score found out.
type Result struct {
	// Scores has one value a passage, in the order given: the model's raw output (a logit), NaN where not scored.
	Scores []float32
	// Tokens counts the tokens of the scored pairs, without padding; 0 where the backend does not tell.
	Tokens int
	// Tokenize is the time from the call until the last pair was tokenized, Queue from then until the first batch
	// started (0 if it started earlier), Model from the start of the first batch to the end of the last.
	Tokenize, Queue, Model time.Duration
}

// Scored counts the passages that have a score.
func (r Result) Scored() int {
	n := 0
	for _, s := range r.Scores {
		if s == s { // not NaN
			n++
		}
	}
	return n
}

// BatchStats describes one run of the model.
type BatchStats struct {
	Pairs    int           // pairs in the batch
	Requests int           // distinct requests they came from
	Tokens   int           // their tokens, without padding
	Padded   int           // pairs times the longest, what the model computed; equals Tokens without padding
	Wait     time.Duration // the longest a pair of it waited, tokenized, for a session
	Run      time.Duration // time inside the model
	Device   string        // "cpu", "cuda:0", or the server's URL
	Err      error         // nil, or why its pairs have no score
}

// Stats are counters since Open and gauges of now.
type Stats struct {
	Requests, Overloaded   uint64 // calls of Score; those refused with ErrOverloaded
	Pairs, Tokens, Batches uint64 // scored pairs, their tokens, finished batches
	Padded                 uint64 // tokens with padding
	Dropped                uint64 // pairs given up before they were scored: their caller had gone, or a batch failed
	Failed                 uint64 // batches that failed
	QueuePairs, QueueLimit int    // pairs admitted and not yet finished; the bound
	Sessions, Busy         int    // sessions; those running a batch
	Down                   int    // sessions whose device failed and is being opened again
}

// Info tells what was opened.
type Info struct {
	Backend        string   `json:"backend"`
	Name           string   `json:"name"`  // letters, digits and ._-/ alone
	Model          string   `json:"model"` // name of a built-in model, directory, or the server's model name
	Architecture   string   `json:"architecture,omitempty"`
	Precision      string   `json:"precision,omitempty"`
	Layout         string   `json:"layout,omitempty"`
	MaxTokens      int      `json:"max_tokens"`
	Revision       string   `json:"revision"`
	Devices        []string `json:"devices"`
	DeviceNote     string   `json:"device_note,omitempty"` // why device auto does not use the CUDA that the library has
	Weights        int64    `json:"weights,omitempty"`     // that each token is multiplied with
	Attended       int64    `json:"attended,omitempty"`    // numbers of a token that attention compares, over all layers
	Sessions       int      `json:"sessions"`              // over all devices
	Threads        int      `json:"threads"`               // CPU threads of one session
	BatchTokens    int      `json:"batch_tokens,omitempty"`
	BatchPairs     int      `json:"batch_pairs,omitempty"`     // most pairs a batch has; 0: bounded by tokens alone
	Library        string   `json:"library,omitempty"`         // file of ONNX Runtime
	LibraryVersion string   `json:"library_version,omitempty"` // such as 1.32.0
	Source         string   `json:"source,omitempty"`
	License        string   `json:"license,omitempty"`
}
