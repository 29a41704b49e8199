package ab

import (
	"fmt"
	"math"
	"slices"
	"sort"

	"github.com/resift/resift/ubi"
)

// Measure is one of the report's measures.
type Measure struct {
	Name   string `json:"name"`
	Higher bool   `json:"higher_is_better"`
	of     func(*impression) float64
}

// measures are taken on each impression and averaged over an arm's.
func measures() []Measure {
	within := func(k int) func(*impression) float64 {
		return func(m *impression) float64 { return indicator(len(m.clicks) > 0 && m.clicks[0] <= k) }
	}
	return []Measure{
		{"CTR@1", true, within(1)},
		{"CTR@3", true, within(3)},
		{"CTR@10", true, within(10)},
		{"reciprocal click rank", true, func(m *impression) float64 {
			if len(m.clicks) == 0 {
				return 0
			}
			return 1 / float64(m.clicks[0])
		}},
		{"abandonment", false, func(m *impression) float64 { return indicator(len(m.clicks) == 0) }},
		{"latency ms", false, func(m *impression) float64 { return m.query.Attributes.TookMS }},
	}
}

func indicator(yes bool) float64 {
	if yes {
		return 1
	}
	return 0
}

// Report is what the records say.
type Report struct {
	Experiment string        `json:"experiment"`
	Counts     Counts        `json:"counts"`
	Ratio      *RatioCheck   `json:"sample_ratio,omitempty"` // nil: the records do not tell the planned shares
	Measures   []Measure     `json:"measures"`
	Arms       []Arm         `json:"arms"` // control first, then by name
	Interleave []Interleaved `json:"interleaving,omitempty"`
	Shadows    []Shadowed    `json:"shadow,omitempty"`
}

// RatioCheck is the test of whether the arms have the users that the split planned.
type RatioCheck struct {
	P float64 `json:"p"`
}

// Mismatch tells whether the split is broken: then no figure of the report can be trusted.
func (c RatioCheck) Mismatch() bool { return c.P < .001 }

// Arm is one arm of the report.
type Arm struct {
	Name        string       `json:"name"`
	Kind        string       `json:"kind"`
	Share       float64      `json:"share,omitempty"`
	Users       int          `json:"users"`
	Impressions int          `json:"impressions"`
	Clicks      int          `json:"clicks"`
	Means       []float64    `json:"means"` // in the order of Report.Measures
	SE          []float64    `json:"standard_errors"`
	P50         float64      `json:"p50_ms"`
	P95         float64      `json:"p95_ms"`
	Differences []Difference `json:"differences,omitempty"` // to control; empty for control itself, for an interleaved arm and for fewer than ten users
	Fallbacks   int          `json:"fallbacks"`             // searches that should have been re-ranked and were not
	Models      []string     `json:"models,omitempty"`      // that scored, by name; more than one: it was changed while the experiment ran

	shares map[float64]bool
	means  []mean
}

// Interleaved is the outcome of an interleaved arm: whose documents were clicked.
type Interleaved struct {
	Arm        string      `json:"arm"`
	Wins       int         `json:"wins"` // impressions with more clicks on the treatment's documents
	Ties       int         `json:"ties"` // with as many on each side, one at least
	Losses     int         `json:"losses"`
	Credit     *Difference `json:"credit,omitempty"` // mean of +1, 0, -1 over impressions with clicks, clustered by user; nil for fewer than ten users with clicks
	UserWins   int         `json:"user_wins"`        // users with more wins than losses
	UserLosses int         `json:"user_losses"`      //
	P          float64     `json:"p"`                // exact sign test over users
}

// Shadowed is what the model would have changed, while the engine's order was shown.
type Shadowed struct {
	Arm       string  `json:"arm"`
	Searches  int     `json:"searches"`
	Overlap10 float64 `json:"overlap_10"`
	Tau       float64 `json:"tau"`
	SameFirst float64 `json:"same_first"`
}

// Options of a report.
type Options struct {
	Control string  // the arm that others are compared with; empty: the first by name whose kind is control
	Planned float64 // users at which the anytime interval is tightest; 0: 10,000
}

// Analyse makes the report.
func Analyse(r *Records, o Options) (*Report, error) {
	if o.Planned == 0 {
		o.Planned = 10_000
	}
	rep := &Report{Experiment: r.Experiment, Counts: r.Counts, Measures: measures()}
	byArm := map[string][]*impression{}
	for i := range r.impressions {
		m := &r.impressions[i]
		byArm[m.arm] = append(byArm[m.arm], m)
	}
	for name, list := range byArm {
		rep.Arms = append(rep.Arms, rep.arm(name, list))
	}
	control, err := rep.sort(o.Control)
	if err != nil {
		return nil, err
	}
	for i := range rep.Arms {
		a := &rep.Arms[i]
		list := byArm[a.Name]
		switch {
		case a.Kind == "interleave":
			rep.Interleave = append(rep.Interleave, interleaved(a.Name, list, o.Planned))
		case control != nil && a.Name != control.Name:
			a.compare(control, o.Planned)
		}
		if s, ok := shadowed(a.Name, list); ok {
			rep.Shadows = append(rep.Shadows, s)
		}
	}
	rep.checkRatio()
	return rep, nil
}

func (rep *Report) arm(name string, list []*impression) Arm {
	a := Arm{Name: name, Kind: list[0].query.Attributes.Kind, Impressions: len(list), shares: map[float64]bool{}}
	users := byUser(list)
	a.Users = len(users)
	for _, m := range rep.Measures {
		v := clustered(sumUp(users, m.of))
		a.means, a.Means, a.SE = append(a.means, v), append(a.Means, v.value), append(a.SE, zeroNaN(v.se))
	}
	took := make([]float64, len(list))
	for i, m := range list {
		took[i] = m.query.Attributes.TookMS
		a.Clicks += len(m.clicks)
		a.shares[m.query.Attributes.Share] = true
		a.Share = m.query.Attributes.Share
		if m.query.Attributes.Status == "fallback" {
			a.Fallbacks++
		}
		if model := m.query.Attributes.Model; model != "" && !slices.Contains(a.Models, model) {
			a.Models = append(a.Models, model)
		}
	}
	slices.Sort(a.Models)
	sort.Float64s(took)
	a.P50, a.P95 = nearest(took, .5), nearest(took, .95)
	return a
}

// compare adds the differences to control, unless an arm has too few users to tell how much they vary.
func (a *Arm) compare(control *Arm, planned float64) {
	if a.Users < leastUsers || control.Users < leastUsers {
		return
	}
	for m := range a.means {
		a.Differences = append(a.Differences, difference(control.means[m], a.means[m], planned))
	}
}

// byUser groups impressions by user, in a fixed order.
func byUser(list []*impression) [][]*impression {
	at := map[string]int{}
	var out [][]*impression
	for _, m := range list {
		i, ok := at[m.user]
		if !ok {
			i = len(out)
			at[m.user] = i
			out = append(out, nil)
		}
		out[i] = append(out[i], m)
	}
	return out
}

func sumUp(users [][]*impression, of func(*impression) float64) []sums {
	out := make([]sums, len(users))
	for i, list := range users {
		out[i].n = float64(len(list))
		for _, m := range list {
			out[i].x += of(m)
		}
	}
	return out
}

// nearest is a percentile by the nearest rank.
func nearest(sorted []float64, share float64) float64 {
	return sorted[max(int(math.Ceil(share*float64(len(sorted))))-1, 0)]
}

// zeroNaN makes a number that JSON can hold: an arm of one user has no standard error.
func zeroNaN(v float64) float64 {
	if math.IsNaN(v) {
		return 0
	}
	return v
}

// sort puts control first and returns it; nil if no arm is one.
func (rep *Report) sort(name string) (*Arm, error) {
	slices.SortFunc(rep.Arms, func(a, b Arm) int {
		if x, y := a.Kind == "control", b.Kind == "control"; x != y {
			if x {
				return -1
			}
			return 1
		}
		if a.Name < b.Name {
			return -1
		}
		return 1
	})
	if name == "" {
		if rep.Arms[0].Kind == "control" {
			return &rep.Arms[0], nil
		}
		return nil, nil
	}
	at := slices.IndexFunc(rep.Arms, func(a Arm) bool { return a.Name == name })
	if at < 0 {
		return nil, fmt.Errorf("no arm is called %q", name)
	}
	first := rep.Arms[at]
	rep.Arms = slices.Insert(slices.Delete(rep.Arms, at, at+1), 0, first)
	return &rep.Arms[0], nil
}

// checkRatio compares the arms' users with the planned shares, where these did not change.
func (rep *Report) checkRatio() {
	var users, shares []float64
	total := 0.0
	for _, a := range rep.Arms {
		if len(a.shares) != 1 || a.Share <= 0 {
			return
		}
		users, shares = append(users, float64(a.Users)), append(shares, a.Share)
		total += a.Share
	}
	if total < 1-1e-6 { // an arm has no user at all
		users, shares = append(users, 0), append(shares, 1-total)
	}
	rep.Ratio = &RatioCheck{P: chiSquare(users, shares)}
}

func interleaved(name string, list []*impression, planned float64) Interleaved {
	out := Interleaved{Arm: name}
	var users []sums
	for _, of := range byUser(list) {
		var u sums
		for _, m := range of {
			if len(m.clicks) == 0 {
				continue
			}
			u.n++
			switch credit := creditOf(m); {
			case credit > 0:
				out.Wins++
				u.x++
			case credit < 0:
				out.Losses++
				u.x--
			default:
				out.Ties++
			}
		}
		if u.n == 0 {
			continue
		}
		users = append(users, u)
		switch {
		case u.x > 0:
			out.UserWins++
		case u.x < 0:
			out.UserLosses++
		}
	}
	if m := clustered(users); m.units >= leastUsers {
		credit := tTest(m.value, m.se, m.df, float64(m.units), planned)
		out.Credit = &credit
	}
	out.P = signTest(out.UserWins, out.UserLosses)
	return out
}

// creditOf is how many more of an impression's clicks fell on the treatment's documents than on control's.
func creditOf(m *impression) int {
	credit := 0
	for _, rank := range m.clicks {
		if teams := m.query.Attributes.Teams; rank <= len(teams) {
			switch teams[rank-1] {
			case "treatment":
				credit++
			case "control":
				credit--
			}
		}
	}
	return credit
}

func shadowed(name string, list []*impression) (Shadowed, bool) {
	out := Shadowed{Arm: name}
	for _, m := range list {
		if s := m.query.Attributes.Shadow; s != nil {
			out.add(s)
		}
	}
	if out.Searches == 0 {
		return out, false
	}
	n := float64(out.Searches)
	out.Overlap10, out.Tau, out.SameFirst = out.Overlap10/n, out.Tau/n, out.SameFirst/n
	return out, true
}

func (s *Shadowed) add(o *ubi.Shadow) {
	s.Searches++
	s.Overlap10 += o.Overlap10
	s.Tau += o.Tau
	s.SameFirst += indicator(o.First)
}
