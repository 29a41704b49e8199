package proxy

import (
	"context"
	"sync"
	"testing"

	"github.com/resift/resift/reranker"
)

// TestSearchesOverTheLimitAreTheEnginesAlone fills every slot; one more search must not wait.
func TestSearchesOverTheLimitAreTheEnginesAlone(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{options: func(o *Options) { o.Limits.Searches = 2 }})
	inside, goOn := make(chan struct{}, 2), make(chan struct{})
	r.scorer.score = func(_ context.Context, q string, p []string) (reranker.Result, error) {
		inside <- struct{}{}
		<-goOn
		return opinions(q, p), nil
	}
	var wg sync.WaitGroup
	for _, text := range []string{"one", "two"} {
		wg.Go(func() {
			r.search(t, "", "X-Resift-Query", text).expect(t, StatusReranked, "")
		})
	}
	<-inside
	<-inside
	a := r.search(t, somePage)
	a.expect(t, StatusFallback, ReasonOverloaded)
	if want := e.all.page(2, 5); string(a.body) != string(want.body) {
		t.Errorf("%s", a.body)
	}
	close(goOn)
	wg.Wait()
	r.search(t, somePage).expect(t, StatusReranked, "")
}

// TestOverloadedModelStillServesWhatIsCached asks for what is known while the queue is full.
func TestOverloadedModelStillServesWhatIsCached(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	known := r.search(t, "")
	known.expect(t, StatusReranked, "")
	r.scorer.score = func(context.Context, string, []string) (reranker.Result, error) {
		return reranker.Result{}, reranker.ErrOverloaded
	}
	again := r.search(t, "")
	again.expect(t, StatusReranked, "")
	if !sameHits(again.hits(t), known.hits(t)) {
		t.Error("the order from the cache is another one")
	}
	r.search(t, "", "X-Resift-Query", "something else").expect(t, StatusFallback, ReasonOverloaded)
}
