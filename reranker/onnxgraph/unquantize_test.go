package onnxgraph

import (
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

func TestUnquantizeFindsTheArchitecture(t *testing.T) {
	g, err := Read(readFile(t, "testdata/tiny.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Unquantize(g)
	if err != nil {
		t.Fatal(err)
	}
	got := []int{len(c.Layers), c.Heads, c.Width(), c.Word.Rows, c.Position.Rows, c.TokenType.Rows, c.Layers[0].Up.Weight.Cols}
	if want := []int{2, 4, 32, 50, 40, 2, 64}; !slices.Equal(got, want) {
		t.Errorf("layers, heads, width, vocabulary, positions, types, inner: %v, want %v", got, want)
	}
	if c.Epsilon != 1e-12 {
		t.Errorf("epsilon %v", c.Epsilon)
	}
	if c.Layers[0].Query.Weight.Codes == nil {
		t.Error("the int8 codes of the source were lost: int8 graphs would be rounded twice")
	}
}

// A graph that differs from what is understood is refused with its reason, never read half.
func TestUnquantizeRefuses(t *testing.T) {
	cases := []struct {
		name, want string
		change     func(*onnxpb.GraphProto)
	}{
		{"another operator", `operator "FastGelu"`, func(g *onnxpb.GraphProto) { first(g, "Erf").OpType = proto.String("FastGelu") }},
		{"an operator of another domain", "com.microsoft", func(g *onnxpb.GraphProto) { first(g, "Erf").Domain = proto.String("com.microsoft") }},
		{"nothing quantised", "no MatMulInteger", func(g *onnxpb.GraphProto) {
			for _, n := range g.Node {
				if n.GetOpType() == "MatMulInteger" {
					n.OpType = proto.String("MatMul")
				}
			}
		}},
		{"a weight computed in the graph", "not an initializer", func(g *onnxpb.GraphProto) { first(g, "MatMulInteger").Input[1] = "computed" }},
		{"a zero point computed in the graph", "not an initializer", func(g *onnxpb.GraphProto) { first(g, "MatMulInteger").Input[3] = "computed" }},
		{"activations quantised otherwise", "not dynamically quantised", func(g *onnxpb.GraphProto) {
			n := first(g, "DynamicQuantizeLinear")
			n.OpType = proto.String("Identity")
		}},
		{"a product without its inputs", "without two inputs", func(g *onnxpb.GraphProto) { first(g, "MatMulInteger").Input = nil }},
		{"a product that is not scaled", "not scaled", func(g *onnxpb.GraphProto) {
			m := first(g, "MatMulInteger")
			for _, n := range g.Node {
				if slices.Contains(n.Input, m.Output[0]) {
					n.OpType = proto.String("Identity")
				}
			}
		}},
		{"a product without bias", "no product with the bias", func(g *onnxpb.GraphProto) { rename(g, "bert.pooler.dense.bias", "other.bias") }},
		{"a missing table", `no initializer "bert.embeddings.word_embeddings.weight_quantized"`, func(g *onnxpb.GraphProto) {
			rename(g, "bert.embeddings.word_embeddings.weight_quantized", "gone")
		}},
		{"a missing layer", "no product with the bias", func(g *onnxpb.GraphProto) {
			rename(g, "bert.encoder.layer.1.output.dense.bias", "bert.encoder.layer.3.output.dense.bias")
		}},
		{"a table shorter than its shape", "elements for the shape", func(g *onnxpb.GraphProto) {
			t := named(g, "bert.embeddings.word_embeddings.weight_quantized")
			t.RawData = t.RawData[1:]
		}},
		{"a table with an impossible shape", "impossible shape", func(g *onnxpb.GraphProto) {
			named(g, "bert.embeddings.word_embeddings.weight_quantized").Dims = []int64{1 << 40, 1 << 40}
		}},
		{"an empty table with a vast row", "is empty", func(g *onnxpb.GraphProto) {
			t := named(g, "bert.embeddings.word_embeddings.weight_quantized")
			t.Dims, t.RawData = []int64{0, 1 << 40}, []byte{}
		}},
		{"a negative shape", "impossible shape", func(g *onnxpb.GraphProto) {
			named(g, "bert.embeddings.word_embeddings.weight_quantized").Dims = []int64{-50, -32}
		}},
		{"a table of the wrong type", "element type", func(g *onnxpb.GraphProto) {
			named(g, "bert.embeddings.word_embeddings.weight_quantized").DataType = proto.Int32(int32(onnxpb.TensorProto_STRING))
		}},
		{"a scale that is no number", "holds NaN", func(g *onnxpb.GraphProto) {
			t := named(g, "bert.embeddings.word_embeddings.weight_scale")
			t.RawData, t.FloatData = []byte{0, 0, 0xc0, 0x7f}, nil
		}},
		{"norms of the wrong width", "embedding norm", func(g *onnxpb.GraphProto) {
			t := named(g, "bert.embeddings.LayerNorm.bias")
			t.Dims, t.RawData = []int64{31}, t.RawData[4:]
		}},
		{"no heads", "attention heads", func(g *onnxpb.GraphProto) {
			g.Node = slices.DeleteFunc(g.Node, func(n *onnxpb.NodeProto) bool { return n.GetOpType() == "Reshape" })
		}},
		{"no epsilon", "epsilon", func(g *onnxpb.GraphProto) {
			g.Node = slices.DeleteFunc(g.Node, func(n *onnxpb.NodeProto) bool { return n.GetOpType() == "Sqrt" })
		}},
		{"another activation", "exact GELUs", func(g *onnxpb.GraphProto) { first(g, "Erf").OpType = proto.String("Tanh") }},
	}
	tiny := readFile(t, "testdata/tiny.onnx")
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			m := &onnxpb.ModelProto{}
			if err := proto.Unmarshal(tiny, m); err != nil {
				t.Fatal(err)
			}
			c.change(m.Graph)
			g, err := Read(mustEncode(t, m))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := Unquantize(g); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

func TestMatrixCodes(t *testing.T) {
	m := Matrix{Rows: 2, Cols: 3, Values: []float32{-127, 0, 0.25, 63, 0, 0.5}}
	q := m.Quantized()
	if want := []int8{-127, 0, 64, 63, 0, 127}; !slices.Equal(q.Codes, want) { // by column; 63.5 rounds to even
		t.Errorf("codes %v, want %v", q.Codes, want)
	}
	if again := q.Quantized(); &again.Codes[0] != &q.Codes[0] {
		t.Error("codes were made anew")
	}
	for i, got := range q.Floats() {
		if bound := q.Scales[i%3] / 2; got < m.Values[i]-bound || got > m.Values[i]+bound {
			t.Errorf("value %d: %v, want %v", i, got, m.Values[i])
		}
	}
}

func first(g *onnxpb.GraphProto, operator string) *onnxpb.NodeProto {
	at := slices.IndexFunc(g.Node, func(n *onnxpb.NodeProto) bool { return n.GetOpType() == operator })
	return g.Node[at]
}

func named(g *onnxpb.GraphProto, name string) *onnxpb.TensorProto {
	at := slices.IndexFunc(g.Initializer, func(t *onnxpb.TensorProto) bool { return t.GetName() == name })
	return g.Initializer[at]
}

// rename renames an initializer and its uses.
func rename(g *onnxpb.GraphProto, from, to string) {
	named(g, from).Name = &to
	for _, n := range g.Node {
		for i, in := range n.Input {
			if in == from {
				n.Input[i] = to
			}
		}
	}
}
