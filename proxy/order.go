package proxy

import (
	"math"
	"slices"
)

// A ranking is the order of a window after scoring, and what stands in each hit's _score.
type ranking struct {
	order  []int     // all hits, best first: indexes into the engine's order
	scores []float64 // by the engine's index: the new _score, NaN to keep the engine's
	max    float64   // the new max_score, NaN to keep the engine's
}

// unscored marks a hit without a model score.
var unscored = float32(math.NaN())

// rank orders hits. model[i] is the model's score of the i-th hit, NaN where it has none; it may be shorter than the number
// of hits: those past it are past the window. engine[i] is the engine's score, NaN where it is null.
//
// Scored hits come first by the model's score, ties in the engine's order; then the unscored ones of the window, then those
// past it, both in the engine's order.
func rank(model []float32, engine []float64, mode ScoreMode) ranking {
	r := ranking{order: make([]int, len(engine)), scores: make([]float64, len(engine)), max: math.NaN()}
	for i := range r.order {
		r.order[i] = i
		r.scores[i] = math.NaN()
	}
	scored := 0
	slices.SortStableFunc(r.order[:len(model)], func(a, b int) int {
		switch ma, mb := model[a], model[b]; {
		case isScore(ma) && isScore(mb):
			return compareDescending(ma, mb)
		case isScore(ma):
			return -1
		case isScore(mb):
			return 1
		}
		return 0
	})
	for scored < len(model) && isScore(model[r.order[scored]]) {
		scored++
	}
	if mode == ScoreKeep || scored == 0 {
		return r
	}
	for _, i := range r.order[:scored] {
		r.set(i, softplus(float64(model[i])), engine[i])
	}
	r.max = r.scores[r.order[0]]
	r.tail(scored, softplus(float64(model[r.order[scored-1]])), engine[:len(model)], engine)
	return r
}

// set gives hit i a score, unless the engine's is null: then the client asked for none.
func (r *ranking) set(i int, score, engine float64) {
	if !math.IsNaN(engine) {
		r.scores[i] = score
	}
}

// tail scores the hits from position scored on: below lowest, above zero, never rising from one hit to the next.
//
// A hit with the engine's score e gets lowest × 0.99 × (0.001 + 0.999·max(0, e/top)), top being the window's highest engine
// score; then no more than the hit before it. Nothing here depends on the page but how far the list goes, so a hit has
// the same score on every page.
func (r *ranking) tail(scored int, lowest float64, window, engine []float64) {
	top := 0.0
	for _, e := range window {
		if e > top && !math.IsInf(e, 0) {
			top = e
		}
	}
	ceiling := 0.99 * lowest
	before := ceiling
	for _, i := range r.order[scored:] {
		share := 0.0
		if e := engine[i]; e > 0 && top > 0 {
			share = min(1, e/top)
		}
		before = min(before, ceiling*(0.001+0.999*share))
		r.set(i, before, engine[i])
	}
}

// softplus is log(1+eˣ), which makes a model's score (a logit) positive and keeps the order. From 30 up it is x itself in
// float32, and towards -60 it nears eˣ, so scores stay apart at both ends. Below -60, where eˣ would leave float32's range,
// it goes on falling with the logarithm of the distance: a _score of 0 is never written.
func softplus(x float64) float64 {
	const knee = -60
	if x < knee {
		return math.Exp(knee) / (1 + math.Log1p(knee-x))
	}
	return max(x, 0) + math.Log1p(math.Exp(-math.Abs(x)))
}

// isScore tells of a model's output whether it can be a score: NaN is none, and an infinity is a model's fault.
func isScore(s float32) bool { return !math.IsNaN(float64(s)) && !math.IsInf(float64(s), 0) }

func compareDescending(a, b float32) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}
