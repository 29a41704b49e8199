package e2e

import (
	"fmt"
	"strings"
	"testing"

	"github.com/resift/resift/test/rig"
)

const storedTemplate = `{"script":{"lang":"mustache","source":{"query":{"match":{"text":"{{q}}"}},"size":"{{size}}{{^size}}7{{/size}}"}}}`

// templateAnswers are searches by template whose answers must not change with the order kept and the engine's scores.
var templateAnswers = []struct {
	name           string
	send           request
	want, searches string
}{
	{"inline", post("/e2e-docs/_search/template", `{"source":{"query":{"match":{"text":"{{q}}"}},"size":12},"params":{"q":"memory system"}}`), "reranked", ""},
	{"inline, as text", post("/e2e-docs/_search/template", `{"source":"{\"query\":{\"match\":{\"text\":\"{{q}}\"}}{{#n}},\"size\":{{n}}{{/n}}}","params":{"q":"memory \"system\" <b> & {{x}}","n":4}}`), "reranked", ""},
	{"stored", post("/e2e-docs/_search/template", `{"id":"e2e-template","params":{"q":"memory"}}`), "reranked", ""},
	{"by GET", post("/e2e-docs,e2e-odd/_search/template", `{"id":"e2e-template","params":{"q":"memory","size":60}}`).by("GET"), "reranked", ""},
	{"parameters", post("/e2e-docs/_search/template?typed_keys=true&rest_total_hits_as_int=true&preference=p&search_type=dfs_query_then_fetch&pretty",
		`{"source":{"query":{"match":{"text":"memory"}},"aggs":{"t":{"terms":{"field":"topics"}}}}}`), "reranked", ""},
	{"parameters of no effect", post("/e2e-docs/_search/template?size=1&from=2&explain=true&q=virus&_source=false", `{"id":"e2e-template","params":{"q":"memory"}}`), "reranked", ""},
	{"filter_path", post("/e2e-docs/_search/template?filter_path=hits.hits._id,status", `{"id":"e2e-template","params":{"q":"memory"}}`), "reranked", ""},
	{"explain in the template alone", post("/e2e-docs/_search/template", `{"source":{"query":{"match":{"text":"memory"}},"explain":true,"profile":true}}`), "reranked", ""},
	{"no query text", post("/e2e-docs/_search/template", `{"source":{"query":{"match_all":{}},"sort":["key"]}}`), "bypassed sort", ""},
	{"something behind the search", post("/e2e-docs/_search/template", `{"source":"{\"query\":{\"match\":{\"text\":\"memory\"}}} trailing"}`), "bypassed template", ""},
	{"not stored", post("/e2e-docs/_search/template", `{"id":"e2e-none","params":{"q":"memory"}}`), "bypassed template", ""},
	{"no template", post("/e2e-docs/_search/template", `{"params":{}}`), "bypassed template", ""},
	{"an unknown member", post("/e2e-docs/_search/template", `{"id":"e2e-template","nonsense":1}`), "bypassed template", ""},
	{"a search that is refused", post("/e2e-docs/_search/template", `{"source":{"query":{"match":{"text":"memory"}},"nonsense":1}}`), "fallback engine_status", ""},
	{"an index that is missing", post("/e2e-none/_search/template", `{"id":"e2e-template","params":{"q":"memory"}}`), "fallback engine_status", ""},
	{"several", multi("/_msearch/template", onDocs, `{"id":"e2e-template","params":{"q":"memory"}}`, onDocs, `{"source":{"query":{"match":{"text":"{{q}}"}}},"params":{"q":"system"}}`),
		"reranked", "reranked;n=2"},
	{"several, mixed", multi("/e2e-docs/_msearch/template?typed_keys=true", "{}", `{"id":"e2e-template","params":{"q":"memory"}}`, "{}", `{"id":"e2e-none"}`,
		"", `{"source":{"size":0}}`, `{"index":"e2e-none"}`, `{"id":"e2e-template","params":{"q":"memory"}}`), "fallback engine_status",
		"reranked, bypassed;reason=template, bypassed;reason=size_zero, fallback;reason=engine_status"},
	{"several, one malformed", multi("/_msearch/template", onDocs, `{"id":"e2e-template","params":{"q":"memory"}}`, onDocs, `{"nonsense":1}`), "fallback engine_status",
		"fallback;reason=engine_status, bypassed;reason=template"},
}

// storeTemplate stores the template of these tests. Elasticsearch is booted without its module.
func storeTemplate(t *testing.T, e *engine) {
	t.Helper()
	if err := e.call(t.Context(), "PUT", "/_scripts/e2e-template", "application/json", []byte(storedTemplate)); err != nil {
		t.Fatal(err)
	}
}

// TestTemplateSameAnswer holds searches by template to what plain ones are held to by TestSameAnswer.
func TestTemplateSameAnswer(t *testing.T) {
	e := shared.opensearch
	storeTemplate(t, e)
	c := withScorer(e, rig.NewScorer(t, rig.KeepOrder))
	c.indices = `[{match: "*", fields: [title, text, key], score: keep, window: 50}]`
	p := start(t, c)
	for _, x := range templateAnswers {
		t.Run(x.name, func(t *testing.T) {
			sameAnswer{send: x.send, want: x.want, masks: []mask{profileMask}}.run(t, e, p)
			if got := p.ask(x.send).header.Get("X-Resift-Searches"); got != x.searches {
				t.Errorf("searches: %s\n    want: %s", got, x.searches)
			}
		})
	}
	explained := post("/e2e-docs/_search/template", `{"id":"e2e-template","params":{"q":"memory"},"explain":true}`)
	sameAnswer{send: explained, want: "reranked", explained: true}.run(t, e, p)
}

// TestTemplateReversedOrder turns the window around.
func TestTemplateReversedOrder(t *testing.T) {
	e := shared.opensearch
	storeTemplate(t, e)
	p := withReversal(t, e)
	const template = `{"id":"e2e-template","params":{"q":"system","size":70}}`
	r := post("/"+docs+"/_search/template", template)
	compareReversed(t, ask(t, e.address, r), p.ask(r))
	several := multi("/_msearch/template", onDocs, template, onOdd, fmt.Sprintf(`{"source":%s}`, oddWords))
	direct, proxied := ask(t, e.address, several).responses(t), p.ask(several).responses(t)
	for i := range direct {
		compareReversed(t, direct[i], proxied[i])
	}
}

// TestManyDifferentTemplates sends more different searches than an engine compiles templates in a while.
func TestManyDifferentTemplates(t *testing.T) {
	e := shared.opensearch
	storeTemplate(t, e)
	c := withScorer(e, rig.NewScorer(t, rig.KeepOrder))
	c.indices = `[{match: "*", fields: [title, text, key], window: 5}]` // all pairs together fit the model's queue
	p := start(t, c)
	var lines []string
	for i := range 200 {
		lines = append(lines, onDocs, fmt.Sprintf(`{"id":"e2e-template","params":{"q":"memory %d","size":1}}`, i))
	}
	a := p.ask(multi("/_msearch/template", lines...))
	if got := a.header.Get("X-Resift-Searches"); got != "reranked;n=200" || strings.Contains(string(a.body), `"error"`) {
		t.Errorf("%s: %s", got, a)
	}
}

// TestTemplateWhereThereIsNone is Elasticsearch without the module: what it says goes to the client.
func TestTemplateWhereThereIsNone(t *testing.T) {
	e := shared.elasticsearch
	p := start(t, withScorer(e, rig.NewScorer(t, rig.KeepOrder)))
	sameAnswer{send: post("/e2e-docs/_search/template", `{"source":{"query":{"match":{"text":"memory"}}}}`), want: "bypassed template"}.run(t, e, p)
	sameAnswer{send: multi("/_msearch/template", onDocs, `{"source":{"query":{"match":{"text":"memory"}}}}`), want: "bypassed template"}.run(t, e, p)
}
