package reranker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime"

	ort "github.com/yalue/onnxruntime_go"

	"github.com/resift/resift/reranker/tokenizer"
)

// Defaults of the onnx backend. On a CPU small batches are as fast as large ones (measured: best at 200 to 500 tokens)
// and leave sooner; a GPU needs large ones.
const (
	defaultQueuePairs  = 4096
	cpuBatchTokens     = 512
	cudaBatchTokens    = 16384
	cudaSessions       = 2 // the host prepares one batch while the other runs
	cudaMinBatchTokens = 2048
	cpuJoinTokens      = 128  // below it a batch gains from pairs of other requests; above, they only make its leader wait
	trancheBatches     = 4    // a tranche holds this many full batches
	cpuMinFill         = 0.85 // on a CPU padding costs time
)

// onnx is the backend that runs a model directory in the process.
type onnx struct {
	scheduler *scheduler
	tokenizer tokenizer.Tokenizer
	lanes     []*lane
	devices   []*device
	about     Info
}

func openONNX(o Options) (*onnx, error) {
	if o.Model == "" {
		return nil, errors.New("the onnx backend needs a model: the name of a built-in one, or a directory")
	}
	if o.MaxTokens != 0 && o.MaxTokens < minMaxTokens {
		return nil, fmt.Errorf("max_tokens %d leaves no room for text: want at least %d, or 0", o.MaxTokens, minMaxTokens)
	}
	devices, err := parseDevices(o.Device)
	if err != nil {
		return nil, err
	}
	m, err := findModel(o.Model)
	if err != nil {
		return nil, err
	}
	library, err := openLibrary(o.Library)
	if err != nil {
		return nil, err
	}
	maxTokens := m.maxTokens()
	if o.MaxTokens > 0 && o.MaxTokens < maxTokens {
		maxTokens = o.MaxTokens
	}
	settings := sessionSettings{
		threads: max(1, o.Threads), sessions: cmp.Or(max(0, o.Sessions), cudaSessions), maxTokens: maxTokens,
		batchTokens: cmp.Or(max(0, o.BatchTokens), cudaBatchTokens), memory: max(0, o.MemoryLimit), cuda: o.cuda,
	}
	hashed, encoder := m.verify(), async(m.openTokenizer)
	x := &onnx{}
	var note string
	x.devices, note, err = openDevices(m, devices, settings)
	var d *Directory
	if err == nil {
		d = x.devices[0].graph.directory
	}
	digests, hashErr := hashed(d)
	tok, tokErr := encoder()
	x.tokenizer = tok
	if err := errors.Join(hashErr, tokErr, err); err != nil {
		return nil, errors.Join(err, x.release())
	}
	onCPU := x.devices[0].name == deviceCPU
	if onCPU && o.Sessions <= 0 {
		settings.sessions = max(1, runtime.GOMAXPROCS(0)/settings.threads)
	}
	if onCPU {
		d.graph = nil // ONNX Runtime has a copy, and a CPU is never opened again
	}
	if err := x.openLanes(settings.sessions); err != nil {
		return nil, errors.Join(err, x.release())
	}
	so := x.schedulerOptions(o, d, onCPU, maxTokens)
	x.about = Info{
		Backend: BackendONNX, Name: d.name(), Model: d.Path, Architecture: d.Architecture, Precision: d.Precision, Layout: d.Layout,
		MaxTokens: maxTokens, Revision: d.revision(digests, maxTokens), Sessions: len(x.lanes), Threads: settings.threads,
		BatchTokens: so.batchTokens, BatchPairs: d.BatchPairs, Library: library, LibraryVersion: ort.GetVersion(),
		Source: d.Source, License: d.License, DeviceNote: note,
	}
	w := d.signature.work()
	x.about.Weights, x.about.Attended = w.weights, w.attended
	for _, on := range x.devices {
		x.about.Devices = append(x.about.Devices, on.name)
	}
	x.scheduler = newScheduler(so)
	return x, nil
}

// async starts f and returns a function that waits for its result.
func async[T any](f func() (T, error)) func() (T, error) {
	var value T
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		value, err = f()
	}()
	return func() (T, error) {
		<-done
		return value, err
	}
}

func (x *onnx) openLanes(sessions int) error {
	for _, on := range x.devices {
		for range sessions {
			l := newLane(on)
			if err := l.prepare(); err != nil {
				return fmt.Errorf("open session on %s: %w", on.name, err)
			}
			x.lanes = append(x.lanes, l)
		}
	}
	return nil
}

func (x *onnx) schedulerOptions(o Options, d *Directory, onCPU bool, maxTokens int) schedulerOptions {
	so := schedulerOptions{
		encode: func(query string) encodePair {
			q := x.tokenizer.Query(query)
			return func(passage string, dst []int32) ([]int32, int) { return x.tokenizer.Pair(q, passage, maxTokens, dst) }
		},
		workers:        cmp.Or(max(0, o.TokenizeWorkers), runtime.GOMAXPROCS(0)),
		queuePairs:     cmp.Or(max(0, o.QueuePairs), defaultQueuePairs),
		batchTokens:    cmp.Or(max(0, o.BatchTokens), cudaBatchTokens),
		batchPairs:     d.BatchPairs,
		minBatchTokens: cudaMinBatchTokens,
		delay:          max(0, o.BatchDelay),
		onBatch:        o.OnBatch,
	}
	so.joinTokens = so.batchTokens
	so.packed, so.gather, so.lanes = d.Layout == LayoutPacked, true, len(x.lanes)/len(x.devices)
	if onCPU {
		so.gather, so.lanes = false, 1
		so.batchTokens = cmp.Or(max(0, o.BatchTokens), cpuBatchTokens)
		so.minBatchTokens = 0
		so.minFill = cpuMinFill
		so.joinTokens = min(so.batchTokens, cpuJoinTokens)
	}
	so.trancheTokens = trancheBatches * so.batchTokens
	for _, l := range x.lanes {
		so.runners = append(so.runners, l)
	}
	return so
}

func (x *onnx) score(ctx context.Context, query string, passages []string, each Each) (Result, error) {
	return x.scheduler.score(ctx, query, passages, each)
}

func (x *onnx) windows(text string, maxTokens, overlap int) []string {
	return x.tokenizer.Windows(text, maxTokens, overlap)
}

func (x *onnx) info() Info   { return x.about }
func (x *onnx) stats() Stats { return x.scheduler.stats() }

// healthy tries a pair after a failed batch, and does not wait for a search to: a server that is taken out of rotation
// for being unhealthy gets none.
func (x *onnx) healthy() error {
	failure := x.scheduler.healthy()
	if failure == nil || errors.Is(failure, ErrClosed) {
		return failure
	}
	ctx, cancel := context.WithTimeout(context.Background(), healthLimit)
	defer cancel()
	if _, err := x.scheduler.score(ctx, "health", []string{"health"}, nil); err != nil {
		return failure
	}
	return nil
}

func (x *onnx) close() error {
	x.scheduler.close()
	return x.release()
}

// release frees the native parts; nothing may be running.
func (x *onnx) release() error {
	var errs []error
	for _, l := range x.lanes {
		errs = append(errs, l.close())
	}
	errs = append(errs, closeDevices(x.devices))
	x.lanes, x.devices = nil, nil
	return errors.Join(errs...)
}
