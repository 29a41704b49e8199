package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/resift/resift/test/rig"
)

// TestRules holds searches to the rule of their indices, the first that covers all of them.
func TestRules(t *testing.T) {
	e := shared.opensearch
	c := withScorer(e, rig.NewScorer(t, rig.ReverseOrder))
	c.indices = `[{match: e2e-docs, fields: [title, text], window: 5}, {match: "e2e-s*", fields: [text], window: 8, details: true}, {match: "*-odd", fields: [title], score: keep}]`
	p := start(t, c)
	for target, want := range map[string]string{
		"/e2e-docs/_search": "reranked", "/e2e-shards/_search": "reranked", "/e2e-odd/_search": "reranked", "/e2e-sh*/_search": "reranked",
		"/e2e-docs,e2e-odd/_search": "bypassed no_rule", "/e2e-*/_search": "bypassed no_rule", "/_search": "bypassed no_rule",
		"/_all/_search": "bypassed no_rule", "/e2e-alias/_search": "bypassed no_rule", "/e2e-log-2026.11.24/_search": "bypassed no_rule",
		"/e2e-sh*,-e2e-shadow*/_search": "reranked",
	} {
		r := post(target, `{"query":{"match":{"text":"words memory"}},"size":3}`)
		a := p.ask(r)
		if got := a.resiftStatus(); got != want {
			t.Errorf("%s: status %q, want %q", target, got, want)
		}
		if strings.HasPrefix(want, "bypassed") {
			if d := differences(ask(t, e.address, r), a); d != nil {
				t.Errorf("%s%s", target, indent(d))
			}
		}
		if told := strings.Contains(string(a.body), "resift.engine_rank"); told != strings.HasPrefix(target, "/e2e-sh") {
			t.Errorf("%s: details: %v", target, told)
		}
	}
}

// TestForbiddenControls has a configuration that allows a request nothing: controls are as if they were not there.
func TestForbiddenControls(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		s := rig.NewScorer(t, rig.KeepOrder)
		c := withScorer(e, s)
		c.indices = `[{match: "*", fields: [title, text, key], score: keep, window: 50}]`
		c.rest += "\nallow: {mode: false, query: false, window: false, arm: false, model: false, ext: false, native: false}"
		p := start(t, c)
		plain := post("/"+docs+"/_search", plainSearch)
		direct := ask(t, e.address, plain)
		inBody := func(ext string) request {
			return post("/"+docs+"/_search", strings.TrimSuffix(plainSearch, "}")+`,"ext":{"resift":`+ext+`}}`)
		}
		for name, r := range map[string]request{
			"mode": plain.with("X-Resift-Mode: off"), "arm": plain.with("X-Resift-Arm: control"), "query": plain.with("X-Resift-Query: other"),
			"window": plain.with("X-Resift-Window: 1"), "ext": inBody(`{"mode":"off","query_text":"other","window":1,"model":"none","details":true}`), "model": plain.with("X-Resift-Model: none"),
			"wrong values": plain.with("X-Resift-Mode: nonsense", "X-Resift-Window: none"), "wrong ext": inBody(`[1]`),
		} {
			a := p.ask(r)
			if got := a.resiftStatus(); got != "reranked" {
				t.Errorf("%s: %s", name, a)
			}
			if d := differences(direct, a); d != nil {
				t.Errorf("%s%s", name, indent(d))
			}
		}
		if got := s.Asked(); len(got) != 1 || got[0] != "memory" {
			t.Errorf("the model was asked %q", got)
		}
		r := post("/"+docs+"/_search", strings.TrimSuffix(plainSearch, "}")+`,"ext":{"rerank":{"query_context":{"query_text":"x"}}}}`)
		a := p.ask(r)
		if d := differences(ask(t, e.address, r), a); d != nil || a.resiftStatus() != "bypassed search_pipeline" {
			t.Errorf("ext.rerank: %q%s", a.resiftStatus(), indent(d))
		}
	})
}

// TestLongText reads long texts in each of the ways that there are; what the proxy asks for itself is in no answer.
func TestLongText(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		for _, mode := range []string{"first", "max", "highlight"} {
			t.Run(mode, func(t *testing.T) {
				c := withScorer(e, rig.NewScorer(t, rig.KeepOrder))
				c.indices = fmt.Sprintf(`[{match: "*", fields: [text, key], score: keep, window: 50, long_text: {mode: %s, max_tokens: 40, overlap: 10}}]`, mode)
				p := start(t, c)
				for _, members := range []string{
					``, `,"_source":["title"]`, `,"_source":false,"fields":["title"]`, `,"highlight":{"fields":{"text":{"number_of_fragments":1}}}`,
					`,"highlight":{"fields":{"title":{}}}`, `,"from":45,"size":10`,
				} {
					r := post("/"+docs+"/_search", `{"query":{"match":{"text":"system"}}`+members+`}`)
					(&sameAnswer{send: r, want: "reranked"}).run(t, e, p)
				}
			})
		}
	})
}
