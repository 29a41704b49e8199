package proxy

import (
	"context"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/resift/resift/reranker"
)

// TestClientGoneCancelsTheEngine leaves while the engine works, on a forwarded request and on a first stage.
func TestClientGoneCancelsTheEngine(t *testing.T) {
	for _, target := range []string{"/notes/_update_by_query", "/notes/_search"} {
		t.Run(target, func(t *testing.T) {
			working, stopped := make(chan struct{}), make(chan struct{})
			e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
			e.answer = func(_ http.ResponseWriter, r *http.Request, _ []byte) bool {
				close(working)
				<-r.Context().Done()
				close(stopped)
				return true
			}
			r := startProxy(t, e, setup{})
			ctx, leave := context.WithCancel(t.Context())
			go func() {
				<-working
				leave()
			}()
			if a, err := r.try(ctx, "POST", target, "{"+query+"}"); err == nil {
				t.Errorf("an answer: %d %s", a.status, a.body)
			}
			select {
			case <-stopped:
			case <-time.After(5 * time.Second):
				t.Error("the engine goes on")
			}
			if n := len(e.requests()); n != 1 {
				t.Errorf("%d requests to the engine", n)
			}
		})
	}
}

// TestClientGoneStopsItsScoringAndNobodyElses has two clients ask the same. The one whose work it is leaves; the other, who
// waits for the scores, takes the work over.
func TestClientGoneStopsItsScoringAndNobodyElses(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	scoring, stopped := make(chan struct{}), make(chan struct{})
	var once sync.Once
	r.scorer.score = func(ctx context.Context, q string, p []string) (reranker.Result, error) {
		mine := false
		once.Do(func() { mine = true })
		if !mine {
			return opinions(q, p), nil
		}
		close(scoring)
		<-ctx.Done()
		close(stopped)
		return reranker.Result{}, ctx.Err()
	}
	ctx, leave := context.WithCancel(t.Context())
	defer leave()
	var wg sync.WaitGroup
	wg.Go(func() {
		if a, err := r.try(ctx, "POST", "/notes/_search", "{"+query+"}"); err == nil {
			t.Errorf("an answer to who had gone: %d %s", a.status, a.body)
		}
	})
	<-scoring
	var other answer
	wg.Go(func() { other = r.search(t, "") })
	eventually(t, "both searches have their first stage", func() bool { return len(e.requests()) == 2 })
	time.Sleep(20 * time.Millisecond) // the second has its claim by now, or makes it after the first gave up: both must end well
	leave()
	wg.Wait()
	<-stopped
	other.expect(t, StatusReranked, "")
	if n := r.scorer.calls.Load(); n != 2 {
		t.Errorf("the model was called %d times", n)
	}
}

// TestEqualSearchesAreScoredOnce has many clients ask the same at the same time.
func TestEqualSearchesAreScoredOnce(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	r.scorer.score = func(_ context.Context, q string, p []string) (reranker.Result, error) {
		time.Sleep(20 * time.Millisecond)
		return opinions(q, p), nil
	}
	bodies := make([]answer, 16)
	var wg sync.WaitGroup
	for i := range bodies {
		wg.Go(func() { bodies[i] = r.search(t, "") })
	}
	wg.Wait()
	for _, a := range bodies {
		a.expect(t, StatusReranked, "")
	}
	if n := r.scorer.pairs.Load(); n > 20 {
		t.Errorf("%d pairs were scored", n)
	}
}
