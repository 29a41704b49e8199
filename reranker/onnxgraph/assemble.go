package onnxgraph

import (
	"encoding/binary"

	"google.golang.org/protobuf/proto"

	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

// Versions written: those that ONNX Runtime 1.24 and later read, with the operators used here.
const (
	irVersion     = 8
	opset         = 17
	microsoft     = "com.microsoft" // domain of ONNX Runtime's fused operators
	microsoftSet  = 1
	producerName  = "resift"
	dynamicPairs  = "pairs"
	dynamicTokens = "tokens"
)

// assembly collects nodes and initializers in the order they are asked for, so equal weights give equal bytes.
type assembly struct {
	graph   *onnxpb.GraphProto
	known   map[string]bool // initializers that several nodes share
	later   contents        // of the initializers that are written from the weights themselves
	failure error           // the first weight that its element type can't hold
}

func newAssembly(name string) *assembly {
	return &assembly{graph: &onnxpb.GraphProto{Name: &name}, known: map[string]bool{}, later: contents{}}
}

// node appends an operator whose single output has the node's name, and returns that name.
func (a *assembly) node(name, operator string, inputs []string, attributes ...*onnxpb.AttributeProto) string {
	a.append(name, "", operator, inputs, []string{name}, attributes)
	return name
}

// fused is node for an operator of ONNX Runtime's own.
func (a *assembly) fused(name, operator string, inputs []string, attributes ...*onnxpb.AttributeProto) string {
	a.append(name, microsoft, operator, inputs, []string{name}, attributes)
	return name
}

func (a *assembly) append(name, domain, operator string, inputs, outputs []string, attributes []*onnxpb.AttributeProto) {
	n := &onnxpb.NodeProto{Name: &name, OpType: &operator, Input: inputs, Output: outputs, Attribute: attributes}
	if domain != "" {
		n.Domain = &domain
	}
	a.graph.Node = append(a.graph.Node, n)
}

// floats adds a float32 initializer; no dims make a scalar. The values are read when the graph is written.
func (a *assembly) floats(name string, values []float32, dims ...int) string {
	return a.floatsOf(name, func() []float32 { return values }, len(values), dims...)
}

// matrix adds a weight as float32 [rows, columns].
func (a *assembly) matrix(name string, m Matrix) string {
	return a.floatsOf(name, m.Floats, m.Rows*m.Cols, m.Rows, m.Cols)
}

// floatsOf adds a float32 initializer whose values, count in number, are made when the graph is written.
func (a *assembly) floatsOf(name string, values func() []float32, count int, dims ...int) string {
	a.initializer(name, onnxpb.TensorProto_FLOAT, nil, dims)
	a.later[a.graph.Initializer[len(a.graph.Initializer)-1]] = floatContent(values, count)
	return name
}

func (a *assembly) int8s(name string, values []int8, dims ...int) string {
	raw := make([]byte, len(values))
	for i, v := range values {
		raw[i] = byte(v)
	}
	return a.initializer(name, onnxpb.TensorProto_INT8, raw, dims)
}

// scalar adds a float32 constant once, however often it is asked for.
func (a *assembly) scalar(name string, value float32) string {
	if a.known[name] {
		return name
	}
	return a.floats(name, []float32{value})
}

func (a *assembly) uint8Scalar(name string, value byte) string {
	if a.known[name] {
		return name
	}
	return a.initializer(name, onnxpb.TensorProto_UINT8, []byte{value}, nil)
}

// int64s adds indices, once.
func (a *assembly) int64s(name string, values []int64, dims ...int) string {
	if a.known[name] {
		return name
	}
	raw := make([]byte, 0, 8*len(values))
	for _, v := range values {
		raw = binary.LittleEndian.AppendUint64(raw, uint64(v))
	}
	return a.initializer(name, onnxpb.TensorProto_INT64, raw, dims)
}

func (a *assembly) initializer(name string, kind onnxpb.TensorProto_DataType, raw []byte, dims []int) string {
	t := &onnxpb.TensorProto{Name: &name, DataType: proto.Int32(int32(kind)), RawData: raw}
	for _, d := range dims {
		t.Dims = append(t.Dims, int64(d))
	}
	a.graph.Initializer = append(a.graph.Initializer, t)
	a.known[name] = true
	return name
}

// input declares an int32 input [pairs, tokens].
func (a *assembly) input(name string) string { return a.shapedInput(name, dynamicPairs, dynamicTokens) }

// shapedInput declares an int32 input; a dimension is a number, or a name where it varies.
func (a *assembly) shapedInput(name string, dims ...any) string {
	var shape []*onnxpb.TensorShapeProto_Dimension
	for _, d := range dims {
		switch d := d.(type) {
		case int:
			shape = append(shape, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: int64(d)}})
		case string:
			shape = append(shape, &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: d}})
		}
	}
	a.graph.Input = append(a.graph.Input, tensorInfo(name, onnxpb.TensorProto_INT32, shape...))
	return name
}

// output declares a float32 output [pairs, 1].
func (a *assembly) output(name string) {
	a.graph.Output = append(a.graph.Output, tensorInfo(name, onnxpb.TensorProto_FLOAT,
		&onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: dynamicPairs}},
		&onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 1}}))
}

// model returns the whole graph in memory.
func (a *assembly) model() *onnxpb.ModelProto {
	for _, t := range a.graph.Initializer {
		if c, ok := a.later[t]; ok {
			t.RawData = make([]byte, 0, c.size)
			for chunk := range c.chunks {
				t.RawData = append(t.RawData, chunk...)
			}
		}
	}
	clear(a.later)
	return a.outline()
}

// outline is the graph without the initializers that come later.
func (a *assembly) outline() *onnxpb.ModelProto {
	return &onnxpb.ModelProto{
		IrVersion:    proto.Int64(irVersion),
		ProducerName: proto.String(producerName),
		Graph:        a.graph,
		OpsetImport: []*onnxpb.OperatorSetIdProto{
			{Domain: proto.String(""), Version: proto.Int64(opset)},
			{Domain: proto.String(microsoft), Version: proto.Int64(microsoftSet)},
		},
	}
}

func tensorInfo(name string, kind onnxpb.TensorProto_DataType, dims ...*onnxpb.TensorShapeProto_Dimension) *onnxpb.ValueInfoProto {
	return &onnxpb.ValueInfoProto{Name: &name, Type: &onnxpb.TypeProto{Value: &onnxpb.TypeProto_TensorType{
		TensorType: &onnxpb.TypeProto_Tensor{
			ElemType: proto.Int32(int32(kind)),
			Shape:    &onnxpb.TensorShapeProto{Dim: dims},
		},
	}}}
}

func intAttribute(name string, value int) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INT.Enum(), I: proto.Int64(int64(value))}
}

func floatAttribute(name string, value float32) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_FLOAT.Enum(), F: &value}
}

func intsAttribute(name string, values ...int64) *onnxpb.AttributeProto {
	return &onnxpb.AttributeProto{Name: &name, Type: onnxpb.AttributeProto_INTS.Enum(), Ints: values}
}
