package eval

import (
	"math"
	"math/rand/v2"
)

// exactUpTo is how many non-zero differences are tested over all of their 2^n signs; more are sampled.
const exactUpTo = 16

// samples of the randomisation test when it is not exact; p's standard error is at most .0016.
const samples = 100_000

// Randomisation is the two-sided paired randomisation test (Fisher; Smucker, Allan and Carterette 2007) of the mean
// difference between two orders over the same queries: the share of sign assignments whose mean is at least as far from
// zero as the one seen. diffs has one value a query. With many queries signs are sampled from a fixed seed, and the
// observed assignment counts as one sample, so that p is never zero. No queries, or no difference at all, give 1.
func Randomisation(diffs []float64) float64 {
	var moved []float64
	var sum float64
	for _, d := range diffs {
		if d != 0 {
			moved = append(moved, d)
			sum += d
		}
	}
	if len(moved) == 0 {
		return 1
	}
	// Sums in another order may differ in the last bit; an equal mean must count as equal.
	least := math.Abs(sum) - 1e-12*float64(len(moved))
	if len(moved) <= exactUpTo {
		return exact(moved, least)
	}
	rng := rand.New(rand.NewPCG(2007, 10))
	hits := 1
	for range samples {
		var s float64
		for i := 0; i < len(moved); i += 64 {
			bits := rng.Uint64()
			for _, d := range moved[i:min(i+64, len(moved))] {
				if bits&1 == 0 {
					d = -d
				}
				s += d
				bits >>= 1
			}
		}
		if math.Abs(s) >= least {
			hits++
		}
	}
	return float64(hits) / (samples + 1)
}

func exact(moved []float64, least float64) float64 {
	hits := 0
	for signs := range 1 << len(moved) {
		var s float64
		for i, d := range moved {
			if signs>>i&1 == 1 {
				d = -d
			}
			s += d
		}
		if math.Abs(s) >= least {
			hits++
		}
	}
	return float64(hits) / float64(int(1)<<len(moved))
}
