package eval

import (
	"math"
	"slices"
	"time"
)

// Report compares the control arm with one or several treatments over the same queries.
type Report struct {
	Options Options     `json:"options"`
	Queries []Query     `json:"-"`
	Qrels   Qrels       `json:"-"`
	Arms    []ArmReport `json:"arms"` // the control arm first
}

// ArmReport is one arm of a report.
type ArmReport struct {
	Name     string         `json:"name"`             // control, treatment, or what tells several treatments apart
	Source   string         `json:"source,omitempty"` // which proxy answered, where there are several
	Model    string         `json:"model,omitempty"`  // that the proxy was asked for, where there are several
	ScoredBy []string       `json:"scored_by,omitempty"`
	Window   int            `json:"window,omitempty"` // hits re-ranked; 0: the proxy's own
	Mean     Measures       `json:"mean"`
	P        []float64      `json:"p,omitempty"` // of each measure's difference to control, in the order of Options.Names
	Statuses map[string]int `json:"statuses"`
	P50      float64        `json:"p50_ms"`
	P95      float64        `json:"p95_ms"`

	Per   []Measures        `json:"-"` // of each query, in the order of Report.Queries
	Run   Run               `json:"-"`
	Texts map[string]string `json:"-"` // document → the beginning of its text; empty unless asked for
}

// Control is the arm that the others are compared with.
func (r *Report) Control() *ArmReport { return &r.Arms[0] }

// Treatments are the arms that are compared with it.
func (r *Report) Treatments() []ArmReport { return r.Arms[1:] }

// Add judges an arm's outcome and adds it; the first that is added is the control arm. Where several treatments are compared
// with one control, Finish adjusts p for that.
func (r *Report) Add(a ArmReport, o *Outcome) {
	a.Per, _ = Judge(o.Run, r.Qrels, r.Queries, r.Options)
	a.Mean, a.Run, a.Statuses, a.ScoredBy, a.Texts = Mean(a.Per), o.Run, o.Statuses, o.Models, o.Texts
	a.P50, a.P95 = Percentile(o.Elapsed, .5), Percentile(o.Elapsed, .95)
	r.Arms = append(r.Arms, a)
}

// Finish tests every treatment against control. With several treatments the p of each measure are Holm's (1979), so that a
// best of many is no better than it is.
func (r *Report) Finish() {
	control, treatments := r.Control(), r.Treatments()
	for m := range r.Options.Names() {
		p := make([]float64, len(treatments))
		for t := range treatments {
			diffs := make([]float64, len(control.Per))
			for i := range diffs {
				diffs[i] = treatments[t].Per[i].Values()[m] - control.Per[i].Values()[m]
			}
			p[t] = Randomisation(diffs)
		}
		for t, adjusted := range Holm(p) {
			treatments[t].P = append(treatments[t].P, adjusted)
		}
	}
}

// Holm adjusts the p values of a family of tests (Holm 1979): the smallest is multiplied by their number, the next by one less,
// and so on; none falls below one before it or rises above 1.
func Holm(p []float64) []float64 {
	order := make([]int, len(p))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int {
		if p[a] < p[b] {
			return -1
		} else if p[a] > p[b] {
			return 1
		}
		return 0
	})
	adjusted := make([]float64, len(p))
	least := 0.0
	for rank, i := range order {
		least = max(least, min(1, p[i]*float64(len(p)-rank)))
		adjusted[i] = least
	}
	return adjusted
}

// Percentile in milliseconds, by the nearest rank.
func Percentile(d []time.Duration, share float64) float64 {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	at := int(math.Ceil(share*float64(len(sorted)))) - 1
	return float64(sorted[max(at, 0)]) / float64(time.Millisecond)
}

// Delta is a query's difference in nDCG between two arms.
type Delta struct {
	Query              int // index in Report.Queries
	Control, Treatment Measures
}

// NDCG is the difference that deltas are sorted by.
func (d Delta) NDCG() float64 { return d.Treatment.NDCG - d.Control.NDCG }

// Deltas are all queries of a treatment, the largest loss first.
func (r *Report) Deltas(treatment *ArmReport) []Delta {
	out := make([]Delta, len(r.Queries))
	for i := range out {
		out[i] = Delta{i, r.Control().Per[i], treatment.Per[i]}
	}
	slices.SortStableFunc(out, func(a, b Delta) int {
		switch x, y := a.NDCG(), b.NDCG(); {
		case x < y:
			return -1
		case x > y:
			return 1
		}
		return 0
	})
	return out
}
