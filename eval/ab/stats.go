package ab

import (
	"math"

	"gonum.org/v1/gonum/stat/distuv"
)

// mean is a mean over impressions whose users were drawn, not its impressions.
type mean struct {
	value float64
	se    float64 // standard error, clustered by user
	df    float64 // degrees of freedom of se
	units int
}

// sums are what one user contributes: how many impressions, and the sum of a measure over them.
type sums struct{ n, x float64 }

// clustered is the mean R of a measure with its standard error by the jackknife over users, se² = (k-1)/k · Σ(R₋ᵤ - R)², R₋ᵤ the mean without
// one of the k users, and with the degrees of freedom that Bell and McCaffrey (2002) take from how unequally they search (the
// correction CR3). Where each user searches once both are those of Student's t, and for many users both are those of the delta method
// (Deng, Knoblich and Lu 2018). For ten users an arm the delta method is wrong twice as often as it says, because who searches
// much pulls the mean towards himself; the jackknife is not (Hansen 2022; make ab-simulate).
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
	if len(users) < 2 {
		return m
	}
	var squares, trace, trace2, w, w2 float64
	for _, u := range users {
		d, left := u.x-m.value*u.n, 1-u.n/n
		squares += d * d / (left * left)
		trace += u.n / left
		trace2 += u.n * u.n / (left * left)
		v := u.n * u.n / (left * left)
		w += v
		w2 += v * v
	}
	k := float64(len(users))
	m.se = math.Sqrt((k-1)/k*squares) / n
	m.df = trace * trace / (trace2 + (w*w-w2)/(n*n))
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

// leastUsers of an arm are compared: of fewer it happens that all do the same, which looks like certainty.
const leastUsers = 10

// difference compares two means by Welch's t. planned is the number of users at which the anytime interval is at its tightest.
func difference(control, treatment mean, planned float64) Difference {
	a, b := control.se*control.se, treatment.se*treatment.se
	df := (a + b) * (a + b) / (a*a/control.df + b*b/treatment.df)
	return tTest(treatment.value-control.value, math.Sqrt(a+b), df, float64(control.units+treatment.units), planned)
}

// tTest tests an estimate with its standard error against zero. Without any variance nothing is known of df either.
func tTest(value, se, df, units, planned float64) Difference {
	d := Difference{Value: value, Low: value, High: value, P: 1, AnytimeLow: value, AnytimeHigh: value}
	switch {
	case se > 0:
		t := distuv.StudentsT{Mu: 0, Sigma: 1, Nu: df}
		t95 := t.Quantile(1 - alpha/2)
		d.P = 2 * t.CDF(-math.Abs(value)/se)
		d.Low, d.High = value-t95*se, value+t95*se
		// The confidence sequence is that of a known variance; t95/z95 pays for one that few users tell.
		width := anytimeWidth(units, planned) * se * math.Sqrt(units) * t95 / distuv.UnitNormal.Quantile(1-alpha/2)
		d.AnytimeLow, d.AnytimeHigh = value-width, value+width
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
