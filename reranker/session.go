package reranker

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// graph is a model loaded on one device. ONNX Runtime lets any number of lanes run it at the same time over one copy of
// the weights.
type graph struct {
	directory *Directory
	session   *ort.DynamicAdvancedSession
	flat      bool // output is [pairs], not [pairs, 1]
}

// openGraph loads a model and tries it.
func openGraph(d *Directory, name string, so sessionSettings) (*graph, error) {
	options, err := sessionOptions(name, so)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	g := &graph{directory: d}
	var inputs []string
	for _, in := range d.signature.inputs {
		inputs = append(inputs, in.name)
	}
	path, outputs := filepath.Join(d.Path, ModelFile), []string{d.Output}
	if d.graph != nil {
		g.session, err = ort.NewDynamicAdvancedSessionWithONNXData(d.graph, inputs, outputs, options)
	} else {
		g.session, err = ort.NewDynamicAdvancedSession(path, inputs, outputs, options)
	}
	if err != nil {
		return nil, fmt.Errorf("load %s on %s: %w", path, name, explain(err))
	}
	err = g.probe()
	if err == nil && name != deviceCPU {
		err = g.warm(so)
	}
	if err != nil {
		_ = g.close()
		return nil, fmt.Errorf("try %s on %s: %w", path, name, explain(err))
	}
	return g, nil
}

// probe runs a small batch and learns the output's shape from it: what a graph declares may be wrong or unknown.
func (g *graph) probe() error {
	b := g.sample(2, 8)
	inputs, err := bind(newBuffers(g.directory), b)
	if err != nil {
		return err
	}
	defer destroy(inputs)
	outputs := []ort.Value{nil}
	if err := g.session.RunWithOptions(inputs, outputs, nil); err != nil {
		return err
	}
	defer destroy(outputs)
	shape, pairs := outputs[0].GetShape(), int64(len(b.pairs))
	switch {
	case slices.Equal(shape, ort.Shape{pairs, 1}):
	case slices.Equal(shape, ort.Shape{pairs}):
		g.flat = true
	default:
		return fmt.Errorf("not a cross-encoder: output %q has shape %v for %d pairs, want one logit a pair", g.directory.Output, shape, pairs)
	}
	if _, ok := outputs[0].(*ort.Tensor[float32]); !ok {
		return fmt.Errorf("output %q is %T, want float32", g.directory.Output, outputs[0])
	}
	return nil
}

// warm runs batches of typical sizes and the largest one, on as many lanes as there will be, so that no search waits while
// the device loads kernels or takes memory, and a device too small for its batches is known at the start.
func (g *graph) warm(so sessionSettings) error {
	const typical = 96                                                      // tokens of a pair
	shapes := [][2]int{{max(1, so.batchTokens/so.maxTokens), so.maxTokens}} // pairs and tokens of each; the largest first, for memory
	for pairs := max(1, so.batchTokens/typical); pairs > 0; pairs /= 2 {
		shapes = append(shapes, [2]int{pairs, min(typical, so.maxTokens)})
	}
	failures := make([]error, so.sessions)
	var lanes sync.WaitGroup
	for i := range so.sessions {
		lanes.Go(func() { failures[i] = g.warmLane(shapes) })
	}
	lanes.Wait()
	return errors.Join(failures...)
}

func (g *graph) warmLane(shapes [][2]int) error {
	l := newLane(&device{graph: g})
	if err := l.prepare(); err != nil {
		return err
	}
	defer l.close()
	for _, shape := range shapes {
		b := g.sample(shape[0], shape[1])
		if err := l.runOn(context.Background(), g, b); err != nil {
			return fmt.Errorf("a batch of %d pairs with %d tokens each: %w", len(b.pairs), shape[1], err)
		}
	}
	return nil
}

// sample is a batch of equal pairs, no more than a batch may have.
func (g *graph) sample(pairs, tokens int) *batch {
	if most := g.directory.BatchPairs; most > 0 {
		pairs = min(pairs, most)
	}
	b := batch{scores: make([]float32, pairs)}
	ids := slices.Repeat([]int32{int32(g.directory.PadToken)}, tokens)
	for range pairs {
		b.add(pair{ids: ids, start: int32(tokens / 2)})
	}
	return &b
}

func (g *graph) close() error { return g.session.Destroy() }

// lane is one runner on a device, with buffers of its own that live from batch to batch.
type lane struct {
	on      *device
	buffers []inputBuffer
	options *ort.RunOptions

	lost   bool   // its last batch found the device broken
	failed *graph // what the device ran then
}

func newLane(on *device) *lane { return &lane{on: on} }

// prepare makes the native parts.
func (l *lane) prepare() (err error) {
	l.buffers = newBuffers(l.on.graph.directory)
	l.options, err = ort.NewRunOptions()
	return err
}

func (l *lane) device() string { return l.on.name }

func (l *lane) close() error { return l.options.Destroy() }

// run scores a batch. A context that ends makes ONNX Runtime stop before its next operator.
func (l *lane) run(ctx context.Context, b *batch) error {
	var g *graph
	err := errDeviceLost
	if l.on.mu.TryRLock() { // else the device is being opened again, which can take long
		defer l.on.mu.RUnlock()
		if g = l.on.graph; g != nil {
			err = l.runOn(ctx, g, b)
		}
	}
	if err != nil && ctx.Err() == nil {
		l.note(g, err)
	}
	return err
}

func (l *lane) runOn(ctx context.Context, g *graph, b *batch) error {
	inputs, err := bind(l.buffers, b)
	if err != nil {
		return err
	}
	defer destroy(inputs)
	shape := ort.NewShape(int64(len(b.pairs)), 1)
	if g.flat {
		shape = shape[:1]
	}
	output, err := ort.NewTensor(shape, b.scores)
	if err != nil {
		return err
	}
	defer output.Destroy()
	terminated := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { terminated <- l.options.Terminate() })
	err = g.session.RunWithOptions(inputs, []ort.Value{output}, l.options)
	if stop() {
		return err
	}
	// The flag must be up before it is taken down for the next batch, or it would stop that one.
	return errors.Join(ctx.Err(), <-terminated, l.options.UnsetTerminate())
}

// bind writes a batch into buffers and wraps them as tensors, which the caller destroys.
func bind(buffers []inputBuffer, b *batch) ([]ort.Value, error) {
	values := make([]ort.Value, 0, len(buffers))
	for _, buf := range buffers {
		v, err := buf.fill(b)
		if err != nil {
			destroy(values)
			return nil, err
		}
		values = append(values, v)
	}
	return values, nil
}

func destroy(values []ort.Value) {
	for _, v := range values {
		if v != nil {
			_ = v.Destroy() // only releases; it has no failure to report
		}
	}
}
