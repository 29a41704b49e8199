package onnxgraph

import (
	"bytes"
	"strings"
	"testing"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

func TestReadRefuses(t *testing.T) {
	tiny := readFile(t, "testdata/tiny.onnx")
	field := func(number protowire.Number, content []byte) []byte {
		return protowire.AppendBytes(protowire.AppendTag(nil, number, protowire.BytesType), content)
	}
	const graph, node = 7, 1 // fields of ModelProto and GraphProto
	deep := []byte{}
	for range 40 { // NodeProto.attribute → AttributeProto.g → a graph again
		deep = field(node, field(5, field(6, deep)))
	}
	model := func(change func(*onnxpb.ModelProto)) []byte {
		m := &onnxpb.ModelProto{}
		if err := proto.Unmarshal(tiny, m); err != nil {
			t.Fatal(err)
		}
		change(m)
		return mustEncode(t, m)
	}
	cases := []struct {
		name, want string
		file       []byte
	}{
		{"empty", "no graph", nil},
		{"text", "not a model file", []byte("<!DOCTYPE html><html>not found</html>")},
		{"zeros", "not a model file", make([]byte, 1000)},
		{"no graph", "no graph", mustEncode(t, &onnxpb.ModelProto{IrVersion: proto.Int64(8)})},
		{"cut off", "cut off", tiny[:len(tiny)-1]},
		{"length beyond the end", "cut off", []byte{7<<3 | 2, 0xff, 0xff, 0xff, 0xff, 0x0f}},
		{"too deep", "nest more than", field(graph, deep)},
		{"too many messages", "messages", field(graph, bytes.Repeat(field(node, nil), maxMessages))},
		{"two initializers of a name", "two initializers", model(func(m *onnxpb.ModelProto) {
			m.Graph.Initializer[1].Name = m.Graph.Initializer[0].Name
		})},
		{"an output made twice", "two nodes or initializers make", model(func(m *onnxpb.ModelProto) {
			m.Graph.Node[1].Output = m.Graph.Node[0].Output
		})},
		{"external data", "another file", model(func(m *onnxpb.ModelProto) {
			m.Graph.Initializer[0].DataLocation = onnxpb.TensorProto_EXTERNAL.Enum()
		})},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Read(c.file)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// FuzzRead holds that no bytes make Read or Unquantize panic.
func FuzzRead(f *testing.F) {
	f.Add([]byte{7<<3 | 2, 2, 1<<3 | 2, 0}) // a graph with one empty node
	f.Add(mustEncode(f, &onnxpb.ModelProto{Graph: &onnxpb.GraphProto{
		Node:        []*onnxpb.NodeProto{{Input: []string{"x", "w"}, Output: []string{"y"}, OpType: proto.String("MatMulInteger")}},
		Initializer: []*onnxpb.TensorProto{{Name: proto.String("w"), Dims: []int64{1, 2}, DataType: proto.Int32(3), RawData: []byte{1, 2}}},
	}}))
	f.Fuzz(func(t *testing.T, file []byte) { readAndWrite(t, file) })
}

// FuzzUnquantize damages a good file: most damage keeps it a readable graph, which raw bytes seldom are.
func FuzzUnquantize(f *testing.F) {
	tiny := readFile(f, "testdata/tiny.onnx")
	f.Add(uint(0), []byte{}, uint(0))
	f.Add(uint(5000), []byte("MatMul"), uint(0))
	f.Add(uint(len(tiny)-2000), []byte{0, 0, 0xc0, 0x7f}, uint(0))
	f.Add(uint(0), []byte{}, uint(len(tiny)/2))
	f.Fuzz(func(t *testing.T, at uint, patch []byte, cut uint) {
		file := bytes.Clone(tiny)
		copy(file[at%uint(len(file)):], patch)
		readAndWrite(t, file[:uint(len(file))-cut%uint(len(file))])
	})
}

// readAndWrite holds that what is accepted can be written.
func readAndWrite(t *testing.T, file []byte) {
	g, err := Read(file)
	if err != nil {
		return
	}
	c, err := Unquantize(g)
	if err != nil {
		return
	}
	for _, p := range []Precision{FP32, Int8} {
		if _, err := marshal(c, p); err != nil {
			t.Errorf("accepted weights cannot be written: %v", err)
		}
	}
}

func mustEncode(t testing.TB, m *onnxpb.ModelProto) []byte {
	file, err := proto.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
