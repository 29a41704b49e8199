package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/resift/resift/test/rig"
)

// badInput is a search that few would send: resift must not answer with an error of its own while the engine is well.
type badInput struct {
	name string
	send request
	want string
}

// TestBadInput sends bodies that are wrong, huge or deep: the answer is the engine's own.
func TestBadInput(t *testing.T) {
	body := func(name, want, body string) badInput {
		return badInput{name, post("/"+docs+"/_search", body), want}
	}
	deep := strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000)
	deepQuery := strings.Repeat(`{"bool":{"must":`, 100_000) + `{"match":{"text":"memory"}}` + strings.Repeat(`}}`, 100_000)
	const wide = `{"query":{"match":{"text":"memory"}},"size":2`
	cases := []badInput{
		body("an open object", "bypassed malformed_body", `{`),
		body("an open text", "bypassed malformed_body", `{"query":{"match":{"text":"mem`),
		body("an array", "bypassed malformed_body", `[{"query":{"match_all":{}}}]`),
		body("a text", "bypassed malformed_body", `"query"`),
		body("two documents", "bypassed malformed_body", `{"size":1}{"size":2}`),
		body("words after the end", "bypassed malformed_body", `{"size":1} and more`),
		body("single quotes", "bypassed malformed_body", `{'size':1}`),
		body("a comment", "bypassed malformed_body", `{"size":1/* one */}`),
		body("a comma too many", "bypassed malformed_body", `{"size":1,}`),
		body("NaN", "bypassed malformed_body", `{"query":{"match":{"text":"memory"}},"min_score":NaN}`),
		body("a leading zero", "bypassed malformed_body", `{"query":{"match":{"text":"memory"}},"size":01}`),
		body("a byte order mark", "bypassed malformed_body", "\ufeff"+`{"query":{"match":{"text":"memory"}}}`),
		body("a raw control character", "bypassed malformed_body", "{\"query\":{\"match\":{\"text\":\"mem\x00ory\"}}}"),
		body("bytes that are not UTF-8", "bypassed malformed_body", "{\"query\":{\"match\":{\"text\":\"mem\xff\xfeory\"}}}"),
		body("half a character", "bypassed malformed_body", "{\"query\":{\"match\":{\"text\":\"mem\xe4\xb8\"}}}"),
		body("an escape of NUL", "reranked", `{"query":{"match":{"text":"memory\u0000system"}}}`),
		body("a lone surrogate", "reranked", `{"query":{"match":{"text":"memory \ud800 system"}}}`),
		body("only space", "bypassed malformed_body", "  \n"),
		body("an empty key", "fallback engine_status", `{"query":{"match":{"text":"memory"}},"":1}`),
		body("100,000 arrays deep", "bypassed body_too_deep", `{"query":{"match":{"text":"memory"}},"x":`+deep+`}`),
		body("8 MiB of space", "reranked", wide+strings.Repeat(" ", 8<<20)+"}"),
		body("64 MiB of space", "bypassed body_too_large", wide+strings.Repeat(" ", 64<<20)+"}"),
		body("64 MiB in one text", "bypassed body_too_large", `{"query":{"match":{"text":"memory"}},"x":"`+strings.Repeat("memory ", 64<<20/7)+`"}`),
		{"16 MiB in chunks", chunked(post("/"+docs+"/_search", wide+strings.Repeat(" ", 16<<20)+"}")), "bypassed body_too_large"},
		body("a query of 60,000 clauses", "fallback engine_status", `{"query":{"bool":{"should":[`+strings.Repeat(`{"match":{"text":"a"}},`, 60_000)+`{"match":{"text":"memory"}}]}}}`),
		{"a broken q", get("/" + docs + "/_search?q=" + "title:%28open"), "fallback engine_status"},
		{"a q of bytes that are not UTF-8", get("/" + docs + "/_search?q=mem%ff%fe"), "bypassed query_string"},
		{"a source that is malformed", get("/" + docs + "/_search?source_content_type=application/json&source=%7B"), "bypassed malformed_body"},
		{"300 parameters", get("/" + docs + "/_search?q=memory" + strings.Repeat("&x=1", 300)), "bypassed query_string"},
		{"a long index expression", get("/" + strings.Repeat("e2e-none*,", 250) + docs + "/_search?q=memory"), "reranked"},
	}
	onBoth(t, func(t *testing.T, e *engine) {
		c := withScorer(e, rig.NewScorer(t, rig.KeepOrder))
		c.indices = `[{match: "*", fields: [title, text, key], score: keep, window: 50}]`
		p := start(t, c)
		for _, x := range cases {
			t.Run(x.name, func(t *testing.T) {
				(&sameAnswer{send: x.send, want: x.want}).run(t, e, p)
			})
		}
		t.Run("100,000 queries deep", func(t *testing.T) {
			x := sameAnswer{send: post("/"+docs+"/_search", `{"query":`+deepQuery+`}`), want: "bypassed body_too_deep"}
			if e.name == "elasticsearch" {
				x.run(t, e, p)
				return
			}
			// OpenSearch 3.8 mostly runs out of stack and closes the connection: the one answer here that is resift's own. A JVM that
			// has been up for long needs less of it, and answers 400.
			if a := p.ask(x.send); a.resiftStatus() != x.want || a.status != 502 && a.status != 400 {
				t.Errorf("%s, want 502 or 400 %q", a, x.want)
			}
		})
		if a := p.ask(get("/" + docs + "/_search?q=text:memory")); a.resiftStatus() != "reranked" {
			t.Errorf("a good search after all that: %s", a)
		}
	})
}

// TestRefusedControls sends controls of resift itself with values that cannot be: a 400 in the engine's shape.
func TestRefusedControls(t *testing.T) {
	e := shared.opensearch
	p := start(t, withScorer(e, rig.NewScorer(t, rig.KeepOrder)))
	const query = `{"query":{"match":{"text":"memory"}}`
	for name, r := range map[string]request{
		"mode":          post("/"+docs+"/_search", query+"}", "X-Resift-Mode: fast", "Content-Type: application/json"),
		"window":        post("/"+docs+"/_search", query+"}", "X-Resift-Window: -1", "Content-Type: application/json"),
		"large window":  post("/"+docs+"/_search", query+`,"ext":{"resift":{"window":1000000}}}`),
		"unknown":       post("/"+docs+"/_search", query+`,"ext":{"resift":{"windows":10}}}`),
		"timeout":       post("/"+docs+"/_search", query+`,"ext":{"resift":{"timeout":"10 parsecs"}}}`),
		"header twice":  post("/"+docs+"/_search", query+"}", "X-Resift-Arm: control", "X-Resift-Arm: treatment", "Content-Type: application/json"),
		"model":         post("/"+docs+"/_search", query+"}", "X-Resift-Model: small", "Content-Type: application/json"),
		"query context": post("/"+docs+"/_search", query+`,"ext":{"rerank":{"query_context":{}}}}`),
	} {
		a := p.ask(r)
		if a.status != 400 || !strings.Contains(string(a.body), `"root_cause"`) || !strings.Contains(string(a.body), `"status":400`) {
			t.Errorf("%s: %s", name, a)
		}
	}
}

// TestHitsWithoutText looks at hits that a model cannot read.
func TestHitsWithoutText(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		const index = "e2e-sourceless"
		ask(t, e.address, request{method: "DELETE", target: "/" + index})
		t.Cleanup(func() { ask(t, e.address, request{method: "DELETE", target: "/" + index}) })
		ask(t, e.address, post("/"+index, `{"mappings":{"_source":{"enabled":false},"properties":{"title":{"type":"text"},"text":{"type":"text"}}}}`).by("PUT"))
		for i := range 3 {
			ask(t, e.address, post(fmt.Sprintf("/%s/_doc/%d?refresh=true", index, i), `{"title":"hidden words"}`).by("PUT"))
		}
		c := withScorer(e, rig.NewScorer(t, rig.ReverseOrder))
		c.indices = `[{match: e2e-sourceless, fields: [title, text]}, {match: e2e-odd, fields: [text]}, {match: "*", fields: [nothing, nothing.at.all]}]`
		p := start(t, c)
		for _, x := range []badInput{
			{"without _source", post("/"+index+"/_search", `{"query":{"match":{"title":"words"}}}`), "fallback no_text"},
			{"without the fields of the rule", post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}}}`), "fallback no_text"},
			{"without them, by fields", post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"_source":["title"],"from":2,"size":3}`), "fallback no_text"},
		} {
			t.Run(x.name, func(t *testing.T) { (&sameAnswer{send: x.send, want: x.want}).run(t, e, p) })
		}
		t.Run("some with an empty text", func(t *testing.T) { holdUnscored(t, e, p) })
	})
}

// holdUnscored has the hits with a text turned around, and after them those without in the engine's order.
func holdUnscored(t *testing.T, e *engine, p *process) {
	r := post("/"+odd+"/_search", `{"query":{"match":{"title":"odd"}},"size":30}`)
	_, direct := readFound(t, ask(t, e.address, r))
	a := p.ask(r)
	f, got := readFound(t, a)
	if a.resiftStatus() != "reranked" || len(direct) != len(got) {
		t.Fatalf("%d hits of %d: %s", len(got), len(direct), a)
	}
	mute := map[string]bool{"empty-text": true, "no-text": true, "null-text": true, "key only": true}
	var scored, unscored []hit
	for _, h := range direct {
		if mute[h.ID] {
			unscored = append(unscored, h)
		} else {
			scored = append([]hit{h}, scored...)
		}
	}
	if len(unscored) != len(mute) {
		t.Fatalf("the engine found %d hits without a text", len(unscored))
	}
	want, have := ids(append(scored, unscored...)), ids(got)
	if strings.Join(want, " ") != strings.Join(have, " ") {
		t.Errorf("order\n  %v, want\n  %v", have, want)
	}
	holdScores(t, f, got, len(scored))
}
