package rerankapi

import (
	"encoding/json"
	"math"
	"strconv"
	"strings"
	"testing"
)

func TestDecimals(t *testing.T) {
	tests := []struct {
		score        float32
		exact, short string
	}{
		{0, "0.0", "0.0"},
		{1, "1.0", "1.0"},
		{0.5, "0.5", "0.5"},
		{-11.25, "-11.25", "-11.25"},
		{0.1, "0.1", "0.1"},
		{0.99999994, "0.99999994", "0.99999994"},
		{1.2345679e-5, "0.000012345679", "0.000012345679"},
		{1.2345679e-8, "0.000000012345679", "0.000000012345679"},
		{1.2345679e-9, "0.0000000012345679", "0.000000001234568"},
		{1e-20, "0.00000000000000000001", "0.0"},
		{123456792, "123456790.0", "123456790.0"},
	}
	for _, test := range tests {
		if got := asJSON(exact(test.score)); got != test.exact {
			t.Errorf("exact %v: %s, want %s", test.score, got, test.exact)
		}
		if got := asJSON(short(test.score)); got != test.short {
			t.Errorf("short %v: %s, want %s", test.score, got, test.short)
		}
	}
}

// FuzzDecimals holds every finite score to what clients need of it.
func FuzzDecimals(f *testing.F) {
	for _, bits := range []uint32{0, 1, 0x3f800000, 0x7f7fffff, 0x80000001, 0xc1340000} {
		f.Add(bits)
	}
	f.Fuzz(func(t *testing.T, bits uint32) {
		score := math.Float32frombits(bits)
		if !isScore(score) {
			t.Skip()
		}
		e := asJSON(exact(score))
		if back, err := strconv.ParseFloat(e, 32); err != nil || float32(back) != score {
			t.Errorf("%x is written as %s, which reads as %v, %v", bits, e, back, err)
		}
		s := asJSON(short(sigmoid(score)))
		if len(s) >= 18 {
			t.Errorf("the sigmoid of %v has %d characters: %s", score, len(s), s)
		}
		for _, text := range []string{e, s} {
			if !strings.Contains(text, ".") || strings.ContainsAny(text, "eE") || !json.Valid([]byte(text)) {
				t.Errorf("%s is no decimal with a point", text)
			}
		}
		if back, err := strconv.ParseFloat(s, 64); err != nil || float32(back) != sigmoid(score) && math.Abs(back-float64(sigmoid(score))) > 1e-15 || back < 0 || back > 1 {
			t.Errorf("sigmoid %v is written as %s", sigmoid(score), s)
		}
	})
}
