package yaml

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// A tally counts what a run over one engine saw.
type tally struct {
	engine string // name and version

	tests, ownFailures int
	skipped            map[string]int // by reason
	calls, reads       int
	searches           int
	statuses           map[string]int // of searches: X-Resift-Status and X-Resift-Reason
	forced             int            // re-ranked when a query text was given that the search lacks
	turned             int            // windows turned around
	moved              int            // of these the answers in which that shows
	differed, unsteady int
}

func newTally(engine string) *tally {
	return &tally{engine: engine, skipped: map[string]int{}, statuses: map[string]int{}}
}

// complete tells whether all tests of the files were come to, and none left out by -run.
func (t *tally) complete(files []suiteFile) bool {
	seen, all := t.tests, 0
	for _, n := range t.skipped {
		seen += n
	}
	for _, f := range files {
		all += len(f.tests)
	}
	return seen == all
}

// table is the tallies side by side, in Markdown.
func table(all []*tally) string {
	var b strings.Builder
	row := func(name string, value func(*tally) int) {
		fmt.Fprintf(&b, "| %s |", name)
		for _, t := range all {
			fmt.Fprintf(&b, " %d |", value(t))
		}
		b.WriteString("\n")
	}
	b.WriteString("| |")
	for _, t := range all {
		fmt.Fprintf(&b, " %s |", t.engine)
	}
	b.WriteString("\n|---|" + strings.Repeat("---:|", len(all)) + "\n")
	row("tests run", func(t *tally) int { return t.tests })
	for _, reason := range keys(all, func(t *tally) map[string]int { return t.skipped }) {
		row("tests skipped: "+reason, func(t *tally) int { return t.skipped[reason] })
	}
	row("of the tests run, fail on the engine alone in the same places", func(t *tally) int { return t.ownFailures })
	row("calls through resift", func(t *tally) int { return t.calls })
	row("of these compared with the engine's own answer", func(t *tally) int { return t.reads })
	row("searches", func(t *tally) int { return t.searches })
	for _, status := range keys(all, func(t *tally) map[string]int { return t.statuses }) {
		row("of these "+status, func(t *tally) int { return t.statuses[status] })
	}
	row("re-ranked besides, when given a query text", func(t *tally) int { return t.forced })
	row("windows turned around", func(t *tally) int { return t.turned })
	row("of these with hits in another order", func(t *tally) int { return t.moved })
	row("unsteady: two answers of the engine differ", func(t *tally) int { return t.unsteady })
	row("**differed**", func(t *tally) int { return t.differed })
	return b.String()
}

func keys(all []*tally, of func(*tally) map[string]int) []string {
	seen := map[string]bool{}
	for _, t := range all {
		for key := range of(t) {
			seen[key] = true
		}
	}
	return slices.Sorted(maps.Keys(seen))
}
