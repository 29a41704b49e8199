package e2e

import (
	"strings"
	"testing"

	"github.com/resift/resift/test/rig"
)

// TestPartial has a scorer that answers one call and holds the next: the scored hits come first, the others after them
// in the engine's order, and what was scored is known the next time.
func TestPartial(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		s := rig.NewScorer(t, rig.ReverseOrder)
		s.Batch = 10
		c := withScorer(e, s)
		c.reranker = strings.TrimSuffix(c.reranker, "}") + ", concurrency: 1}"
		c.rest = ""
		c.indices = `[{match: "*", fields: [title, text, key], window: 30, timeout: 2s}]`
		p := start(t, c)
		release := s.HoldAfter(1)
		defer release()
		r := post("/"+docs+"/_search", `{"query":{"match":{"text":"system"}},"size":40}`)
		direct := ask(t, e.address, r)
		_, was := readFound(t, direct)
		a := p.ask(r)
		if got := a.resiftStatus(); got != "partial deadline" {
			t.Fatalf("status %q: %s", got, a)
		}
		f, is := readFound(t, a)
		want := ids(was)
		for i := range 5 {
			want[i], want[9-i] = want[9-i], want[i]
		}
		if got := ids(is); strings.Join(got, " ") != strings.Join(want, " ") {
			t.Errorf("order\n  %v, want\n  %v", got, want)
		}
		holdScores(t, f, is, 10)
		holdMultiset(t, was, is)
		if w, g := without(t, direct), without(t, a); w != g {
			t.Error("beside the hits: " + firstDifference([]byte(w), []byte(g)))
		}
		release()
		hits := metric(t, p, "resift_cache_hits_total")
		if got := p.ask(r).resiftStatus(); got != "reranked" {
			t.Errorf("once more: status %q", got)
		}
		if now := metric(t, p, "resift_cache_hits_total"); now != hits+10 {
			t.Errorf("%v pairs came from the cache, want the 10 that were scored in time", now-hits)
		}
	})
}

// TestOverload asks for more pairs than the queue takes: the engine's own answer, at once.
func TestOverload(t *testing.T) {
	e := shared.opensearch
	c := withScorer(e, rig.NewScorer(t, rig.ReverseOrder))
	c.reranker = strings.TrimSuffix(c.reranker, "}") + ", queue_pairs: 5}"
	p := start(t, c)
	r := post("/"+docs+"/_search", `{"query":{"match":{"text":"system"}},"from":2,"size":4}`)
	a := p.ask(r)
	if got := a.resiftStatus(); got != "fallback overloaded" {
		t.Errorf("status %q", got)
	}
	if d := differences(ask(t, e.address, r), a); d != nil {
		t.Error(indent(d))
	}
}

// TestFailureAsError has a rule that wants no answer rather than one in the engine's order.
func TestFailureAsError(t *testing.T) {
	e := shared.opensearch
	c := withScorer(e, rig.NewScorer(t, rig.ReverseOrder))
	c.reranker = strings.TrimSuffix(c.reranker, "}") + ", queue_pairs: 5}"
	c.indices = `[{match: "*", fields: [title, text], on_failure: error}]`
	p := start(t, c)
	a := p.ask(post("/"+docs+"/_search", `{"query":{"match":{"text":"system"}}}`))
	if a.status != 503 || a.resiftStatus() != "fallback overloaded" || !strings.Contains(string(a.body), `"rerank_failed_exception"`) {
		t.Errorf("%s", a)
	}
	bad := post("/e2e-none/_search?q=x", ``)
	if d := differences(ask(t, e.address, bad), p.ask(bad)); d != nil {
		t.Errorf("an error of the engine: %s", indent(d))
	}
}
