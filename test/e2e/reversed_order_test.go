package e2e

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/resift/resift/test/rig"
)

// withReversal is a resift whose scorer turns the window around.
func withReversal(t *testing.T, e *engine) *process {
	c := withScorer(e, rig.NewScorer(t, rig.ReverseOrder))
	c.indices = `[{match: "*", fields: [title, text, key], window: 50}]`
	return start(t, c)
}

// TestReversedOrder holds re-ranking to moving hits and to nothing else.
func TestReversedOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		p := withReversal(t, e)
		for name, r := range map[string]request{
			"more hits than the window": post("/"+docs+"/_search", `{"query":{"match":{"text":"system"}},"size":70}`),
			"window alone":              post("/"+docs+"/_search", `{"query":{"match":{"text":"system"}},"size":50}`),
			"fewer hits":                post("/"+odd+"/_search", `{"query":{"multi_match":{"query":"odd words","fields":["title","text"]}},"size":50}`),
			"one hit":                   post("/"+odd+"/_search", `{"query":{"match":{"title":"emoji family"}},"size":50}`),
			"no hit":                    post("/"+odd+"/_search", `{"query":{"match":{"title":"zzyzzxqq"}},"size":50}`),
			"three shards":              post("/"+shards+"/_search", `{"query":{"match":{"text":"system language"}},"size":60}`),
			"three indices":             post("/e2e-*/_search", `{"query":{"match":{"text":"words"}},"size":60}`),
			"by q":                      get("/" + docs + "/_search?size=60&q=text:memory"),
			"a tie-breaker":             post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"sort":["_score",{"key":"desc"}],"size":50}`),
			"collapse":                  post("/"+docs+"/_search", `{"query":{"match":{"text":"system"}},"size":50,"collapse":{"field":"key","inner_hits":[{"name":"a","size":1},{"name":"b","size":2,"_source":false}]}}`),
			"rescore":                   post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"size":50,"rescore":[{"window_size":30,"query":{"rescore_query":{"match":{"title":"memory"}},"rescore_query_weight":4}}]}`),
			"min_score":                 post("/"+docs+"/_search", `{"query":{"match":{"text":"memory system"}},"size":50,"min_score":3}`),
			"terminate_after":           post("/"+docs+"/_search?terminate_after=400&timeout=20s", `{"query":{"match":{"text":"system"}},"size":50}`),
			"date math":                 post("/%3Ce2e-log-%7B2026.11.24%7C%7C%2Fd%7Byyyy.MM.dd%7D%7D%3E/_search", `{"query":{"match":{"text":"language"}},"size":50}`),
			"totals and keys":           post("/"+docs+"/_search?rest_total_hits_as_int=true&typed_keys=true", `{"query":{"match":{"text":"memory"}},"size":50,"track_total_hits":true,"aggs":{"t":{"terms":{"field":"topics"}}},"suggest":{"s":{"text":"memry","term":{"field":"text"}}}}`),
			"fields of all kinds":       post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"size":50,"fields":["ti*",{"field":"updated","format":"yyyy"}],"docvalue_fields":["length"],"stored_fields":["stored"],"_source":{"excludes":["t*"]}}`),
			"all that goes with it": post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"size":50,"track_total_hits":true,"aggs":{"t":{"terms":{"field":"topics"}}},
				"highlight":{"fields":{"text":{}}},"fields":["updated"],"_source":["title"],"suggest":{"s":{"text":"memry","term":{"field":"text"}}}}`),
		} {
			t.Run(name, func(t *testing.T) { compareReversed(t, ask(t, e.address, r), p.ask(r)) })
		}
	})
}

func compareReversed(t *testing.T, direct, proxied answer) {
	if got := proxied.resiftStatus(); got != "reranked" {
		t.Fatalf("status %q: %s", got, proxied)
	}
	own, want := readFound(t, direct)
	f, got := readFound(t, proxied)
	if own.Hits.MaxScore == nil && len(want) > 0 { // Elasticsearch has none where a sort is given
		if f.Hits.MaxScore != nil {
			t.Errorf("max_score is %v, the engine's null", *f.Hits.MaxScore)
		}
		f.Hits.MaxScore = got[0].Score
	}
	if len(got) != len(want) {
		t.Fatalf("%d hits, the engine has %d", len(got), len(want))
	}
	inside := min(window, len(want))
	expected := append([]hit(nil), want...)
	slices.Reverse(expected[:inside])
	for i := range got {
		if got[i].raw != expected[i].raw {
			t.Errorf("hit %d: %s", i, firstDifference([]byte(expected[i].raw), []byte(got[i].raw)))
			break
		}
	}
	if w, g := without(t, direct), without(t, proxied); w != g {
		t.Error("beside the hits: " + firstDifference([]byte(w), []byte(g)))
	}
	holdScores(t, f, got, inside)
}

// holdScores holds _score to falling with every hit of the window, to never rising after it, and to being positive.
func holdScores(t *testing.T, f found, hits []hit, inside int) {
	t.Helper()
	if len(hits) == 0 {
		if f.Hits.MaxScore != nil {
			t.Errorf("max_score %v of no hits", *f.Hits.MaxScore)
		}
		return
	}
	for i, h := range hits {
		switch {
		case h.Score == nil:
			t.Fatalf("hit %d has no _score", i)
		case *h.Score <= 0:
			t.Errorf("hit %d has _score %v", i, *h.Score)
		case i > 0 && i <= inside && *h.Score >= *hits[i-1].Score, i > inside && *h.Score > *hits[i-1].Score:
			t.Errorf("hit %d has _score %v after %v", i, *h.Score, *hits[i-1].Score)
		}
	}
	if f.Hits.MaxScore == nil || *f.Hits.MaxScore != *hits[0].Score {
		t.Errorf("max_score is %v, the first _score %v", f.Hits.MaxScore, *hits[0].Score)
	}
}

// TestPaging goes through the whole list page by page: what is seen is each hit once, in the order of one large page.
func TestPaging(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		p := withReversal(t, e)
		const query = `{"query":{"match":{"text":"system"}}%s}`
		_, engineOrder := readFound(t, ask(t, e.address, post("/"+docs+"/_search", fmt.Sprintf(query, `,"size":400`))))
		f, whole := readFound(t, p.ask(post("/"+docs+"/_search", fmt.Sprintf(query, `,"size":400`))))
		if len(whole) != len(engineOrder) || len(whole) < 2*window {
			t.Fatalf("%d hits, the engine has %d", len(whole), len(engineOrder))
		}
		for _, size := range []int{1, 7, 20, 50, 64} {
			t.Run(fmt.Sprint(size), func(t *testing.T) {
				var paged []hit
				for from := 0; from < 2*window; from += size {
					a := p.ask(post(fmt.Sprintf("/%s/_search?from=%d", docs, from), fmt.Sprintf(query, fmt.Sprintf(`,"size":%d`, size))))
					g, hits := readFound(t, a)
					if len(hits) != min(size, len(whole)-from) {
						t.Fatalf("%d hits from %d on: %s", len(hits), from, a)
					}
					paged = append(paged, hits...)
					if from >= window {
						continue // bypassed: the engine's order and the engine's scores
					}
					if *g.Hits.MaxScore != *f.Hits.MaxScore {
						t.Errorf("from %d on max_score is %v, else %v", from, *g.Hits.MaxScore, *f.Hits.MaxScore)
					}
					for i, h := range hits {
						if w := whole[from+i]; *h.Score != *w.Score {
							t.Errorf("hit %d has _score %v on a page of %d, else %v", from+i, *h.Score, size, *w.Score)
						}
					}
				}
				want := ids(whole)[:len(paged)]
				if got := ids(paged); !slices.Equal(got, want) {
					t.Errorf("pages of %d:\n  %s\nwhole:\n  %s", size, strings.Join(got, " "), strings.Join(want, " "))
				}
			})
		}
	})
}

// TestShortPastTheEnd asks for pages where no hits are.
func TestShortPastTheEnd(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		p := withReversal(t, e)
		for _, from := range []int{17, 18, 30, 49} {
			r := post("/"+odd+"/_search", fmt.Sprintf(`{"query":{"match":{"title":"odd"}},"from":%d}`, from))
			direct, proxied := ask(t, e.address, r), p.ask(r)
			_, want := readFound(t, direct)
			if _, got := readFound(t, proxied); len(got) != len(want) || without(t, direct) != without(t, proxied) {
				t.Errorf("from %d: engine %s\nresift %s", from, direct, proxied)
			}
		}
	})
}
