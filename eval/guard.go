package eval

import (
	"fmt"
	"strconv"
	"strings"
)

// Guard is the least that a measure may be, for use in a build: a value, or a difference to control.
type Guard struct {
	text       string
	measure    int // index in Options.Names
	least      float64
	difference bool
}

// measureKeys are the measures' names without their cuts, in the order of Options.Names.
var measureKeys = []string{"ndcg", "mrr", "map", "recall"}

// ParseGuard reads MEASURE=VALUE, such as "nDCG=0.70", or MEASURE=+VALUE or -VALUE for a difference to control. A measure may be
// written with its cut, nDCG@10; case does not matter.
func ParseGuard(text string) (Guard, error) {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return Guard{}, fmt.Errorf("%q: want MEASURE=VALUE, such as nDCG=0.70, or nDCG=+0.01 for a difference", text)
	}
	key, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(name)), "@")
	g := Guard{text: text, measure: -1}
	for i, k := range measureKeys {
		if k == key {
			g.measure = i
		}
	}
	if g.measure < 0 {
		return Guard{}, fmt.Errorf("%q: %q is no measure; there are %s", text, name, strings.Join(measureKeys, ", "))
	}
	value = strings.TrimSpace(value)
	least, err := strconv.ParseFloat(value, 64)
	if err != nil || least < -1 || least > 1 || least != least {
		return Guard{}, fmt.Errorf("%q: %q is no number from -1 to 1", text, value)
	}
	g.least, g.difference = least, value[0] == '+' || value[0] == '-'
	return g, nil
}

// Check returns an error for every treatment that is below the guard.
func (g Guard) Check(r *Report) []error {
	var errs []error
	name := r.Options.Names()[g.measure]
	for _, t := range r.Treatments() {
		v, what := t.Mean.Values()[g.measure], ""
		if g.difference {
			v -= r.Control().Mean.Values()[g.measure]
			what = "difference of "
		}
		// A mean of the same values may differ in its last bits.
		if v < g.least-1e-9 {
			errs = append(errs, fmt.Errorf("%s: %s%s is %.4f, below %.4f (--fail-below %s)", t.Name, what, name, v, g.least, g.text))
		}
	}
	return errs
}
