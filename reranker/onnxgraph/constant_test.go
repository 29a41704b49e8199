package onnxgraph

import (
	"math"
	"math/rand/v2"
	"testing"
)

// normed is a layer norm of width random numbers, in float16 as a GPU's.
func normed(r *rand.Rand, n Norm) []float64 {
	x := make([]float64, len(n.Weight))
	mean, square := 0.0, 0.0
	for i := range x {
		x[i] = r.NormFloat64()
		mean += x[i] / float64(len(x))
	}
	for _, v := range x {
		square += (v - mean) * (v - mean) / float64(len(x))
	}
	for i, v := range x {
		y := (v-mean)/math.Sqrt(square)*float64(n.Weight[i]) + float64(n.Bias[i])
		x[i] = float64(fromHalf(toHalf(float32(y))))
	}
	return x
}

func TestConstantNormCarriesTheBias(t *testing.T) {
	c := randomEncoder(5, 1, 64, 4)
	norm := newConstantNorm(c.Norm)
	if norm.one == nil {
		t.Fatal("no constant")
	}
	linear := c.Layers[0].Query
	w := norm.withBias(linear)
	r := rand.New(rand.NewPCG(8, 9))
	for range 20 {
		shifted := normed(r, norm.Norm)
		x := make([]float64, len(shifted))
		for i, v := range shifted {
			x[i] = v - norm.shift[i]
		}
		want := product(x, linear.Weight)
		for i, got := range product(shifted, w) {
			want := want[i] + float64(linear.Bias[i])
			if math.Abs(got-want) > 0.003 {
				t.Errorf("column %d: %v, want %v", i, got, want)
			}
		}
	}
}

func TestConstantNormRefusesWhatFP16CannotHold(t *testing.T) {
	for _, weight := range []float32{0, 1e-8, float32(math.NaN()), float32(math.Inf(1))} {
		c := randomEncoder(5, 1, 64, 4)
		c.Norm.Weight[7], c.Norm.Bias[7] = weight, 0
		norm := newConstantNorm(c.Norm)
		if norm.one != nil || &norm.Bias[0] != &c.Norm.Bias[0] || norm.shift[0] != 0 {
			t.Errorf("weight %v: %+v", weight, norm)
		}
	}
}
