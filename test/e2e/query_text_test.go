package e2e

import (
	"slices"
	"testing"

	"github.com/resift/resift/test/rig"
)

// TestQueryText looks at what the model is given to read as the query, by way of a server that notes it.
func TestQueryText(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		s := rig.NewScorer(t, rig.KeepOrder)
		c := withScorer(e, s)
		c.indices = `[{match: e2e-odd, fields: [title, text, key], query_path: "query.bool.filter.0.match.title"}, {match: "*", fields: [title, text, key]}]`
		p := start(t, c)
		var want []string
		for text, r := range map[string]request{
			"memory is kept":        post("/"+docs+"/_search", `{"query":{"match":{"text":" memory  is \n kept "}}}`),
			"virus":                 get("/" + docs + "/_search?q=%2Btitle:virus~1"),
			"virus worm trojan":     post("/"+docs+"/_search", `{"query":{"query_string":{"query":"+virus (worm^2 OR title:trojan) NOT mac","default_field":"text"}}}`),
			"cache memory":          post("/"+docs+"/_search", `{"query":{"dis_max":{"queries":[{"match":{"title":"cache"}},{"match":{"text":"memory"}},{"match":{"text":"cache"}}]}}}`),
			"odd":                   post("/"+odd+"/_search", `{"query":{"bool":{"must":[{"match":{"text":"words"}}],"filter":[{"match":{"title":"odd"}}]}}}`),
			"asked in the header":   post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}}}`).with("X-Resift-Query: asked in the header"),
			"日本語 \u00e9 \U0001f600": post("/"+docs+"/_search", `{"query":{"match":{"text":"日本語 \u00e9 \ud83d\ude00 language memory"}},"ext":{"resift":{"query_text":"日本語 \u00e9 \ud83d\ude00"}}}`),
		} {
			want = append(want, text)
			if a := p.ask(r); a.resiftStatus() != "reranked" {
				t.Errorf("%s: %s", text, a)
			}
		}
		slices.Sort(want)
		if got := s.Asked(); !slices.Equal(got, want) {
			t.Errorf("the model was asked\n  %q, want\n  %q", got, want)
		}
	})
}
