package onnxgraph

import (
	"fmt"
	"math"
	"slices"
	"testing"

	ort "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/proto"

	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

// unpackAttention replaces PackedMultiHeadAttention, which CUDA alone has, by MultiHeadAttention over all tokens as one pair, with a bias that
// hides other pairs' tokens: input "same_pair" [1, 1, tokens, tokens]. All else stays, so a CPU can run the graph: it computes
// float16 operators in float32.
func unpackAttention(t *testing.T, model *onnxpb.ModelProto) *onnxpb.ModelProto {
	t.Helper()
	model = proto.CloneOf(model)
	const axis = "axis.batch"
	node := func(operator, domain string, in []string, out string, attributes ...*onnxpb.AttributeProto) *onnxpb.NodeProto {
		return &onnxpb.NodeProto{OpType: &operator, Domain: &domain, Input: in, Output: []string{out}, Attribute: attributes}
	}
	var nodes []*onnxpb.NodeProto
	replaced := 0
	for _, n := range model.Graph.Node {
		if n.GetOpType() != "PackedMultiHeadAttention" {
			nodes = append(nodes, n)
			continue
		}
		replaced++
		if n.Input[3] != "" || n.Input[4] != TokenOffset || n.Input[5] != CumulativeLengths {
			t.Errorf("%s reads %v", n.GetName(), n.Input)
		}
		name := n.GetName()
		for i, part := range []string{".q", ".k", ".v"} {
			nodes = append(nodes, node("Unsqueeze", "", []string{n.Input[i], axis}, name+part))
		}
		nodes = append(nodes,
			node("MultiHeadAttention", microsoft, []string{name + ".q", name + ".k", name + ".v", "", "", "same_pair"}, name+".out", n.Attribute...),
			node("Squeeze", "", []string{name + ".out", axis}, n.Output[0]))
	}
	if replaced == 0 {
		t.Fatal("no PackedMultiHeadAttention")
	}
	model.Graph.Node = nodes
	model.Graph.Input = slices.DeleteFunc(model.Graph.Input, func(i *onnxpb.ValueInfoProto) bool { return i.GetName() == TokenOffset })
	one := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimValue{DimValue: 1}}
	tokens := &onnxpb.TensorShapeProto_Dimension{Value: &onnxpb.TensorShapeProto_Dimension_DimParam{DimParam: dynamicTokens}}
	model.Graph.Input = append(model.Graph.Input, tensorInfo("same_pair", onnxpb.TensorProto_FLOAT16, one, one, tokens, tokens))
	return model
}

// scorePacked scores pairs as one batch of the graph that unpackAttention made.
func scorePacked(t *testing.T, model *onnxpb.ModelProto, pairs []pair) []float32 {
	t.Helper()
	if !ort.IsInitialized() {
		t.Skip("ONNX Runtime is not there: make build fetches it, or set RESIFT_ONNXRUNTIME")
	}
	text, err := proto.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	columns := map[string][]int32{CumulativeLengths: {0}}
	var owner []int
	for p, pair := range pairs {
		for i, id := range pair.IDs {
			columns[InputIDs] = append(columns[InputIDs], id)
			columns[PositionIDs] = append(columns[PositionIDs], int32(i))
			columns[TokenTypeIDs] = append(columns[TokenTypeIDs], pair.Types[i])
			owner = append(owner, p)
		}
		columns[CumulativeLengths] = append(columns[CumulativeLengths], int32(len(owner)))
	}
	tokens := int64(len(owner))
	hide := make([]byte, 2*tokens*tokens)
	for row := range owner {
		for col := range owner {
			if owner[row] != owner[col] {
				copy(hide[2*(row*len(owner)+col):], []byte{0xff, 0xfb}) // -65504
			}
		}
	}
	var names []string
	var inputs []ort.Value
	for _, in := range model.Graph.Input {
		names = append(names, in.GetName())
		var v ort.Value
		if in.GetName() == "same_pair" {
			v, err = ort.NewCustomDataTensor(ort.NewShape(1, 1, tokens, tokens), hide, ort.TensorElementDataTypeFloat16)
		} else {
			column := columns[in.GetName()]
			shape := ort.NewShape(1, int64(len(column)))
			if in.GetName() == CumulativeLengths {
				shape = shape[1:]
			}
			v, err = ort.NewTensor(shape, column)
		}
		if err != nil {
			t.Fatal(err)
		}
		defer v.Destroy()
		inputs = append(inputs, v)
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(text, names, []string{Logits}, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer session.Destroy()
	scores := make([]float32, len(pairs))
	out, err := ort.NewTensor(ort.NewShape(int64(len(pairs)), 1), scores)
	if err != nil {
		t.Fatal(err)
	}
	defer out.Destroy()
	if err := session.Run(inputs, []ort.Value{out}); err != nil {
		t.Fatal(err)
	}
	return scores
}

// roundToHalf makes the weights those that the packed graph holds, so that the reference differs by arithmetic alone.
func roundToHalf(c *CrossEncoder) {
	round := func(values []float32) {
		for i, v := range values {
			values[i] = float32(fromHalf(toHalf(v)))
		}
	}
	for _, m := range []Matrix{c.Word, c.Position, c.TokenType} {
		round(m.Values)
	}
	round(c.Norm.Weight)
	round(c.Norm.Bias)
	for _, l := range c.Layers {
		for _, part := range []Linear{l.Query, l.Key, l.Value, l.Output, l.Up, l.Down} {
			round(part.Weight.Values)
			round(part.Bias)
		}
		for _, n := range []Norm{l.AttentionNorm, l.Norm} {
			round(n.Weight)
			round(n.Bias)
		}
	}
}

func TestPackedGraphScoresAsTheReference(t *testing.T) {
	distil := func(c *CrossEncoder) { c.TokenType, c.Activation = Matrix{}, Relu }
	cases := []struct {
		name                 string
		layers, width, heads int
		change               func(*CrossEncoder)
	}{
		{"bert", 3, 48, 4, func(*CrossEncoder) {}},
		{"one layer", 1, 32, 2, func(*CrossEncoder) {}},
		{"distilbert", 2, 32, 4, distil},
		{"distilbert cat", 2, 32, 4, func(c *CrossEncoder) { distil(c); c.Pooler = nil }},
		{"no constant", 2, 32, 4, func(c *CrossEncoder) { c.Norm.Weight[3], c.Layers[0].Norm.Weight[5] = 0, 0 }},
		{"large epsilon", 2, 32, 4, func(c *CrossEncoder) { c.Epsilon = 0.3 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			encoder := randomEncoder(uint64(len(c.name)), c.layers, c.width, c.heads)
			c.change(encoder)
			roundToHalf(encoder)
			model, err := BuildPacked(encoder)
			if err != nil {
				t.Fatal(err)
			}
			model = unpackAttention(t, model)
			pairs := randomPairs(9)
			for n := range len(pairs) {
				for i, got := range scorePacked(t, model, pairs[:n+1]) {
					want := reference(encoder, pairs[i].IDs, pairs[i].Types)
					// The CPU rounds to float16 only what passes between operators.
					if diff := math.Abs(float64(got) - want); !(diff <= 0.02) {
						t.Errorf("pair %d of %d: score %v, reference %v: differ by %v", i, n+1, got, want, diff)
					}
				}
			}
		})
	}
}

// The last layer must not compute what nobody reads: that is a tenth of the time.
func TestPackedGraphCutsTheLastLayer(t *testing.T) {
	model, err := BuildPacked(randomEncoder(1, 3, 32, 4))
	if err != nil {
		t.Fatal(err)
	}
	count := map[string]int{}
	for _, n := range model.Graph.Node {
		count[n.GetOpType()]++
		if n.GetOpType() == "MatMul" {
			wantsFirst := n.GetName() == "layer.2.attention.output"
			if readsFirst := n.Input[0] == "first.attended"; readsFirst != wantsFirst {
				t.Errorf("%s reads %s", n.GetName(), n.Input[0])
			}
		}
	}
	if want := "map[BiasGelu:3 Cast:1 EmbedLayerNormalization:1 Gather:2 Gemm:2 MatMul:18 PackedMultiHeadAttention:3 SkipLayerNormalization:6 Slice:1 Squeeze:1 Tanh:1]"; fmt.Sprint(count) != want {
		t.Errorf("operators %v, want %s", count, want)
	}
	kinds := map[int32]int{}
	for _, i := range model.Graph.Initializer {
		kinds[i.GetDataType()]++
	}
	if n := kinds[int32(onnxpb.TensorProto_FLOAT)]; n != 4 { // pooler and classifier
		t.Errorf("%d float32 initializers", n)
	}
}
