package yaml

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// A runner runs tests on one engine.
type runner struct {
	client  *http.Client
	apis    map[string]api
	version [3]int // of the engine, as the suite counts

	engine string // URLs: the engine itself,
	alike  string // a resift to which all hits are alike,
	turner string // one that turns windows around

	tally *tally
	err   error // the first of tell
}

// A visit is one run of one test.
type visit struct {
	*runner
	t      *testing.T
	alone  string // the URL that everything is sent to, once; "" to compare
	called map[string]bool
	failed []string // where the test fails by its own measure
	// What was said last, and what is kept of it, by the engine, by the one resift and by the other.
	said [3]answer
	kept [3]stash
}

const (
	byEngine = iota
	byAlike
	byTurner
)

// run runs one test, and again on the engine alone if it fails by its own measure: there it must fail in the same places.
func (r *runner) run(t *testing.T, f suiteFile, test suiteTest) {
	for _, steps := range [][]step{f.setup, test.steps} {
		reason, err := skipped(steps, r.version)
		if err != nil {
			t.Fatal(err)
		}
		if reason != "" {
			r.tally.skipped[reason]++
			t.Skip(reason)
		}
	}
	r.tally.tests++
	failed := r.visit(t, f, test, "")
	if len(failed) == 0 {
		return
	}
	var own []string
	for range rounds {
		if own = r.visit(t, f, test, r.engine); slices.Equal(own, failed) {
			break
		}
		// A test that counts requests notices those that compare: through resift alone it has as many as on the engine.
		if failed = r.visit(t, f, test, r.alike); slices.Equal(own, failed) {
			break
		}
	}
	switch {
	case !slices.Equal(own, failed):
		r.tally.differed++
		t.Errorf("through resift the test fails at\n  %s\non the engine alone at\n  %s", strings.Join(failed, "\n  "), strings.Join(own, "\n  "))
	case len(own) > 0:
		r.tally.ownFailures++
	}
}

// visit runs one test once and says where it fails by its own measure.
func (r *runner) visit(t *testing.T, f suiteFile, test suiteTest, alone string) (failed []string) {
	v := &visit{runner: r, t: t, alone: alone, called: map[string]bool{}, kept: [3]stash{{}, {}, {}}}
	defer func() {
		if err := r.wipe(context.WithoutCancel(t.Context()), v.called); err != nil {
			t.Fatalf("the engine cannot be wiped: %v", err)
		}
	}()
	for _, s := range slices.Concat(f.setup, test.steps) {
		goOn, err := v.step(s)
		if err != nil {
			t.Fatalf("line %d: %v", s.line, err)
		}
		if !goOn {
			break
		}
	}
	for _, s := range f.teardown {
		if _, err := v.step(s); err != nil {
			t.Fatalf("line %d: %v", s.line, err)
		}
	}
	return v.failed
}

// step does one step; goOn is false where nothing after it has a meaning.
func (v *visit) step(s step) (goOn bool, err error) {
	switch s.verb {
	case "skip":
	case "do":
		return v.do(s)
	case "set":
		v.set(s)
	case "is_true", "is_false", "match", "length", "gt", "gte", "lt", "lte", "contains":
		ok, err := holds(s, v.said[v.judge()], v.kept[v.judge()])
		if err != nil || !ok { // a pattern of Java's that Go cannot read fails on both
			v.fail(s, "")
		}
	default:
		return false, fmt.Errorf("step %s is unknown", s.verb)
	}
	return true, nil
}

// judge is whose answers the test's own measure is held against.
func (v *visit) judge() int {
	if v.alone == "" {
		return byAlike
	}
	return byEngine
}

func (v *visit) fail(s step, why string) {
	v.failed = append(v.failed, strings.TrimSpace(fmt.Sprintf("line %d: %s %s", s.line, s.verb, why)))
}

func (v *visit) set(s step) {
	for key, value := range members(s.arg) {
		for who := range v.kept {
			got, ok := v.kept[who].look(v.said[who].doc(), key.Value)
			if !ok {
				if who == v.judge() {
					v.fail(s, key.Value)
				}
				continue
			}
			v.kept[who][value.Value] = got
		}
	}
}

func (v *visit) do(s step) (goOn bool, err error) {
	c, err := parseCall(s)
	if err != nil {
		return false, err
	}
	a, ok := v.apis[c.api]
	if !ok {
		return false, fmt.Errorf("there is no API %s", c.api)
	}
	var requests [3]request
	var ignore []string
	for who := range requests {
		requests[who], ignore, err = a.request(c, v.kept[who])
		if errors.Is(err, errNoPath) {
			if c.catch != "param" {
				v.fail(s, c.api+" without a path")
			}
			return true, nil
		}
		if err != nil {
			return false, err
		}
	}
	v.called[c.api] = true
	how := a.manner(c.api, c.args)
	if err := v.exchange(s, how, requests); err != nil {
		return false, err
	}
	said := v.said[v.judge()]
	fine, err := caught(c.catch, said)
	if c.catch == "param" {
		fine, err = said.status >= 400, nil // a client would refuse; the engine does
	}
	if err != nil || !fine && !slices.Contains(ignore, strconv.Itoa(said.status)) {
		v.fail(s, fmt.Sprintf("%s: %d", c.api, said.status))
		return how != once, nil
	}
	return true, nil
}

// exchange sends a call in its manner and leaves in v.said what each said.
func (v *visit) exchange(s step, how manner, requests [3]request) error {
	if v.alone != "" {
		said, err := v.send(v.alone, requests[byEngine])
		v.said = [3]answer{said, said, said}
		return err
	}
	v.tally.calls++
	if how == once {
		said, err := v.send(v.alike, requests[byAlike])
		v.said = [3]answer{said, said, said}
		return err
	}
	v.tally.reads++
	if how == search {
		v.tally.searches++
	}
	var judged verdict
	for round := range rounds {
		one, err := v.round(how, requests, round == 0)
		if err != nil {
			return err
		}
		if judged = one; judged.differs == "" || how == cursor {
			break
		}
	}
	v.report(s, requests[byAlike], judged)
	return nil
}

func (v *visit) send(base string, r request, header ...string) (answer, error) {
	return send(v.t.Context(), v.client, base, r, header...)
}

func (v *visit) report(s step, r request, judged verdict) {
	switch {
	case judged.differs != "":
		v.tally.differed++
		v.t.Errorf("line %d: %s %s %.400s\n    %s", s.line, r.method, r.target, r.body, judged.differs)
	case judged.unsteady != "":
		v.tally.unsteady++
		v.t.Logf("unsteady, line %d: %s %s %.200s\n    %s", s.line, r.method, r.target, r.body, judged.unsteady)
	}
}
