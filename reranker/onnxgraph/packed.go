package onnxgraph

import (
	"fmt"

	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

// FP16 computes in float16 but for the head: the precision of BuildPacked.
const FP16 Precision = "fp16"

// Names of the inputs of a packed graph, beside InputIDs and TokenTypeIDs.
const (
	PositionIDs       = "position_ids"
	CumulativeLengths = "cumulative_lengths"
	TokenOffset       = "token_offset"
)

// BuildPacked writes a cross-encoder as a graph for ONNX Runtime's CUDA provider: the pairs of a batch lie end to end, without
// padding. The provider alone has PackedMultiHeadAttention: no CPU runs this graph.
//
//	input_ids, position_ids, token_type_ids  int32 [1, tokens]: of all pairs; no token_type_ids where c has none
//	cumulative_lengths                       int32 [pairs+1]: where each pair starts, and the number of tokens
//	token_offset                             int32 [pairs, longest]: where tokens lie in [pairs, longest], row-major; then the
//	                                         places that padding has
//	logits                                   float32 [pairs, 1]
//
// Inside, numbers are float16; the head, which is small and the last to round, is float32. In the last layer all but the
// attention is computed for each pair's first token alone: nobody reads the others. A weight beyond float16 is an error.
func BuildPacked(c *CrossEncoder) (*onnxpb.ModelProto, error) {
	b, err := buildPacked(c)
	if err != nil {
		return nil, err
	}
	return b.model(), nil
}

func buildPacked(c *CrossEncoder) (*packedBuilder, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	b := &packedBuilder{assembly: newAssembly("packed_cross_encoder"), c: c}
	norm := newConstantNorm(c.Norm)
	x := b.embeddings(norm.Norm)
	first := b.firstRows()
	for i, l := range c.Layers {
		last := i == len(c.Layers)-1
		next := constantNorm{Norm: l.Norm}
		if !last {
			next = newConstantNorm(l.Norm)
		}
		x = b.layer(fmt.Sprintf("layer.%d.", i), l, x, norm, next.Norm, last, first)
		norm = next
	}
	b.head(x)
	if b.failure != nil {
		return nil, b.failure
	}
	return b, nil
}

type packedBuilder struct {
	*assembly
	c *CrossEncoder
}

// embeddings returns the normed sum of the embeddings, [tokens, width].
func (b *packedBuilder) embeddings(n Norm) string {
	c := b.c
	ids, positions := b.shapedInput(InputIDs, 1, dynamicTokens), b.shapedInput(PositionIDs, 1, dynamicTokens)
	b.shapedInput(CumulativeLengths, "starts")
	b.shapedInput(TokenOffset, dynamicPairs, "longest")
	types, typeTable := "", ""
	if c.TokenType.Rows > 0 {
		types = b.shapedInput(TokenTypeIDs, 1, dynamicTokens)
		typeTable = b.halfMatrix("embeddings.token_type", c.TokenType)
	}
	// The second output is for masks, of which there are none; the operator wants it named.
	b.append("embeddings.rows", microsoft, "EmbedLayerNormalization", []string{
		ids, types,
		b.halfMatrix("embeddings.word", c.Word),
		b.halfMatrix("embeddings.position", c.Position),
		typeTable,
		b.halfVector("embeddings.norm.weight", n.Weight),
		b.halfVector("embeddings.norm.bias", n.Bias),
		"", // mask
		positions,
	}, []string{"embeddings.rows", "embeddings.unmasked"}, []*onnxpb.AttributeProto{floatAttribute("epsilon", c.Epsilon)})
	return b.node("embeddings", "Squeeze", []string{"embeddings.rows", b.int64s("axis.batch", []int64{0}, 1)})
}

// firstRows returns the row of each pair's first token, [pairs]: the cumulative lengths without the last.
func (b *packedBuilder) firstRows() string {
	return b.node("first", "Slice", []string{
		CumulativeLengths, b.int64s("from.first", []int64{0}, 1), b.int64s("to.last", []int64{-1}, 1),
	})
}

// layer returns [tokens, width], normed by next; the last layer [pairs, width], the rows that first names. x is what norm made.
func (b *packedBuilder) layer(scope string, l Layer, x string, norm constantNorm, next Norm, last bool, first string) string {
	attended, bias := b.attention(scope, l, x, norm)
	if last {
		attended = b.node("first.attended", "Gather", []string{attended, first}, intAttribute("axis", 0))
		x = b.node("first.residual", "Gather", []string{x, first}, intAttribute("axis", 0))
	}
	y := b.times(scope+"attention.output", l.Output.Weight, attended)
	x = b.addNorm(scope+"attention.", y, bias, x, l.AttentionNorm)
	y = b.times(scope+"up", l.Up.Weight, x)
	y = b.fused(scope+"gelu", "BiasGelu", []string{y, b.halfVector(scope+"up.bias", l.Up.Bias)})
	y = b.times(scope+"down", l.Down.Weight, y)
	return b.addNorm(scope, y, l.Down.Bias, x, next)
}

// attention returns [tokens, width], and the bias to add to its product with l.Output and x. The operator takes query, key and
// value as they are if it has no bias to add, and else copies all three. The query's bias is in its weights. The key's b would add
// q·b to all that a query is compared with, which softmax does not see. The value's passes through, for the shares add up to
// one: it goes with the output's bias, as does what x is shifted by.
func (b *packedBuilder) attention(scope string, l Layer, x string, norm constantNorm) (attended string, bias []float32) {
	var query string
	if norm.one != nil {
		query = b.times(scope+"query", norm.withBias(l.Query), x)
	} else {
		query = b.node(scope+"query", "Add", []string{
			b.times(scope+"query.product", l.Query.Weight, x), b.halfVector(scope+"query.bias", l.Query.Bias),
		})
	}
	key, value := b.times(scope+"key", l.Key.Weight, x), b.times(scope+"value", l.Value.Weight, x)
	attended = b.fused(scope+"attention", "PackedMultiHeadAttention", []string{
		query, key, value, "", TokenOffset, CumulativeLengths,
	}, intAttribute("num_heads", b.c.Heads))
	bias = make([]float32, len(l.Output.Bias))
	for i, v := range product(norm.unshifted(l.Value), l.Output.Weight) {
		bias[i] = float32(v + float64(l.Output.Bias[i]) - norm.shift[i])
	}
	return attended, bias
}

func (b *packedBuilder) times(name string, w Matrix, x string) string {
	return b.node(name, "MatMul", []string{x, b.halfMatrix(name+".weight", w)})
}

// addNorm is the layer norm of y + bias + x.
func (b *packedBuilder) addNorm(scope, y string, bias []float32, x string, n Norm) string {
	return b.fused(scope+"norm", "SkipLayerNormalization", []string{
		y, x,
		b.halfVector(scope+"norm.weight", n.Weight),
		b.halfVector(scope+"norm.bias", n.Bias),
		b.halfVector(scope+"norm.product.bias", bias),
	}, floatAttribute("epsilon", b.c.Epsilon))
}

// head turns [pairs, width] into the score.
func (b *packedBuilder) head(x string) {
	x = b.node("vector", "Cast", []string{x}, intAttribute("to", int(onnxpb.TensorProto_FLOAT)))
	b.scoreOf(x, b.c)
}
