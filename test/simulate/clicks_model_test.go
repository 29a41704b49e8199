package simulate

import (
	"math"
	"math/rand/v2"
	"testing"
)

// TestExpectedClicks holds what is computed of the click model against what it does a million times.
func TestExpectedClicks(t *testing.T) {
	m := navigational()
	grades, credits := []int{0, 3, 1, 0, 2, 0, 0, 3, 0, 1}, []int{1, -1, -1, 1, 1, -1, 0, 1, -1, 1}
	const eagerness, n = .7, 1_000_000
	rng := rand.New(rand.NewPCG(1, 9))
	var seen [5]float64
	var clicked, sign float64
	for range n {
		ranks := m.clicks(rng, grades, eagerness)
		if len(ranks) == 0 {
			seen[4]++
			continue
		}
		for k, depth := range []int{1, 3, 10} {
			if ranks[0] <= depth {
				seen[k]++
			}
		}
		seen[3] += 1 / float64(ranks[0])
		clicked++
		sum := 0
		for _, r := range ranks {
			sum += credits[r-1]
		}
		sign += float64(max(-1, min(1, sum)))
	}
	near := func(what string, got, want float64) {
		t.Helper()
		if math.Abs(got/n-want) > 5/math.Sqrt(n) { // five standard errors of a value within [-1, 1]
			t.Errorf("%s: seen %.5f, expected %.5f", what, got/n, want)
		}
	}
	for i, want := range m.measures(grades, eagerness) {
		near([]string{"CTR@1", "CTR@3", "CTR@10", "reciprocal click rank", "abandonment"}[i], seen[i], want)
	}
	wantClicked, wantSign := m.credit(grades, credits, eagerness)
	near("clicked", clicked, wantClicked)
	near("credit", sign, wantSign)
}
