package onnxgraph

import (
	"fmt"
	"math"
	"slices"

	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

// Precision is how the products with weights are computed; all else is float32.
type Precision string

const (
	// FP32 computes in float32. The scores are those of the weights, to float32 rounding.
	FP32 Precision = "fp32"
	// Int8 quantises each row of activations by its own range and multiplies in int8. A pair's score is still its own, but
	// differs from FP32's (docs/minilm.md has figures), and near ties may change order.
	Int8 Precision = "int8"
)

// Names of the inputs and the output of a built graph.
const (
	InputIDs      = "input_ids"
	AttentionMask = "attention_mask"
	TokenTypeIDs  = "token_type_ids"
	Logits        = "logits"
)

// Build writes a cross-encoder as a graph for ONNX Runtime's CPU provider.
//
//	input_ids, attention_mask, token_type_ids  int32 [pairs, tokens]; no token_type_ids where c has none
//	logits                                     float32 [pairs, 1]
//
// Pairs are padded on the right: attention_mask is ones, then zeros, and only its sum is used. The inputs are int32 because
// the fused embedding takes nothing else: int64 would cost a conversion.
func Build(c *CrossEncoder, p Precision) (*onnxpb.ModelProto, error) {
	b, err := build(c, p)
	if err != nil {
		return nil, err
	}
	return b.model(), nil
}

func build(c *CrossEncoder, p Precision) (*builder, error) {
	if p != FP32 && p != Int8 {
		return nil, fmt.Errorf("precision %q: want %s or %s", p, FP32, Int8)
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	b := &builder{assembly: newAssembly("cross_encoder"), c: c, precision: p}
	x := b.embeddings()
	for i, l := range c.Layers {
		x = b.layer(fmt.Sprintf("layer.%d.", i), l, x, i == len(c.Layers)-1)
	}
	b.head(x)
	return b, nil
}

type builder struct {
	*assembly
	c         *CrossEncoder
	precision Precision
	lengths   string // tokens of each pair, int32 [pairs]
}

// embeddings returns the normed sum of the embeddings, [pairs, tokens, width].
func (b *builder) embeddings() string {
	c, width := b.c, b.c.Width()
	ids, mask := b.input(InputIDs), b.input(AttentionMask)
	types, typeTable := "", ""
	if c.TokenType.Rows > 0 {
		types = b.input(TokenTypeIDs)
		typeTable = b.matrix("embeddings.token_type", c.TokenType)
	}
	b.lengths = "lengths"
	b.append("embeddings", microsoft, "EmbedLayerNormalization", []string{
		ids, types,
		b.matrix("embeddings.word", c.Word),
		b.matrix("embeddings.position", c.Position),
		typeTable,
		b.floats("embeddings.norm.weight", c.Norm.Weight, width),
		b.floats("embeddings.norm.bias", c.Norm.Bias, width),
		mask,
	}, []string{"embeddings", b.lengths}, []*onnxpb.AttributeProto{floatAttribute("epsilon", c.Epsilon)})
	return "embeddings"
}

// layer returns [pairs, tokens, width]; the last layer, whose other rows nobody reads, only the first token: [pairs, 1, width].
func (b *builder) layer(scope string, l Layer, x string, last bool) string {
	var attended string
	first := x
	switch {
	case last:
		first = b.node("first", "Gather", []string{x, b.int64s("index.first", []int64{0}, 1)}, intAttribute("axis", 1))
		attended = b.firstAttention(scope, l, first, x)
	case b.precision == FP32:
		attended = b.attention(scope, l, x)
	default:
		attended = b.partsAttention(scope, l, x)
	}
	y, bias := b.product(scope+"attention.output", l.Output, attended)
	x = b.addNorm(scope+"attention.", y, bias, first, l.AttentionNorm)
	y, bias = b.product(scope+"up", l.Up, x)
	y = b.fused(scope+"gelu", "BiasGelu", []string{y, b.floats(scope+"up.bias", bias, len(bias))})
	y, bias = b.geluProduct(scope+"down", l.Down, y)
	return b.addNorm(scope, y, bias, x, l.Norm)
}

// attention is the fastest form in float32: query, key and value in one product inside the operator.
func (b *builder) attention(scope string, l Layer, x string) string {
	width := b.c.Width()
	return b.fused(scope+"attention", "Attention", []string{
		x,
		b.floatsOf(scope+"qkv.weight", l.sideBySide, 3*width*width, width, 3*width),
		b.floats(scope+"qkv.bias", slices.Concat(l.Query.Bias, l.Key.Bias, l.Value.Bias), 3*width),
		b.lengths,
	}, intAttribute("num_heads", b.c.Heads))
}

// sideBySide is the weights of query, key and value as one matrix, [width, 3·width].
func (l Layer) sideBySide() []float32 {
	width := l.Query.Weight.Cols
	weight := make([]float32, 0, 3*width*width)
	parts := [][]float32{l.Query.Weight.Floats(), l.Key.Weight.Floats(), l.Value.Weight.Floats()}
	for row := range width {
		for _, part := range parts {
			weight = append(weight, part[row*width:(row+1)*width]...)
		}
	}
	return weight
}

// partsAttention makes query, key and value one by one, each in b.precision.
func (b *builder) partsAttention(scope string, l Layer, x string) string {
	query, _ := b.product(scope+"query", l.Query, x)
	key, _ := b.product(scope+"key", l.Key, x)
	value, _ := b.product(scope+"value", l.Value, x)
	return b.fused(scope+"attention", "MultiHeadAttention", []string{
		query, key, value,
		b.floats(scope+"qkv.bias", slices.Concat(l.Query.Bias, l.Key.Bias, l.Value.Bias), 3*b.c.Width()),
		b.lengths,
	}, intAttribute("num_heads", b.c.Heads))
}

// firstAttention is what the rows of first, one a pair, take from all of x: [pairs, 1, width]. With one row to ask, no keys and
// values are made of x: q·(x·K) is (q·Kᵀ)·x, and what the shares p sum up, p·(x·V), is (p·x)·V, so that both weights meet
// one row a head instead of every token. The key's bias adds the same to all that a query is compared with, which softmax
// does not see; the value's passes through, for the shares add up to one.
func (b *builder) firstAttention(scope string, l Layer, first, x string) string {
	width, heads := b.c.Width(), b.c.Heads
	size := width / heads
	swap := func(name, of string) string { // [pairs, heads, …] and [heads, pairs, …]
		return b.node(scope+name, "Transpose", []string{of}, intsAttribute("perm", 1, 0, 2))
	}
	query, bias := b.product(scope+"query", l.Query, first)
	query = b.node(scope+"query.sum", "Add", []string{query, b.floats(scope+"query.bias", bias, width)})
	query = b.node(scope+"query.heads", "Reshape", []string{query, b.int64s("shape.heads", []int64{0, int64(heads), int64(size)}, 3)})
	asked := b.node(scope+"asked.by_head", "MatMul", []string{
		swap("query.by_head", query),
		b.floatsOf(scope+"key.weight", l.Key.Weight.transposed, width*width, heads, size, width),
	})
	scores := b.fused(scope+"attention.scores", "FusedMatMul", []string{swap("asked", asked), x},
		intAttribute("transB", 1), floatAttribute("alpha", float32(1/math.Sqrt(float64(size)))))
	scores = b.node(scope+"attention.masked", "Add", []string{scores, b.padding()})
	shares := b.node(scope+"attention.shares", "Softmax", []string{scores}, intAttribute("axis", -1))
	taken := b.node(scope+"taken", "MatMul", []string{shares, x})
	value := b.node(scope+"value.by_head", "MatMul", []string{
		swap("taken.by_head", taken),
		b.floatsOf(scope+"value.weight", func() []float32 { return l.Value.Weight.byColumns(heads) }, width*width, heads, width, size),
	})
	value = b.node(scope+"value.row", "Reshape", []string{swap("value.heads", value), b.int64s("shape.row", []int64{0, 1, int64(width)}, 3)})
	return b.node(scope+"attention", "Add", []string{value, b.floats(scope+"value.bias", l.Value.Bias, width)})
}

// padding is what hides padding from a softmax: 0 for tokens and a number far below any score for the rest, [pairs, 1, tokens].
func (b *builder) padding() string {
	tokens := b.node("mask", "Cast", []string{AttentionMask}, intAttribute("to", int(onnxpb.TensorProto_FLOAT)))
	hidden := b.node("mask.hidden", "Sub", []string{tokens, b.scalar("one", 1)})
	hidden = b.node("mask.low", "Mul", []string{hidden, b.scalar("mask.weight", 1e9)})
	return b.node("mask.row", "Unsqueeze", []string{hidden, b.int64s("axis.tokens", []int64{1}, 1)})
}

// addNorm is the layer norm of y + bias + x, spelled out: over rows of 384, ONNX Runtime's SkipLayerNormalization (and the
// LayerNormalization that it fuses others into) adds up numbers one by one and takes 2.5 times as long. The variance is a
// mean of d·d and the division a product with a reciprocal, so that no fusion recognises it.
func (b *builder) addNorm(scope, y string, bias []float32, x string, n Norm) string {
	width := b.c.Width()
	mean := func(name, of string) string {
		return b.node(scope+name, "ReduceMean", []string{of}, intsAttribute("axes", -1), intAttribute("keepdims", 1))
	}
	sum := b.node(scope+"norm.residual", "Add", []string{y, x})
	sum = b.node(scope+"norm.sum", "Add", []string{sum, b.floats(scope+"norm.product.bias", bias, width)})
	centred := b.node(scope+"norm.centred", "Sub", []string{sum, mean("norm.mean", sum)})
	square := b.node(scope+"norm.square", "Mul", []string{centred, centred})
	shifted := b.node(scope+"norm.shifted", "Add", []string{mean("norm.variance", square), b.scalar("epsilon", b.c.Epsilon)})
	deviation := b.node(scope+"norm.deviation", "Sqrt", []string{shifted})
	scale := b.node(scope+"norm.scale", "Reciprocal", []string{deviation})
	unit := b.node(scope+"norm.unit", "Mul", []string{centred, scale})
	scaled := b.node(scope+"norm.scaled", "Mul", []string{unit, b.floats(scope+"norm.weight", n.Weight, width)})
	return b.node(scope+"norm", "Add", []string{scaled, b.floats(scope+"norm.bias", n.Bias, width)})
}

// head turns [pairs, 1, width] into the score.
func (b *builder) head(x string) {
	b.scoreOf(b.node("vector", "Squeeze", []string{x, b.int64s("axis.tokens", []int64{1}, 1)}), b.c)
}

// scoreOf turns the vectors [pairs, width] into the graph's output. It is float32 in every precision: it is small, and the
// last to round.
func (a *assembly) scoreOf(x string, c *CrossEncoder) {
	dense := func(name, out string, l Linear) string {
		return a.node(out, "Gemm", []string{
			x,
			a.floats(name+".weight", l.Weight.Floats(), c.Width(), l.Weight.Cols),
			a.floats(name+".bias", l.Bias, len(l.Bias)),
		})
	}
	if c.Pooler != nil {
		x = dense("pooler", "pooled", *c.Pooler)
		x = a.node("activated", string(c.Activation), []string{x})
	}
	dense("classifier", Logits, c.Classifier)
	a.output(Logits)
}
