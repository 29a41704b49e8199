package ab

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// Print writes the report for a terminal.
func (rep *Report) Print(w io.Writer) error {
	c := rep.Counts
	fmt.Fprintf(w, "experiment %s: %d searches, %d clicks", rep.Experiment, c.Searches, c.Clicks)
	for _, left := range []struct {
		n    int
		what string
	}{{c.LaterPage, "later pages"}, {c.Forced, "with a forced arm"}, {c.NoUnit, "without a unit"}, {c.Unmatched, "events of no impression"}} {
		if left.n > 0 {
			fmt.Fprintf(w, "; not counted: %d %s", left.n, left.what)
		}
	}
	fmt.Fprintln(w)
	rep.printRatio(w)
	fmt.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(t, "arm\tusers\timpressions\tclicks\t")
	for _, m := range rep.Measures {
		fmt.Fprintf(t, "%s\t", m.Name)
	}
	fmt.Fprintln(t, "p50 ms\tp95 ms\tfallbacks\t")
	for _, a := range rep.Arms {
		fmt.Fprintf(t, "%s\t%d\t%d\t%d\t", a.Name, a.Users, a.Impressions, a.Clicks)
		for _, v := range a.Means {
			fmt.Fprintf(t, "%.4f\t", v)
		}
		fmt.Fprintf(t, "%.1f\t%.1f\t%d\t\n", a.P50, a.P95, a.Fallbacks)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	rep.printModels(w)
	for i := range rep.Arms {
		rep.printDifferences(w, &rep.Arms[i])
	}
	rep.printInterleaved(w)
	for _, s := range rep.Shadows {
		fmt.Fprintf(w, "\n%s, %d searches: the model's first ten share %.1f %% with the engine's, the first hit is the same in %.1f %%, rank correlation %.3f (Kendall's tau)\n",
			s.Arm, s.Searches, 100*s.Overlap10, 100*s.SameFirst, s.Tau)
	}
	_, err := fmt.Fprint(w, `
Users are the unit of all intervals and tests. interval, p: for one look that was planned before. anytime: a 95 % interval that
stays right at every look; only a difference that it does not call zero is decided.
`)
	return err
}

func (rep *Report) printRatio(w io.Writer) {
	switch {
	case rep.Ratio == nil:
		fmt.Fprintln(w, "sample ratio: not tested, the planned shares are unknown or have changed")
	case rep.Ratio.Mismatch():
		fmt.Fprintf(w, "SAMPLE RATIO MISMATCH (p %.2g): the arms do not have the users that the split planned. Find out why before you believe a figure below.\n", rep.Ratio.P)
	default:
		fmt.Fprintf(w, "sample ratio: as planned (p %.3f)\n", rep.Ratio.P)
	}
}

func (rep *Report) printModels(w io.Writer) {
	for _, a := range rep.Arms {
		switch len(a.Models) {
		case 0:
		case 1:
			fmt.Fprintf(w, "%s: scored by %s\n", a.Name, a.Models[0])
		default:
			fmt.Fprintf(w, "%s: SCORED BY %d MODELS (%s): it was changed while the experiment ran, and the arm's figures are a mixture.\n",
				a.Name, len(a.Models), strings.Join(a.Models, ", "))
		}
	}
}

func (rep *Report) printDifferences(w io.Writer, a *Arm) {
	if a.Differences == nil {
		if a != &rep.Arms[0] && a.Kind != "interleave" && min(a.Users, rep.Arms[0].Users) < leastUsers {
			fmt.Fprintf(w, "\n%s: too few users to compare; each arm needs %d\n", a.Name, leastUsers)
		}
		return
	}
	fmt.Fprintf(w, "\n%s minus %s\n", a.Name, rep.Arms[0].Name)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "\tdifference\tinterval\tp\tanytime\t\t")
	for i, d := range a.Differences {
		fmt.Fprintf(t, "%s\t%+.4f\t%+.4f to %+.4f\t%s\t%+.4f to %+.4f\t%s\t\n", rep.Measures[i].Name, d.Value, d.Low, d.High, pValue(d.P), d.AnytimeLow, d.AnytimeHigh, rep.Verdict(i, d))
	}
	t.Flush()
}

// pValue writes a p so that none is zero.
func pValue(p float64) string {
	if p < .00001 {
		return "<0.00001"
	}
	return fmt.Sprintf("%.5f", p)
}

// Verdict says in a word what a difference in a measure comes to.
func (rep *Report) Verdict(measure int, d Difference) string {
	switch {
	case !d.Decided():
		return "undecided"
	case d.Value > 0 == rep.Measures[measure].Higher:
		return "better"
	}
	return "worse"
}

func (rep *Report) printInterleaved(w io.Writer) {
	for _, v := range rep.Interleave {
		fmt.Fprintf(w, "\n%s: the model's documents won %d impressions, tied %d, lost %d; users %d to %d (sign test p %s)\n",
			v.Arm, v.Wins, v.Ties, v.Losses, v.UserWins, v.UserLosses, pValue(v.P))
		if d := v.Credit; d != nil {
			fmt.Fprintf(w, "credit %+.4f, interval %+.4f to %+.4f, p %s; anytime %+.4f to %+.4f: %s\n", d.Value, d.Low, d.High, pValue(d.P), d.AnytimeLow, d.AnytimeHigh, v.Verdict())
		}
	}
}

// Verdict says which order the clicks speak for.
func (v Interleaved) Verdict() string {
	switch d := v.Credit; {
	case d == nil || !d.Decided():
		return "undecided"
	case d.Value > 0:
		return "the model's order is better"
	}
	return "the engine's order is better"
}
