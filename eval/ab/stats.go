package ab

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// mean is a mean over impressions whose users were drawn, not its impressions.
type mean struct {
	value float64
	se    float64 // standard error, clustered by user
	units int
}

// sums are what one user contributes: how many impressions, and the sum of a measure over them.
type sums struct{ n, x float64 }

// clustered is the mean of a measure with its cluster-robust standard error, se² = k/(k-1) · Σ(xᵤ - R·nᵤ)² / (Σnᵤ)²: the delta method
// for a ratio (Deng, Knoblich and Lu 2018), which equals that of a least-squares fit of a constant with clustered errors.
func clustered(users []sums) mean {
	var n, x float64
	for _, u := range users {
		n += u.n
		x += u.x
	}
	if n == 0 {
		return mean{value: math.NaN(), se: math.NaN()}
	}
	m := mean{value: x / n, units: len(users), se: math.NaN()}
	if k := float64(len(users)); k > 1 {
		var squares float64
		for _, u := range users {
			d := u.x - m.value*u.n
			squares += d * d
		}
		m.se = math.Sqrt(k/(k-1)*squares) / n
	}
	return m
}

// Difference is a treatment's mean minus control's.
type Difference struct {
	Value float64 `json:"value"`
	Low   float64 `json:"low"` // of the 95 % interval for one look that was planned before
	High  float64 `json:"high"`
	P     float64 `json:"p"` // two-sided, for that one look
	// The 95 % confidence sequence: an interval that holds the true difference at every look at once.
	AnytimeLow  float64 `json:"anytime_low"`
	AnytimeHigh float64 `json:"anytime_high"`
}

// Decided tells whether the difference can be called real even by one who looked every day.
func (d Difference) Decided() bool { return d.AnytimeLow > 0 || d.AnytimeHigh < 0 }

const alpha = .05

// z95 is the normal quantile of a two-sided 95 % interval.
var z95 = distuv.UnitNormal.Quantile(1 - alpha/2)

// difference compares two means. planned is the number of users at which the anytime interval is at its tightest.
func difference(control, treatment mean, planned float64) Difference {
	return zTest(treatment.value-control.value, math.Hypot(control.se, treatment.se), float64(control.units+treatment.units), planned)
}

// zTest tests an estimate with its standard error against zero, by the normal approximation.
func zTest(value, se, units, planned float64) Difference {
	d := Difference{Value: value, P: 1}
	d.Low, d.High = value-z95*se, value+z95*se
	width := anytimeWidth(units, planned) * se * math.Sqrt(units)
	d.AnytimeLow, d.AnytimeHigh = value-width, value+width
	switch {
	case se > 0:
		d.P = 2 * distuv.UnitNormal.CDF(-math.Abs(value)/se)
	case value != 0 && !math.IsNaN(se):
		d.P = 0
	}
	return d
}

// anytimeWidth is half the width of an asymptotic confidence sequence for n observations of variance 1 (Waudby-Smith, Arbour, Sinha,
// Kennedy and Ramdas 2024, theorem 2.2), tightest at planned observations (their appendix B.2).
func anytimeWidth(n, planned float64) float64 {
	rho2 := (-2*math.Log(alpha) + math.Log(-2*math.Log(alpha)) + 1) / planned
	return math.Sqrt(2 * (n*rho2 + 1) / (n * n * rho2) * math.Log(math.Sqrt(n*rho2+1)/alpha))
}

// chiSquare is the p of observed counts against shares: Pearson's test.
func chiSquare(observed []float64, shares []float64) float64 {
	var total, sum float64
	for _, o := range observed {
		total += o
	}
	if total == 0 || len(observed) < 2 {
		return 1
	}
	for i, o := range observed {
		expected := total * shares[i]
		sum += (o - expected) * (o - expected) / expected
	}
	return distuv.ChiSquared{K: float64(len(observed) - 1)}.Survival(sum)
}

// signTest is the exact two-sided binomial test of wins against losses, ties left out.
func signTest(wins, losses int) float64 {
	n := wins + losses
	if n == 0 {
		return 1
	}
	b := distuv.Binomial{N: float64(n), P: .5}
	return min(1, 2*b.CDF(float64(min(wins, losses))))
}
