package simulate

import (
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"testing"
	"text/tabwriter"
)

// results are the tallies of every design.
type results struct {
	same                       *tally // control against an arm of the same order
	split, slight              *tally
	interleaved, slightlyMixed *tally
	all                        []*tally
	apartSplit, apartMixed     *apart
}

// runAll draws the experiments.
func (w *world) runAll(t *testing.T) *results {
	same := w.of("control", "twin") // exchangeable: both arms of a run are drawn from all of them
	control := side{"control", w.of("control")}
	repeat := func(n uint64, sides ...side) *tally {
		return newDesign(t, w.records, w.planned, sides...).repeat(t, seed+n, w.runs, w.looks)
	}
	r := &results{
		same:        repeat(1, side{"control", same}, side{"twin", same}),
		split:       repeat(2, control, side{"treatment", w.of("treatment")}),
		interleaved: repeat(3, side{"interleaved", w.of("interleaved")}),
	}
	r.all = []*tally{r.same, r.split, r.interleaved}
	if w.slight > 0 {
		r.slight = repeat(4, control, side{"slight", w.of("slight")})
		r.slightlyMixed = repeat(5, side{"slightly-interleaved", w.of("slightly-interleaved")})
		r.all = append(r.all, r.slight, r.slightlyMixed)
	}
	expected := w.expected("treatment")
	r.apartSplit = w.dealOut(t, 300, expected[:], r.split.measures[:len(expected)], "control", "treatment")
	credit := creditOf(t, w.model, w.questions, w.arm("control"), w.arm("treatment"))
	r.apartMixed = w.dealOut(t, 300, []float64{credit}, []string{"credit"}, "interleaved")
	return r
}

// hold asserts what an honest method gives, with room for chance: each share may be above its limit by three and a half standard errors.
func (r *results) hold(t *testing.T) {
	t.Helper()
	most := func(n int) int { return int(.05*float64(n) + 3.5*math.Sqrt(.05*.95*float64(n))) }
	for _, c := range r.all {
		for at, look := range c.looks {
			for i, name := range c.measures {
				if name == "latency ms" {
					continue // what the machine did meanwhile is no part of the model
				}
				if c == r.same && c.below[at][i] > most(c.runs) {
					t.Errorf("arms of the same order, %s at %d impressions: p is below .05 in %d of %d runs", name, look, c.below[at][i], c.runs)
				}
				if c.missed[at][i] > most(c.runs) {
					t.Errorf("%s against %s, %s at %d impressions: the interval misses the true difference in %d of %d runs", c.sides[len(c.sides)-1].arm, c.sides[0].arm, name, look, c.missed[at][i], c.runs)
				}
				if c.strayed[at][i] > most(c.runs) {
					t.Errorf("%s against %s, %s: the anytime interval has missed the true difference in %d of %d runs", c.sides[len(c.sides)-1].arm, c.sides[0].arm, name, c.strayed[at][i], c.runs)
				}
			}
		}
	}
	last := len(r.split.looks) - 1
	if got := r.split.named[last][0]; got < r.split.runs*4/5 {
		t.Errorf("a split of %d impressions names the winner in %d of %d runs", r.split.looks[last], got, r.split.runs)
	}
	if got := r.interleaved.named[last][0]; got < r.split.runs*4/5 {
		t.Errorf("interleaving of %d impressions names the winner in %d of %d runs", r.split.looks[last], got, r.split.runs)
	}
}

// print writes the tables for docs/experiments.md.
func (r *results) print() {
	r.printSame(os.Stdout)
	fmt.Println()
	r.printPower(os.Stdout)
	fmt.Println()
	r.printCoverage(os.Stdout)
	fmt.Println()
	r.apartSplit.print(os.Stdout, "Experiments of 300 impressions that share no user: split")
	r.apartMixed.print(os.Stdout, "interleaving")
}

func newTable(w io.Writer, head ...string) (row func(cells ...string), flush func() error) {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	row = func(cells ...string) {
		for _, c := range cells {
			fmt.Fprint(t, c, "\t")
		}
		fmt.Fprintln(t)
	}
	row(head...)
	return row, t.Flush
}

func (r *results) printSame(w io.Writer) {
	c := r.same
	fmt.Fprintf(w, "Two arms of the same order, %d runs: %% of runs with p < .05 at this one look\n", c.runs)
	row, flush := newTable(w, append([]string{"impressions"}, c.measures...)...)
	line := func(first string, of []int, n int) {
		cells := []string{first}
		for _, hits := range of {
			cells = append(cells, percent(hits, n))
		}
		row(cells...)
	}
	for at, look := range c.looks {
		line(fmt.Sprint(look), c.below[at], c.compared[at])
	}
	line("anytime, at any look", c.strayed[len(c.looks)-1], c.runs)
	flush()
}

// power is how often one way to see a winner saw the true one.
type power struct {
	name    string
	tally   *tally
	of      [][]int
	measure int
}

// share of the runs at a look.
func (p power) share(look int) float64 {
	return float64(p.of[look][p.measure]) / float64(p.tally.runs)
}

// need is how many impressions an experiment has where four of five see the winner.
func (p power) need() string {
	n, between := p.tally.powered(p.of, p.measure, .8)
	switch {
	case between:
		return fmt.Sprintf("%.0f", n)
	case math.IsInf(n, 1):
		return fmt.Sprintf("> %d", p.tally.looks[len(p.tally.looks)-1])
	}
	return fmt.Sprintf("≤ %.0f", n)
}

func (r *results) powers(split, mixed *tally) []power {
	rank := slices.Index(split.measures, "reciprocal click rank")
	return []power{
		{"split, CTR@1, p < .05", split, split.right, 0},
		{"split, reciprocal click rank, p < .05", split, split.right, rank},
		{"split, reciprocal click rank, anytime", split, split.named, rank},
		{"interleaving, credit, p < .05", mixed, mixed.right, 0},
		{"interleaving, sign test, p < .05", mixed, mixed.right, 1},
		{"interleaving, credit, anytime", mixed, mixed.named, 0},
	}
}

func (r *results) printPower(w io.Writer) {
	for _, e := range []struct {
		title        string
		split, mixed *tally
	}{{"The model over the whole window", r.split, r.interleaved}, {"The model over the first three hits", r.slight, r.slightlyMixed}} {
		fmt.Fprintf(w, "%s, %d runs: %% of runs that see the true winner, by impressions of the experiment\n", e.title, e.split.runs)
		head := []string{""}
		for _, look := range e.split.looks {
			head = append(head, fmt.Sprint(look))
		}
		row, flush := newTable(w, append(head, "for 80 %")...)
		for _, p := range r.powers(e.split, e.mixed) {
			cells := []string{p.name}
			for at := range p.tally.looks {
				cells = append(cells, fmt.Sprintf("%.0f", 100*p.share(at)))
			}
			row(append(cells, p.need())...)
		}
		flush()
		fmt.Fprintln(w)
	}
}

func (r *results) printCoverage(w io.Writer) {
	fmt.Fprintf(w, "%% of runs whose 95 %% interval holds the true difference; last column: the anytime interval, at all looks\n")
	head := []string{""}
	for _, look := range r.split.looks {
		head = append(head, fmt.Sprint(look))
	}
	row, flush := newTable(w, append(head, "anytime")...)
	for _, e := range []struct {
		name  string
		tally *tally
	}{{"split", r.split}, {"narrow split", r.slight}, {"interleaving", r.interleaved}, {"narrow interleaving", r.slightlyMixed}} {
		for i, measure := range e.tally.measures {
			if measure == "sign test" {
				continue
			}
			cells := []string{e.name + ", " + measure}
			for at := range e.tally.looks {
				if e.tally.compared[at] == 0 {
					cells = append(cells, "-")
					continue
				}
				cells = append(cells, fmt.Sprintf("%.1f", 100-100*float64(e.tally.missed[at][i])/float64(e.tally.compared[at])))
			}
			row(append(cells, fmt.Sprintf("%.1f", 100-100*float64(e.tally.strayed[len(e.tally.looks)-1][i])/float64(e.tally.runs)))...)
		}
	}
	flush()
}
