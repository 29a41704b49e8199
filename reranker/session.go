package reranker

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	ort "github.com/yalue/onnxruntime_go"
)

// graph is a model loaded on one device. ONNX Runtime lets any number of lanes run it at the same time over one copy of
// the weights.
type graph struct {
	directory *Directory
	on        string
	session   *ort.DynamicAdvancedSession
	inputs    []tensorInfo // in the order of the session's inputs
	flat      bool         // output is [pairs], not [pairs, 1]
}

func openGraph(d *Directory, device string, threads int) (*graph, error) {
	options, err := sessionOptions(device, threads)
	if err != nil {
		return nil, err
	}
	defer options.Destroy()
	g := &graph{directory: d, on: device, inputs: d.signature.inputs}
	names := make([]string, len(g.inputs))
	for i, in := range g.inputs {
		names[i] = in.name
	}
	path := filepath.Join(d.Path, ModelFile)
	g.session, err = ort.NewDynamicAdvancedSession(path, names, []string{d.Output}, options)
	if err != nil {
		return nil, fmt.Errorf("load %s on %s: %w", path, device, err)
	}
	if err := g.probe(); err != nil {
		_ = g.close()
		return nil, fmt.Errorf("try %s on %s: %w", path, device, err)
	}
	return g, nil
}

// probe runs a small batch and learns the output's shape from it: what a graph declares may be wrong or unknown.
func (g *graph) probe() error {
	l, err := newLane(g)
	if err != nil {
		return err
	}
	defer l.close()
	var b batch
	probed := 2
	if g.directory.BatchPairs == 1 {
		probed = 1
	}
	for range probed {
		b.add(pair{ids: slices.Repeat([]int32{int32(g.directory.PadToken)}, 8), start: 4})
	}
	inputs, err := l.bind(&b)
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

func (g *graph) close() error { return g.session.Destroy() }

func closeGraphs(graphs []*graph) error {
	var errs []error
	for _, g := range graphs {
		errs = append(errs, g.close())
	}
	return errors.Join(errs...)
}

// lane is one runner over a graph, with buffers of its own that live from batch to batch.
type lane struct {
	*graph
	buffers []inputBuffer
	options *ort.RunOptions
}

func newLane(g *graph) (*lane, error) {
	l := &lane{graph: g}
	var err error
	if l.options, err = ort.NewRunOptions(); err != nil {
		return nil, err
	}
	for _, in := range g.inputs {
		meaning := g.directory.Inputs[in.name]
		if in.kind == kindInt32 {
			l.buffers = append(l.buffers, &buffer[int32]{meaning: meaning, pad: int32(g.directory.PadToken)})
		} else {
			l.buffers = append(l.buffers, &buffer[int64]{meaning: meaning, pad: int64(g.directory.PadToken)})
		}
	}
	return l, nil
}

func (l *lane) device() string { return l.on }

func (l *lane) close() error { return l.options.Destroy() }

// run scores a batch. A context that ends makes ONNX Runtime stop before its next operator.
func (l *lane) run(ctx context.Context, b *batch) error {
	inputs, err := l.bind(b)
	if err != nil {
		return err
	}
	defer destroy(inputs)
	shape := ort.NewShape(int64(len(b.pairs)), 1)
	if l.flat {
		shape = shape[:1]
	}
	output, err := ort.NewTensor(shape, b.scores)
	if err != nil {
		return err
	}
	defer output.Destroy()
	terminated := make(chan error, 1)
	stop := context.AfterFunc(ctx, func() { terminated <- l.options.Terminate() })
	err = l.session.RunWithOptions(inputs, []ort.Value{output}, l.options)
	if stop() {
		return err
	}
	// The flag must be up before it is taken down for the next batch, or it would stop that one.
	return errors.Join(ctx.Err(), <-terminated, l.options.UnsetTerminate())
}

// bind fills the buffers and wraps them as tensors [pairs, longest]. The caller destroys them.
func (l *lane) bind(b *batch) ([]ort.Value, error) {
	values := make([]ort.Value, 0, len(l.buffers))
	for _, buf := range l.buffers {
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

// inputBuffer is one input's memory.
type inputBuffer interface {
	fill(b *batch) (ort.Value, error)
}

type buffer[T int32 | int64] struct {
	meaning string
	pad     T
	data    []T // [pairs × longest]; grows to the largest batch
}

func (f *buffer[T]) fill(b *batch) (ort.Value, error) {
	width := b.longest
	f.data = slices.Grow(f.data[:0], len(b.pairs)*width)[:len(b.pairs)*width]
	for i, p := range b.pairs {
		row := f.data[i*width : (i+1)*width]
		switch f.meaning {
		case InputIDs:
			for j, id := range p.ids {
				row[j] = T(id)
			}
			fillRow(row[len(p.ids):], f.pad)
		case AttentionMask:
			fillRow(row[:len(p.ids)], 1)
			fillRow(row[len(p.ids):], 0)
		case TokenTypeIDs:
			fillRow(row[:p.start], 0)
			fillRow(row[p.start:len(p.ids)], 1)
			fillRow(row[len(p.ids):], 0)
		}
	}
	return ort.NewTensor(ort.NewShape(int64(len(b.pairs)), int64(width)), f.data)
}

func fillRow[T int32 | int64](row []T, value T) {
	for i := range row {
		row[i] = value
	}
}
