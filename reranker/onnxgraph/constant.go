package onnxgraph

import "math"

// The least and the most of its weights by which a norm's output is raised where the graph needs a constant in it: little, since
// whatever the output is multiplied by grows with it.
const (
	leastShift = 1.0 / 16
	mostShift  = 0.5
)

// constantError is the error that the constant of a norm may have, as a share of it: what rounding to fp16 does to a bias anyway.
const constantError = 1.0 / 1024

// constantNorm is a layer norm whose output x' holds a constant: for every token Σ one[i]·x'[i] = 1. So x'·(W + one⊗b) is
// x'·W + b: a product with the bias inside, which costs nothing, where a bias of its own is a pass over the product.
//
// What a norm makes is x = weight·n + bias with Σ n = 0, so Σ x/weight is Σ bias/weight, whatever came in. As that may be 0 the
// norm's bias is moved by shift, which has a sum of its own, and whatever reads x' must take shift off again.
type constantNorm struct {
	Norm
	shift []float64 // x' − x; all 0 if there is no constant
	one   []float64 // nil if fp16 can't hold the constant well: a weight is 0, or far smaller than others
}

// newConstantNorm shifts n by as little as makes a constant that fp16 can hold.
func newConstantNorm(n Norm) constantNorm {
	for share := leastShift; share <= mostShift; share *= 2 {
		if c, err := shiftNorm(n, share); err <= constantError {
			return c
		}
	}
	return constantNorm{Norm: n, shift: make([]float64, len(n.Weight))}
}

// shiftNorm shifts n by share of its weights. It returns about how far rounding to fp16 takes the constant from 1; NaN or infinite
// if there is none.
func shiftNorm(n Norm, share float64) (constantNorm, float64) {
	width := len(n.Weight)
	sum := 0.0
	for i, w := range n.Weight {
		sum += float64(n.Bias[i]) / float64(w)
	}
	share = math.Copysign(share, sum)
	sum += share * float64(width)
	c := constantNorm{Norm{n.Weight, make([]float32, width)}, make([]float64, width), make([]float64, width)}
	variance := 0.0
	for i, v := range n.Weight {
		w := float64(v)
		c.shift[i] = share * w
		c.Bias[i] = float32(float64(n.Bias[i]) + c.shift[i])
		c.one[i] = 1 / (w * sum)
		rounding := max((math.Abs(w)+math.Abs(float64(c.Bias[i])))/2048, 1.0/(1<<25)) * c.one[i] // 2^-25: of subnormal numbers
		variance += rounding * rounding
	}
	return c, math.Sqrt(variance)
}

// withBias returns the weights W' with x'·W' = x·W + bias.
func (c constantNorm) withBias(l Linear) Matrix {
	bias := c.unshifted(l)
	from := l.Weight.Floats()
	w := Matrix{Rows: l.Weight.Rows, Cols: l.Weight.Cols, Values: make([]float32, len(from))}
	for i, v := range from {
		w.Values[i] = float32(float64(v) + c.one[i/w.Cols]*bias[i%w.Cols])
	}
	return w
}

// unshifted is bias − shift·W: the bias for x'·W that makes it x·W + bias.
func (c constantNorm) unshifted(l Linear) []float64 {
	bias := product(c.shift, l.Weight)
	for i, v := range l.Bias {
		bias[i] = float64(v) - bias[i]
	}
	return bias
}

// product is the row v·W.
func product(v []float64, m Matrix) []float64 {
	w := m.Floats()
	row := make([]float64, m.Cols)
	for r, x := range v {
		for c, y := range w[r*m.Cols : (r+1)*m.Cols] {
			row[c] += x * float64(y)
		}
	}
	return row
}
