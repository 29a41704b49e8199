package onnxgraph

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

// Names of the initializers of a BertForSequenceClassification exported from Transformers.
const (
	embeddings = "bert.embeddings."
	layerName  = "bert.encoder.layer.%d."
	pooler     = "bert.pooler.dense"
	classifier = "classifier"
)

// bertOperators are the operators of such an export after dynamic quantisation. A graph with another one may compute
// something that CrossEncoder does not describe, and is refused.
var bertOperators = map[string]bool{
	"Add": true, "Cast": true, "Concat": true, "Constant": true, "ConstantOfShape": true, "DequantizeLinear": true, "Div": true,
	"DynamicQuantizeLinear": true, "Equal": true, "Erf": true, "Expand": true, "Gather": true, "Identity": true, "MatMul": true,
	"MatMulInteger": true, "Mul": true, "Pow": true, "ReduceMean": true, "Reshape": true, "Shape": true, "Slice": true,
	"Softmax": true, "Sqrt": true, "Sub": true, "Tanh": true, "Transpose": true, "Unsqueeze": true, "Where": true,
}

// Unquantize takes the weights out of a BertForSequenceClassification graph that ONNX Runtime's dynamic quantiser wrote:
//
//	DynamicQuantizeLinear(x) ─▶ MatMulInteger ─▶ Cast ─▶ Mul(activation scale · weight scale) ─▶ Add(bias)
//
// and embedding tables stored as NAME_quantized, NAME_scale and NAME_zero_point. A product is known by the initializer name
// of its bias, because the exporter drops the weight's own name. Weights keep their codes: nothing is rounded.
func Unquantize(g *Graph) (*CrossEncoder, error) {
	c, err := unquantize(g)
	if err != nil {
		return nil, fmt.Errorf("not a dynamically quantised BERT cross-encoder: %w", err)
	}
	return c, nil
}

func unquantize(g *Graph) (*CrossEncoder, error) {
	for _, n := range g.Model.Graph.Node {
		if n.GetDomain() != "" || !bertOperators[n.GetOpType()] {
			return nil, fmt.Errorf("operator %q (node %q) is not one of its operators", n.GetDomain()+n.GetOpType(), n.GetName())
		}
	}
	products, err := g.products()
	if err != nil {
		return nil, err
	}
	w := &weightReader{g: g, products: products}
	c := &CrossEncoder{
		Word:       w.table(embeddings + "word_embeddings.weight"),
		Position:   w.table(embeddings + "position_embeddings.weight"),
		TokenType:  w.table(embeddings + "token_type_embeddings.weight"),
		Norm:       w.norm(embeddings + "LayerNorm"),
		Activation: Tanh,
		Classifier: w.linear(classifier),
	}
	pool := w.linear(pooler)
	c.Pooler = &pool
	for i := 0; w.err == nil && len(w.products) > 0; i++ {
		c.Layers = append(c.Layers, w.layer(fmt.Sprintf(layerName, i)))
	}
	if w.err != nil {
		return nil, w.err
	}
	if c.Heads, err = g.heads(c.Width()); err != nil {
		return nil, err
	}
	if c.Epsilon, err = g.epsilon(); err != nil {
		return nil, err
	}
	if n := g.countOperators("Erf"); n != len(c.Layers) {
		return nil, fmt.Errorf("%d exact GELUs (Erf) for %d layers", n, len(c.Layers))
	}
	return c, c.check()
}

// weightReader takes weights by name and remembers the first problem. Each product can be taken once, so that a layer too
// many or a product too many is noticed.
type weightReader struct {
	g        *Graph
	products map[string]Linear
	err      error
}

func (w *weightReader) layer(prefix string) Layer {
	return Layer{
		Query:         w.linear(prefix + "attention.self.query"),
		Key:           w.linear(prefix + "attention.self.key"),
		Value:         w.linear(prefix + "attention.self.value"),
		Output:        w.linear(prefix + "attention.output.dense"),
		AttentionNorm: w.norm(prefix + "attention.output.LayerNorm"),
		Up:            w.linear(prefix + "intermediate.dense"),
		Down:          w.linear(prefix + "output.dense"),
		Norm:          w.norm(prefix + "output.LayerNorm"),
	}
}

func (w *weightReader) linear(name string) Linear {
	l, ok := w.products[name]
	if !ok && w.err == nil {
		w.err = fmt.Errorf("no product with the bias %q; found %s", name+".bias", some(slices.Sorted(maps.Keys(w.products))))
	}
	delete(w.products, name)
	return l
}

func (w *weightReader) norm(name string) Norm {
	return Norm{Weight: w.vector(name + ".weight"), Bias: w.vector(name + ".bias")}
}

func (w *weightReader) vector(name string) []float32 {
	t := w.tensor(name)
	if t == nil {
		return nil
	}
	values, err := floats(t)
	w.fail(err)
	return values
}

func (w *weightReader) table(name string) Matrix {
	codes, scale := w.tensor(name+"_quantized"), w.tensor(name+"_scale")
	if w.err != nil {
		return Matrix{}
	}
	m, err := dequantize(codes, scale, w.g.tensors[name+"_zero_point"])
	w.fail(err)
	return m
}

func (w *weightReader) tensor(name string) *onnxpb.TensorProto {
	t := w.g.tensors[name]
	if t == nil {
		w.fail(fmt.Errorf("no initializer %q", name))
	}
	return t
}

func (w *weightReader) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

// products finds every quantised product and keys it by its bias without ".bias".
func (g *Graph) products() (map[string]Linear, error) {
	products := map[string]Linear{}
	for _, n := range g.Model.Graph.Node {
		if n.GetOpType() != "MatMulInteger" {
			continue
		}
		name, l, err := g.product(n)
		if err != nil {
			return nil, fmt.Errorf("node %q: %w", n.GetName(), err)
		}
		if _, ok := products[name]; ok {
			return nil, fmt.Errorf("two products share the bias %q", name)
		}
		products[name] = l
	}
	if len(products) == 0 {
		return nil, errors.New("it has no MatMulInteger")
	}
	return products, nil
}

func (g *Graph) product(n *onnxpb.NodeProto) (string, Linear, error) {
	if len(n.Input) < 2 || len(n.Output) != 1 {
		return "", Linear{}, errors.New("MatMulInteger without two inputs and one output")
	}
	quantizer := g.producers[n.Input[0]]
	if quantizer.GetOpType() != "DynamicQuantizeLinear" || len(quantizer.Output) != 3 {
		return "", Linear{}, errors.New("its first input is not dynamically quantised")
	}
	codes := g.tensors[n.Input[1]]
	if codes == nil {
		return "", Linear{}, errors.New("its second input is not an initializer")
	}
	var zero *onnxpb.TensorProto
	if len(n.Input) > 3 && n.Input[3] != "" {
		if zero = g.tensors[n.Input[3]]; zero == nil {
			return "", Linear{}, errors.New("the zero point of its weight is not an initializer")
		}
	}
	scaled := g.only(g.only(n, "Cast"), "Mul")
	scales := g.other(scaled, g.only(n, "Cast"), "Mul")
	scale := g.initializerBeside(scales, quantizer.Output[1])
	bias := g.only(scaled, "Add")
	name, values := g.biasOf(bias, scaled)
	if scale == nil || values == nil {
		return "", Linear{}, errors.New("its result is not scaled and then given a bias as the quantiser does it")
	}
	weight, err := dequantize(codes, scale, zero)
	if err != nil {
		return "", Linear{}, err
	}
	l := Linear{Weight: weight}
	if l.Bias, err = floats(values); err != nil {
		return "", Linear{}, err
	}
	name, ok := strings.CutSuffix(name, ".bias")
	if !ok || len(l.Bias) != weight.Cols {
		return "", Linear{}, fmt.Errorf("%q (%d values) is not the bias of a product with %d columns", name, len(l.Bias), weight.Cols)
	}
	return name, l, nil
}

func some(names []string) string {
	if len(names) > 4 {
		return strings.Join(names[:4], ", ") + fmt.Sprintf(" and %d more", len(names)-4)
	}
	return strings.Join(names, ", ")
}
