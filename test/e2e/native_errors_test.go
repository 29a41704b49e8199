package e2e

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/resift/resift/test/rig"
)

// TestWrongRetrieverInElasticsearchsWords compares what resift says of a wrong text_similarity_reranker, on either engine, with
// what Elasticsearch says of the same mistake in a rescorer: both have the same parser, and the core has the rescorer alone.
func TestWrongRetrieverInElasticsearchsWords(t *testing.T) {
	const (
		inner   = `"retriever":{"standard":{"query":{"match":{"text":"memory"}}}}`
		rescore = `"rescore":{"query":{"rescore_query":{"match_all":{}}}}`
		ours    = `"field":"text","inference_text":"memory"`
	)
	cases := map[string]struct{ members, beside, target string }{
		"nothing":          {members: ``},
		"unknown":          {members: `"nonsense":1`},
		"misspelt":         {members: `"retrievr":{}`},
		"misspelt filter":  {members: `"filer":{}`},
		"misspelt name":    {members: `"namex":"é"`},
		"after a break":    {members: "\n\t \"é\": 1"},
		"number for inner": {members: `"retriever":5`},
		"text for inner":   {members: `"retriever":"standard"`},
		"list for inner":   {members: `"retriever":[]`},
		"null for inner":   {members: `"retriever":null`},
		"filter":           {members: inner + `,"filter":true`},
		"name":             {members: `"_name":{}`},
		"min_score":        {members: `"min_score":"x"`},
		"min_score, null":  {members: `"min_score":null`},
		"scroll":           {members: inner + `,MORE`, target: "?scroll=1m"},
		"beside":           {members: inner + `,MORE`, beside: `,"query":{"match_all":{}},"search_after":[1],"sort":["_score"],"terminate_after":3`},
		"beside q":         {members: inner + `,MORE`, target: "?q=x&terminate_after=1&sort=_score"},
		"both":             {members: inner + `,MORE`, beside: `,"query":{"match_all":{}}`, target: "?scroll=1m"},
	}
	scorer := rig.NewScorer(t, rig.KeepOrder)
	onBoth(t, func(t *testing.T, e *engine) {
		p := start(t, withScorer(e, scorer))
		for name, c := range cases {
			t.Run(name, func(t *testing.T) {
				body := func(kind, more string) string {
					return `{"retriever":{"` + kind + `":` + "\n{" + strings.ReplaceAll(c.members, "MORE", more) + `}}` + c.beside + `}`
				}
				path := "/" + docs + "/_search" + c.target
				theirs := ask(t, shared.elasticsearch.address, post(path, body("rescorer", rescore)))
				got := ask(t, p.address, post(path, body("text_similarity_reranker", ours)))
				want := unwrapped(t, theirs)
				want = replaceIn(want, "[rescorer]", "[text_similarity_reranker]")
				want = replaceIn(want, "[retriever, rescore]", "[retriever, inference_text, field]")
				if got.status != theirs.status || !reflect.DeepEqual(firstError(t, got), want) {
					t.Errorf("resift %s\n%v\nwant %v", got, firstError(t, got), want)
				}
			})
		}
	})
}

// firstError is the error of an answer without what varies with where it came up.
func firstError(t *testing.T, a answer) map[string]any {
	t.Helper()
	var body struct{ Error map[string]any }
	if err := json.Unmarshal(a.body, &body); err != nil || body.Error == nil {
		t.Fatalf("no error (%v): %s", err, a)
	}
	delete(body.Error, "root_cause")
	return body.Error
}

// unwrapped is the error of the retriever's parser, which the rescorer alone wraps into another one of the same words.
func unwrapped(t *testing.T, a answer) map[string]any {
	t.Helper()
	outer := firstError(t, a)
	if inner, ok := outer["caused_by"].(map[string]any); ok && inner["reason"] == outer["reason"] {
		return inner
	}
	return outer
}

func replaceIn(e map[string]any, old, with string) map[string]any {
	e["reason"] = strings.ReplaceAll(e["reason"].(string), old, with)
	return e
}
