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
	same                   *tally // control against an arm of the same order
	whole, narrow          effect
	all                    []*tally
	apartSplit, apartMixed *apart
}

// effect is what a treatment does, seen by a split and by interleaving.
type effect struct {
	title                    string
	split, mixed             *tally
	plannedSplit, plannedMix *tally // with an anytime interval that was planned for soon users; nil: not drawn
}

// soon is a plan for an experiment that is to end early.
const soon = 500

// runAll draws the experiments.
func (w *world) runAll(t *testing.T) *results {
	r := &results{}
	repeat := func(planned float64, sides ...side) *tally {
		c := newDesign(t, w.records, planned, sides...).repeat(t, seed+uint64(len(r.all))+1, w.runs, w.looks)
		r.all = append(r.all, c)
		return c
	}
	same := w.of("control", "twin") // exchangeable: both arms of a run are drawn from all of them
	r.same = repeat(w.planned, side{"control", same}, side{"twin", same})
	draw := func(title, treatment, interleaved string) effect {
		control, other, mixed := side{"control", w.of("control")}, side{treatment, w.of(treatment)}, side{interleaved, w.of(interleaved)}
		e := effect{title: title, split: repeat(w.planned, control, other), mixed: repeat(w.planned, mixed)}
		if w.narrow > 0 {
			e.plannedSplit, e.plannedMix = repeat(soon, control, other), repeat(soon, mixed)
		}
		return e
	}
	r.whole = draw("The model over the whole window", "treatment", "interleaved")
	if w.narrow > 0 {
		r.narrow = draw(fmt.Sprintf("The model over the first %d hits", w.narrow), "treatment-narrow", "interleaved-narrow")
	}
	expected := w.expected("treatment")
	r.apartSplit = w.dealOut(t, 300, expected[:], r.whole.split.measures[:len(expected)], "control", "treatment")
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
	for _, c := range []*tally{r.whole.split, r.whole.mixed} {
		last := len(c.looks) - 1
		if got := c.named[last][0]; got < c.runs*4/5 {
			t.Errorf("%s: %d impressions name the winner in %d of %d runs", c.sides[len(c.sides)-1].arm, c.looks[last], got, c.runs)
		}
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
			if n < c.runs/2 { // most had too few users
				cells = append(cells, "-")
				continue
			}
			cells = append(cells, percent(hits, n))
		}
		row(cells...)
	}
	for at, look := range c.looks {
		line(fmt.Sprint(look), c.below[at], c.compared[at])
	}
	line("0 left out at any look", c.strayed[len(c.looks)-1], c.runs)
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

func (e effect) powers() []power {
	rank := slices.Index(e.split.measures, "reciprocal click rank")
	planned := fmt.Sprintf(", every look, %d planned", soon)
	return []power{
		{"split, CTR@1, p < .05", e.split, e.split.right, 0},
		{"split, click rank, p < .05", e.split, e.split.right, rank},
		{"split, click rank, every look", e.split, e.split.named, rank},
		{"split, click rank" + planned, e.plannedSplit, e.plannedSplit.named, rank},
		{"interleaving, sign test, p < .05", e.mixed, e.mixed.right, 1},
		{"interleaving, credit, p < .05", e.mixed, e.mixed.right, 0},
		{"interleaving, credit, every look", e.mixed, e.mixed.named, 0},
		{"interleaving, credit" + planned, e.plannedMix, e.plannedMix.named, 0},
	}
}

func (r *results) printPower(w io.Writer) {
	for _, e := range []effect{r.whole, r.narrow} {
		fmt.Fprintf(w, "%s, %d runs: %% of runs that see the true winner, by impressions of the experiment\n", e.title, e.split.runs)
		head := []string{""}
		for _, look := range e.split.looks {
			head = append(head, fmt.Sprint(look))
		}
		row, flush := newTable(w, append(head, "for 80 %")...)
		for _, p := range e.powers() {
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
	fmt.Fprintf(w, "%% of runs whose 95 %% interval holds the true difference; last column: the interval for every look, at all of them\n")
	head := []string{""}
	for _, look := range r.same.looks {
		head = append(head, fmt.Sprint(look))
	}
	row, flush := newTable(w, append(head, "every look")...)
	for _, e := range []struct {
		name  string
		tally *tally
	}{{"split", r.whole.split}, {"interleaving", r.whole.mixed}, {"narrow split", r.narrow.split}, {"narrow interleaving", r.narrow.mixed}} {
		for i, measure := range e.tally.measures {
			if measure == "sign test" {
				continue
			}
			cells := []string{e.name + ", " + measure}
			for at := range e.tally.looks {
				if e.tally.compared[at] < e.tally.runs/2 { // most had too few users
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
