package onnxgraph

import (
	"math"
	"math/rand/v2"
	"strings"
	"testing"
)

// fromHalf is the number that binary16 bits stand for, by definition.
func fromHalf(h uint16) float64 {
	sign, exponent, fraction := 1.0, int(h>>10&31), float64(h&1023)
	if h&0x8000 != 0 {
		sign = -1
	}
	switch exponent {
	case 0:
		return sign * math.Ldexp(fraction, -24)
	case 31:
		if fraction != 0 {
			return math.NaN()
		}
		return math.Inf(int(sign))
	}
	return sign * math.Ldexp(1024+fraction, exponent-25)
}

func TestHalfOfEveryHalf(t *testing.T) {
	for bits := range 1 << 16 {
		h := uint16(bits)
		v := fromHalf(h)
		got := toHalf(float32(v))
		if math.IsNaN(v) {
			if !math.IsNaN(fromHalf(got)) {
				t.Errorf("%#04x is NaN, and became %#04x", h, got)
			}
			continue
		}
		if got != h {
			t.Errorf("%#04x is %v, and became %#04x", h, v, got)
		}
	}
}

func TestHalfRoundsToNearestEven(t *testing.T) {
	check := func(v float32) {
		got := toHalf(v)
		below, above := uint16(math.MaxUint16), uint16(0)
		if magnitude := got & 0x7fff; magnitude > 0 {
			below = got - 1
		}
		above = got + 1
		off := math.Abs(fromHalf(got) - float64(v))
		for _, other := range []uint16{below, above} {
			if other == math.MaxUint16 || other&0x7c00 == 0x7c00 {
				continue
			}
			d := math.Abs(fromHalf(other) - float64(v))
			if d < off || (d == off && got&1 == 1) {
				t.Fatalf("%v became %v, but %v is nearer, or as near and even", v, fromHalf(got), fromHalf(other))
			}
		}
	}
	for h := range uint16(0x7bff) { // every midpoint of two neighbours, and what lies next to it
		middle := float32((fromHalf(h) + fromHalf(h+1)) / 2)
		for _, v := range []float32{middle, math.Nextafter32(middle, 0), math.Nextafter32(middle, 70000)} {
			check(v)
			check(-v)
		}
	}
	r := rand.New(rand.NewPCG(1, 1))
	for range 100_000 {
		check(float32(max(-maxHalf, min(maxHalf, r.NormFloat64()*math.Exp(10*r.NormFloat64()-4)))))
	}
	for v, want := range map[float32]uint16{65519.996: 0x7bff, 65520: 0x7c00, -65520: 0xfc00, 1e30: 0x7c00, 1e-30: 0} {
		if got := toHalf(v); got != want {
			t.Errorf("%v became %#04x, want %#04x", v, got, want)
		}
	}
}

func TestWeightBeyondHalfIsRefused(t *testing.T) {
	for name, change := range map[string]func(*CrossEncoder){
		"layer.1.key.weight: the weight 70000 at row 2, column 5":         func(c *CrossEncoder) { c.Layers[1].Key.Weight.Values[2*32+5] = 70000 },
		"layer.0.up.bias: the weight -1e+06 at row 0, column 7":           func(c *CrossEncoder) { c.Layers[0].Up.Bias[7] = -1e6 },
		"embeddings.word: the weight 65520 at row 0, column 0":            func(c *CrossEncoder) { c.Word.Values[0] = 65520 },
		"layer.0.norm.weight: the weight +Inf at row 0, column 31":        func(c *CrossEncoder) { c.Layers[0].Norm.Weight[31] = float32(math.Inf(1)) },
		"layer.0.attention.output.weight: the weight NaN at row 31, colu": func(c *CrossEncoder) { c.Layers[0].Output.Weight.Values[31*32] = float32(math.NaN()) },
	} {
		c := randomEncoder(3, 2, 32, 4)
		change(c)
		if _, err := BuildPacked(c); err == nil || !strings.HasPrefix(err.Error(), name) {
			t.Errorf("%v, want %s…", err, name)
		}
	}
}
