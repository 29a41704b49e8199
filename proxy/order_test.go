package proxy

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func TestRankOrder(t *testing.T) {
	nan := unscored
	inf := float32(math.Inf(1))
	for _, c := range []struct {
		name   string
		model  []float32
		engine []float64
		want   []int
	}{
		{"by model score", []float32{1, 3, 2}, []float64{9, 8, 7}, []int{1, 2, 0}},
		{"ties keep the engine's order", []float32{1, 2, 1, 2}, []float64{9, 8, 7, 6}, []int{1, 3, 0, 2}},
		{"unscored after scored", []float32{nan, -5, nan, 4}, []float64{9, 8, 7, 6}, []int{3, 1, 0, 2}},
		{"past the window last", []float32{1, 2}, []float64{9, 8, 7, 6}, []int{1, 0, 2, 3}},
		{"unscored before past the window", []float32{nan, 2}, []float64{9, 8, 7}, []int{1, 0, 2}},
		{"infinite is no score", []float32{inf, 2, -inf}, []float64{9, 8, 7}, []int{1, 0, 2}},
		{"nothing scored", []float32{nan, nan}, []float64{9, 8, 7}, []int{0, 1, 2}},
		{"no hits", nil, nil, []int{}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := rank(c.model, c.engine, ScoreModel); !slices.Equal(got.order, c.want) {
				t.Errorf("order %v, want %v", got.order, c.want)
			}
		})
	}
}

// TestRankScores holds the promise of _score on awkward engine scores: positive and never rising in float32, and every
// scored hit strictly above every other.
func TestRankScores(t *testing.T) {
	nan := unscored
	for _, c := range []struct {
		name   string
		model  []float32
		engine []float64
	}{
		{"plain", []float32{1, nan, 2}, []float64{9, 8, 7, 6, 5}},
		{"zero engine scores", []float32{1, nan, 2}, []float64{0, 0, 0, 0}},
		{"negative engine scores", []float32{-1, nan, -2}, []float64{-1, -2, -3, -4}},
		{"huge engine scores", []float32{1, nan}, []float64{math.MaxFloat64, 3e300, 1, 0}},
		{"infinite engine score", []float32{1, nan}, []float64{math.Inf(1), 5, 4, 3}},
		{"engine order that rises", []float32{1, nan, nan}, []float64{1, 2, 3, 9, 8}},
		{"lowest model scores", []float32{-math.MaxFloat32, nan, -3e38, -61, -60, -59}, []float64{5, 4, 3, 2, 1, .5, .1, 0}},
		{"highest model scores", []float32{math.MaxFloat32, nan, 3e38}, []float64{5, 4, 3, 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := rank(c.model, c.engine, ScoreModel)
			if r.max != r.scores[r.order[0]] {
				t.Errorf("max_score %v, first hit %v", r.max, r.scores[r.order[0]])
			}
			scored := 0
			for _, m := range c.model {
				if isScore(m) {
					scored++
				}
			}
			before := float32(math.Inf(1))
			for at, i := range r.order {
				s := float32(r.scores[i])
				if !(s > 0) || math.IsInf(float64(s), 0) {
					t.Errorf("hit %d at %d has the score %v", i, at, s)
				}
				if s > before {
					t.Errorf("hit %d at %d has the score %v after %v", i, at, s, before)
				}
				tail := i >= len(c.model) || !isScore(c.model[i])
				if tail && at == scored && s >= before {
					t.Errorf("the tail begins at %v, the last scored hit has %v", s, before)
				}
				before = s
			}
		})
	}
}

func TestRankKeepsWhatTheClientAskedFor(t *testing.T) {
	keep := rank([]float32{1, 2}, []float64{9, 8, 7}, ScoreKeep)
	if !slices.Equal(keep.order, []int{1, 0, 2}) || !math.IsNaN(keep.max) {
		t.Errorf("%+v", keep)
	}
	for _, s := range keep.scores {
		if !math.IsNaN(s) {
			t.Errorf("score: keep writes %v", s)
		}
	}
	null := rank([]float32{1, 2}, []float64{math.NaN(), math.NaN()}, ScoreModel)
	if !math.IsNaN(null.scores[0]) || !math.IsNaN(null.scores[1]) {
		t.Errorf("a null score became %v", null.scores)
	}
}

func TestScoresAreTheSameOnEveryPage(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 200 {
		n := 2 + rng.IntN(40)
		window := 1 + rng.IntN(n)
		engine := make([]float64, n)
		for i := range engine {
			engine[i] = rng.Float64()*10 - 1
		}
		model := make([]float32, window)
		for i := range model {
			model[i] = float32(rng.NormFloat64() * 10)
			if rng.IntN(4) == 0 {
				model[i] = unscored
			}
		}
		whole := rank(model, engine, ScoreModel)
		for end := window; end < n; end++ {
			part := rank(model, engine[:end], ScoreModel)
			for at, i := range part.order {
				same := part.scores[i] == whole.scores[i] || math.IsNaN(part.scores[i]) && math.IsNaN(whole.scores[i])
				if i != whole.order[at] || !same {
					t.Fatalf("hit %d at %d: %v with %d hits, %v with %d", i, at, part.scores[i], end, whole.scores[i], n)
				}
			}
		}
	}
}

func TestSoftplus(t *testing.T) {
	for _, c := range []struct{ x, want float64 }{
		{0, math.Ln2}, {1, 1.3132616875182228}, {-1, 0.31326168751822286}, {20, 20.000000002061153}, {-20, 2.061153620314381e-9}, {1000, 1000},
	} {
		if got := softplus(c.x); math.Abs(got-c.want) > 1e-12*c.want {
			t.Errorf("softplus(%v) = %v, want %v", c.x, got, c.want)
		}
	}
	// Logits that differ by a hundredth stay apart in float32 wherever a model's scores can lie, and nothing is ever zero.
	before := float32(0)
	for x := -60.0; x < 200; x += 0.01 {
		s := float32(softplus(x))
		if s <= before {
			t.Fatalf("softplus(%v) = %v after %v", x, s, before)
		}
		before = s
	}
	if s := float32(softplus(-math.MaxFloat32)); !(s > 0) {
		t.Errorf("softplus of the lowest float32 is %v", s)
	}
	for x := -1e6; x < -60; x += 997.3 {
		if softplus(x) >= softplus(x+997.3) {
			t.Errorf("softplus falls at %v", x)
		}
	}
}
