package onnxgraph

import (
	"errors"
	"fmt"
	"math"
)

// CrossEncoder holds the weights of a BERT-like cross-encoder: embeddings, post-norm transformer layers with exact (erf)
// GELU, and a head on the first token's vector that gives one number, the score.
type CrossEncoder struct {
	Heads   int     // attention heads; the head size is Width/Heads
	Epsilon float32 // of every layer norm

	Word      Matrix // [vocabulary, Width]
	Position  Matrix // [most tokens of a pair, Width]
	TokenType Matrix // [types, Width]; empty for models without token types, such as DistilBERT
	Norm      Norm   // of the embeddings

	Layers []Layer

	Pooler     *Linear    // [Width, Width] before the classifier; nil if the classifier reads the vector itself
	Activation Activation // after the pooler
	Classifier Linear     // [Width, 1]
}

// Activation is the function between pooler and classifier.
type Activation string

const (
	Tanh Activation = "Tanh" // BertForSequenceClassification
	Relu Activation = "Relu" // DistilBertForSequenceClassification
)

// Layer is one transformer layer.
type Layer struct {
	Query, Key, Value Linear // [Width, Width]
	Output            Linear // [Width, Width], of the attention
	AttentionNorm     Norm
	Up                Linear // [Width, inner]
	Down              Linear // [inner, Width]
	Norm              Norm
}

// Linear is y = x·Weight + Bias with Weight [in, out] (the transpose of what PyTorch's Linear stores) and Bias [out].
type Linear struct {
	Weight Matrix
	Bias   []float32
}

// Norm is a layer norm over the last axis.
type Norm struct{ Weight, Bias []float32 }

// Matrix is row-major [Rows, Cols], as numbers (Values) or as int8 codes with one scale a column: Codes[r,c]·Scales[c].
type Matrix struct {
	Rows, Cols int
	Values     []float32
	Codes      []int8
	Scales     []float32
}

// Floats returns the numbers of m, [Rows, Cols] row-major. The caller must not change them; codes and scales must fit.
func (m Matrix) Floats() []float32 {
	if m.Codes == nil {
		return m.Values
	}
	values := make([]float32, len(m.Codes))
	for start := 0; start < len(values); start += m.Cols {
		codes, row := m.Codes[start:start+m.Cols], values[start:start+m.Cols]
		for c, scale := range m.Scales {
			row[c] = float32(codes[c]) * scale
		}
	}
	return values
}

// transposed returns the numbers of m with rows and columns exchanged, [Cols, Rows].
func (m Matrix) transposed() []float32 {
	from, values := m.Floats(), make([]float32, m.Rows*m.Cols)
	for i, v := range from {
		values[i%m.Cols*m.Rows+i/m.Cols] = v
	}
	return values
}

// byColumns returns the numbers of m cut into parts of equally many columns, one after the other: [parts, Rows, Cols/parts].
func (m Matrix) byColumns(parts int) []float32 {
	from, values, size := m.Floats(), make([]float32, 0, m.Rows*m.Cols), m.Cols/parts
	for part := range parts {
		for row := range m.Rows {
			start := row*m.Cols + part*size
			values = append(values, from[start:start+size]...)
		}
	}
	return values
}

// Quantized returns m as codes. Codes that m has are kept, so nothing is rounded twice; numbers are quantised by column,
// symmetrically: scale = largest magnitude / 127.
func (m Matrix) Quantized() Matrix {
	if m.Codes != nil {
		return m
	}
	q := Matrix{Rows: m.Rows, Cols: m.Cols, Codes: make([]int8, len(m.Values)), Scales: make([]float32, m.Cols)}
	for i, v := range m.Values {
		q.Scales[i%m.Cols] = max(q.Scales[i%m.Cols], float32(math.Abs(float64(v))))
	}
	for c, largest := range q.Scales {
		if q.Scales[c] = largest / 127; q.Scales[c] == 0 {
			q.Scales[c] = 1
		}
	}
	for i, v := range m.Values {
		q.Codes[i] = int8(math.RoundToEven(float64(v / q.Scales[i%m.Cols])))
	}
	return q
}

// Width is the length of a token's vector.
func (c *CrossEncoder) Width() int { return c.Word.Cols }

// check finds the first size that does not fit the others, so that a graph is never written that cannot be loaded.
func (c *CrossEncoder) check() error {
	width := c.Width()
	if len(c.Layers) == 0 || width == 0 {
		return errors.New("a cross-encoder needs word embeddings and at least one layer")
	}
	if c.Heads <= 0 || width%c.Heads != 0 {
		return fmt.Errorf("width %d is not a multiple of %d heads", width, c.Heads)
	}
	if !(c.Epsilon > 0 && c.Epsilon < 1) {
		return fmt.Errorf("layer norm epsilon %v is not between 0 and 1", c.Epsilon)
	}
	checks := []error{
		c.Word.check("word embeddings", c.Word.Rows, width),
		c.Position.check("position embeddings", c.Position.Rows, width),
		c.Norm.check("embedding norm", width),
		c.Classifier.check("classifier", width, 1),
	}
	if c.TokenType.Rows > 0 {
		checks = append(checks, c.TokenType.check("token type embeddings", c.TokenType.Rows, width))
	}
	if c.Pooler != nil {
		checks = append(checks, c.Pooler.check("pooler", width, width))
		if c.Activation != Tanh && c.Activation != Relu {
			checks = append(checks, fmt.Errorf("activation %q after the pooler: want %s or %s", c.Activation, Tanh, Relu))
		}
	}
	for i, l := range c.Layers {
		if err := l.check(width); err != nil {
			checks = append(checks, fmt.Errorf("layer %d: %w", i, err))
		}
	}
	return errors.Join(checks...)
}

func (l Layer) check(width int) error {
	inner := l.Up.Weight.Cols
	return errors.Join(
		l.Query.check("query", width, width),
		l.Key.check("key", width, width),
		l.Value.check("value", width, width),
		l.Output.check("attention output", width, width),
		l.AttentionNorm.check("attention norm", width),
		l.Up.check("up", width, inner),
		l.Down.check("down", inner, width),
		l.Norm.check("norm", width),
	)
}

func (m Matrix) check(name string, rows, cols int) error {
	if m.Rows != rows || m.Cols != cols || rows == 0 || cols == 0 {
		return fmt.Errorf("%s: [%d, %d] where [%d, %d] is needed", name, m.Rows, m.Cols, rows, cols)
	}
	values := len(m.Values)
	if m.Codes != nil {
		values = len(m.Codes)
		if len(m.Scales) != cols {
			return fmt.Errorf("%s: %d scales for %d columns", name, len(m.Scales), cols)
		}
	}
	if values != rows*cols {
		return fmt.Errorf("%s: %d numbers for [%d, %d]", name, values, rows, cols)
	}
	return nil
}

func (l Linear) check(name string, in, out int) error {
	if len(l.Bias) != out {
		return fmt.Errorf("%s: bias of %d where %d is needed", name, len(l.Bias), out)
	}
	return l.Weight.check(name, in, out)
}

func (n Norm) check(name string, width int) error {
	if len(n.Weight) != width || len(n.Bias) != width {
		return fmt.Errorf("%s: %d weights and %d biases where %d are needed", name, len(n.Weight), len(n.Bias), width)
	}
	return nil
}
