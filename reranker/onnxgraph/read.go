package onnxgraph

import (
	"errors"
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

// Bounds on a file from elsewhere. A message costs a few hundred bytes of memory however few bytes it has in the file, so
// their number is counted before any is made; the largest encoder graphs have some 50,000.
const (
	maxFileBytes = 1<<31 - 1 // protobuf's own limit
	maxMessages  = 1 << 20
	maxNesting   = 32
)

// Graph is a parsed ONNX graph with its names resolved.
type Graph struct {
	Model *onnxpb.ModelProto

	tensors   map[string]*onnxpb.TensorProto // initializers and outputs of Constant nodes
	producers map[string]*onnxpb.NodeProto   // by output
	consumers map[string][]*onnxpb.NodeProto // by input
}

// Read parses an ONNX file. The graph must be self-contained: no external data, no name made twice.
func Read(file []byte) (*Graph, error) {
	if len(file) > maxFileBytes {
		return nil, fmt.Errorf("onnx: %d bytes are more than the format's %d", len(file), maxFileBytes)
	}
	model := &onnxpb.ModelProto{}
	left := maxMessages
	if err := count(file, model.ProtoReflect().Descriptor(), maxNesting, &left); err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	if err := (proto.UnmarshalOptions{DiscardUnknown: true}).Unmarshal(file, model); err != nil {
		return nil, fmt.Errorf("onnx: not a model file: %w", err)
	}
	if model.Graph == nil || len(model.Graph.Node) == 0 {
		return nil, errors.New("onnx: the file has no graph")
	}
	g := &Graph{
		Model:     model,
		tensors:   map[string]*onnxpb.TensorProto{},
		producers: map[string]*onnxpb.NodeProto{},
		consumers: map[string][]*onnxpb.NodeProto{},
	}
	if err := g.index(); err != nil {
		return nil, fmt.Errorf("onnx: %w", err)
	}
	return g, nil
}

func (g *Graph) index() error {
	for _, t := range g.Model.Graph.Initializer {
		if _, ok := g.tensors[t.GetName()]; ok {
			return fmt.Errorf("two initializers are named %q", t.GetName())
		}
		if t.GetDataLocation() == onnxpb.TensorProto_EXTERNAL {
			return fmt.Errorf("the data of %q is in another file, which is not supported", t.GetName())
		}
		g.tensors[t.GetName()] = t
	}
	for _, n := range g.Model.Graph.Node {
		for _, out := range n.Output {
			if _, ok := g.producers[out]; ok || g.tensors[out] != nil {
				return fmt.Errorf("two nodes or initializers make %q", out)
			}
			g.producers[out] = n
		}
		for _, in := range n.Input {
			g.consumers[in] = append(g.consumers[in], n)
		}
	}
	for _, n := range g.Model.Graph.Node {
		if n.GetOpType() != "Constant" || len(n.Output) != 1 {
			continue
		}
		for _, a := range n.Attribute {
			if a.GetName() == "value" && a.T != nil {
				g.tensors[n.Output[0]] = a.T
			}
		}
	}
	return nil
}

// count walks the wire format along the schema and takes every message off left.
func count(b []byte, message protoreflect.MessageDescriptor, depth int, left *int) error {
	if depth == 0 {
		return fmt.Errorf("messages nest more than %d deep", maxNesting)
	}
	if *left--; *left < 0 {
		return fmt.Errorf("more than %d messages", maxMessages)
	}
	for len(b) > 0 {
		number, kind, n := protowire.ConsumeTag(b)
		if n < 0 {
			return fmt.Errorf("not a model file: %w", protowire.ParseError(n))
		}
		b = b[n:]
		n = protowire.ConsumeFieldValue(number, kind, b)
		if n < 0 {
			return fmt.Errorf("not a model file, or cut off: %w", protowire.ParseError(n))
		}
		field := message.Fields().ByNumber(number)
		if field != nil && field.Message() != nil && kind == protowire.BytesType {
			inner, _ := protowire.ConsumeBytes(b)
			if err := count(inner, field.Message(), depth-1, left); err != nil {
				return err
			}
		}
		b = b[n:]
	}
	return nil
}
