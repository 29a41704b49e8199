package e2e

import (
	"fmt"
	"sync"
	"testing"

	"github.com/resift/resift/test/rig"
)

// TestConcurrent asks many things at the same time, some of them the same: each gets the answer that it gets alone.
func TestConcurrent(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		s := rig.NewScorer(t, rig.ByHash)
		c := withScorer(e, s)
		c.rest = "" // with a cache: what one scores another waits for
		c.indices = `[{match: "*", fields: [title, text], timeout: 30s}]`
		var requests []request
		for i, text := range []string{"memory", "system", "protocol", "language", "computer virus", "operating system", "database", "compiler"} {
			requests = append(requests,
				post("/"+docs+"/_search", fmt.Sprintf(`{"query":{"match":{"text":%q}},"size":%d}`, text, 5+i)),
				post("/e2e-*/_search", fmt.Sprintf(`{"query":{"match":{"text":%q}},"from":%d,"aggs":{"t":{"terms":{"field":"topics"}}}}`, text, i)),
				get(fmt.Sprintf("/%s/_search?q=text:(%s)&size=30&filter_path=hits.hits._id,hits.hits._score", shards, string(text[0])+"*+"+text[:4]+"*")))
		}
		alone := start(t, c)
		want := make([]answer, len(requests))
		for i, r := range requests {
			if want[i] = alone.ask(r); want[i].resiftStatus() != "reranked" {
				t.Errorf("%s %s: %s", r.target, r.body, want[i])
			}
		}
		p := start(t, c)
		var workers sync.WaitGroup
		for w := range 8 {
			workers.Go(func() {
				for n := range 2 * len(requests) {
					i := (n*7 + w/2) % len(requests) // neighbours ask for the same at about the same time
					got, err := send(p.address, requests[i])
					if err != nil {
						t.Error(err)
						return
					}
					if d := differences(want[i], got); d != nil || got.resiftStatus() != "reranked" {
						t.Errorf("%s %s: %q%s", requests[i].target, requests[i].body, got.resiftStatus(), indent(d))
					}
				}
			})
		}
		workers.Wait()
	})
}
