package proxy

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/resift/resift/reranker"
)

// scoreFirst scores n passages, then waits for the end of time.
func scoreFirst(n int) func(context.Context, string, []string) (reranker.Result, error) {
	return func(ctx context.Context, q string, p []string) (reranker.Result, error) {
		r := opinions(q, p)
		if n >= len(p) {
			return r, nil
		}
		for i := n; i < len(p); i++ {
			r.Scores[i] = unscored
		}
		<-ctx.Done()
		return r, ctx.Err()
	}
}

func TestDeadlineGivesWhatWasScored(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{rule: func(r *Rule) { r.Timeout = 100 * time.Millisecond }})
	r.scorer.score = scoreFirst(8)
	a := r.search(t, `,"size":30`)
	a.expect(t, StatusPartial, ReasonDeadline)
	direct := ids(answer{body: e.all.body}.hits(t))
	got := ids(a.hits(t))
	if !slices.Equal(got[8:], direct[8:]) {
		t.Errorf("the unscored are not in the engine's order: %v", got)
	}
	first, want := slices.Sorted(slices.Values(got[:8])), slices.Sorted(slices.Values(direct[:8]))
	if !slices.Equal(first, want) || slices.Equal(got[:8], direct[:8]) {
		t.Errorf("the scored are %v", got[:8])
	}
	before := 1e30
	for at, h := range a.hits(t) {
		if !(*h.Score > 0 && *h.Score <= before) || at == 8 && *h.Score == before {
			t.Errorf("_score %v at %d after %v", *h.Score, at, before)
		}
		before = *h.Score
	}
	// What was scored in time is not scored again.
	r.scorer.pairs.Store(0)
	r.scorer.score = nil
	r.search(t, `,"size":30`).expect(t, StatusReranked, "")
	if n := r.scorer.pairs.Load(); n < 11 || n > 12 { // one hit of the window may have no text
		t.Errorf("%d pairs were scored the second time", n)
	}
}

func TestDeadlineWithNothingScored(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{rule: func(r *Rule) { r.Timeout = 30 * time.Millisecond }})
	r.scorer.score = scoreFirst(0)
	a := r.search(t, somePage)
	a.expect(t, StatusFallback, ReasonDeadline)
	if want := e.all.page(2, 5); string(a.body) != string(want.body) {
		t.Errorf("%s", a.body)
	}
}

// TestModelThatLeavesOnePairOut has no error to tell of it.
func TestModelThatLeavesOnePairOut(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	r.scorer.score = func(_ context.Context, q string, p []string) (reranker.Result, error) {
		res := opinions(q, p)
		res.Scores[3] = unscored
		return res, nil
	}
	a := r.search(t, `,"size":20`)
	a.expect(t, StatusPartial, ReasonModel)
	direct := ids(answer{body: e.all.body}.hits(t))
	if got := ids(a.hits(t)); !slices.Contains(got[18:], direct[3]) {
		t.Errorf("%s is not at the end: %v", direct[3], got)
	}
}

func TestWaiterNeedsOnlyItsOwnPairs(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{rule: func(r *Rule) { r.Timeout = time.Minute }})
	begun, end := make(chan struct{}), make(chan struct{})
	r.scorer.early = 8
	r.scorer.score = func(_ context.Context, q string, p []string) (reranker.Result, error) {
		close(begun)
		<-end
		return opinions(q, p), nil
	}
	large := make(chan answer)
	go func() { large <- r.search(t, "") }()
	<-begun
	// The large request has published its first pairs and is still in the model.
	r.search(t, "", HeaderWindow, "5").expect(t, StatusReranked, "")
	close(end)
	(<-large).expect(t, StatusReranked, "")
}
