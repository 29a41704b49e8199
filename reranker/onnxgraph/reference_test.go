package onnxgraph

import (
	"math"
	"math/rand/v2"
)

// reference is the score of one pair in float64, straight from the definition: no padding, no fusion, all rows.
func reference(c *CrossEncoder, ids, types []int32) float64 {
	width := c.Width()
	x := make([][]float64, len(ids))
	for t := range x {
		x[t] = make([]float64, width)
		for i := range width {
			x[t][i] = float64(c.Word.Floats()[int(ids[t])*width+i]) + float64(c.Position.Floats()[t*width+i])
			if c.TokenType.Rows > 0 {
				x[t][i] += float64(c.TokenType.Floats()[int(types[t])*width+i])
			}
		}
		normalize(x[t], c.Norm, c.Epsilon)
	}
	for _, l := range c.Layers {
		x = referenceLayer(c, l, x)
	}
	out := [][]float64{x[0]}
	if c.Pooler != nil {
		out = apply(*c.Pooler, out)
		for i, v := range out[0] {
			if out[0][i] = math.Tanh(v); c.Activation == Relu {
				out[0][i] = max(v, 0)
			}
		}
	}
	return apply(c.Classifier, out)[0][0]
}

func referenceLayer(c *CrossEncoder, l Layer, x [][]float64) [][]float64 {
	width, size := c.Width(), c.Width()/c.Heads
	query, key, value := apply(l.Query, x), apply(l.Key, x), apply(l.Value, x)
	attended := make([][]float64, len(x))
	for t := range x {
		attended[t] = make([]float64, width)
		for h := 0; h < width; h += size {
			shares, sum := make([]float64, len(x)), 0.0
			for s := range x {
				for i := h; i < h+size; i++ {
					shares[s] += query[t][i] * key[s][i]
				}
				shares[s] = math.Exp(shares[s] / math.Sqrt(float64(size)))
				sum += shares[s]
			}
			for s := range x {
				for i := h; i < h+size; i++ {
					attended[t][i] += shares[s] / sum * value[s][i]
				}
			}
		}
	}
	x = addNormalize(apply(l.Output, attended), x, l.AttentionNorm, c.Epsilon)
	inner := apply(l.Up, x)
	for _, row := range inner {
		for i, v := range row {
			row[i] = v / 2 * (1 + math.Erf(v/math.Sqrt2))
		}
	}
	return addNormalize(apply(l.Down, inner), x, l.Norm, c.Epsilon)
}

func apply(l Linear, x [][]float64) [][]float64 {
	w, cols := l.Weight.Floats(), l.Weight.Cols
	y := make([][]float64, len(x))
	for t := range x {
		y[t] = make([]float64, cols)
		for c := range cols {
			y[t][c] = float64(l.Bias[c])
			for r, v := range x[t] {
				y[t][c] += v * float64(w[r*cols+c])
			}
		}
	}
	return y
}

func addNormalize(y, x [][]float64, n Norm, epsilon float32) [][]float64 {
	for t := range y {
		for i := range y[t] {
			y[t][i] += x[t][i]
		}
		normalize(y[t], n, epsilon)
	}
	return y
}

func normalize(row []float64, n Norm, epsilon float32) {
	mean, variance := 0.0, 0.0
	for _, v := range row {
		mean += v / float64(len(row))
	}
	for _, v := range row {
		variance += (v - mean) * (v - mean) / float64(len(row))
	}
	for i, v := range row {
		row[i] = (v-mean)/math.Sqrt(variance+float64(epsilon))*float64(n.Weight[i]) + float64(n.Bias[i])
	}
}

// randomEncoder makes weights from a seed: vocabulary 40, 32 tokens, inner 3·width.
func randomEncoder(seed uint64, layers, width, heads int) *CrossEncoder {
	r := rand.New(rand.NewPCG(seed, seed))
	normal := func(n int, middle, scale float64) []float32 {
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(middle + scale*r.NormFloat64())
		}
		return values
	}
	matrix := func(rows, cols int) Matrix { return Matrix{Rows: rows, Cols: cols, Values: normal(rows*cols, 0, 0.3)} }
	linear := func(in, out int) Linear { return Linear{Weight: matrix(in, out), Bias: normal(out, 0, 0.3)} }
	norm := func() Norm { return Norm{Weight: normal(width, 1, 0.1), Bias: normal(width, 0, 0.3)} }
	c := &CrossEncoder{
		Heads: heads, Epsilon: 1e-12,
		Word: matrix(40, width), Position: matrix(32, width), TokenType: matrix(2, width), Norm: norm(),
		Activation: Tanh, Classifier: linear(width, 1),
	}
	pool := linear(width, width)
	c.Pooler = &pool
	for range layers {
		c.Layers = append(c.Layers, Layer{
			Query: linear(width, width), Key: linear(width, width), Value: linear(width, width),
			Output: linear(width, width), AttentionNorm: norm(),
			Up: linear(width, 3*width), Down: linear(3*width, width), Norm: norm(),
		})
	}
	return c
}
