package proxy

import (
	"strings"
	"testing"
)

func TestRetrieverBecomesThePlainSearchItStandsFor(t *testing.T) {
	wrap := func(reranker, rest string) string {
		return `{"retriever":{"text_similarity_reranker":{"field":"name","inference_text":"why","inference_id":"my-model",` + reranker + `}}` + rest + `}`
	}
	for _, c := range []struct{ name, body, own string }{
		{
			"a query", wrap(`"retriever":{"standard":{"query":{"match":{"a":"fox"}}}}`, ""),
			`{"query":{"match":{"a":"fox"}}}`,
		},
		{
			"the rest of the search stays", wrap(`"retriever":{"standard":{"query":{"match":{"a":"fox"}}}}`, `, "size":3, "aggs":{}`),
			`{"size":3, "aggs":{}, "query":{"match":{"a":"fox"}}}`,
		},
		{
			"a filter", wrap(`"retriever":{"standard":{"query":{"match":{"a":"fox"}},"filter":{"term":{"b":1}}}}`, ""),
			`{"query":{"bool":{"filter":[{"term":{"b":1}}],"must":[{"match":{"a":"fox"}}]}}}`,
		},
		{
			"filters of both", wrap(`"filter":[{"term":{"c":1}},{"term":{"d":1}}],"retriever":{"standard":{"query":{"match":{"a":"fox"}},"filter":[{"term":{"b":1}}]}}`, ""),
			`{"query":{"bool":{"filter":[{"term":{"c":1}},{"term":{"d":1}},{"term":{"b":1}}],"must":[{"match":{"a":"fox"}}]}}}`,
		},
		{"only a filter", wrap(`"retriever":{"standard":{"filter":{"term":{"b":1}}}}`, ""), `{"query":{"bool":{"filter":[{"term":{"b":1}}]}}}`},
		{"nothing", wrap(`"retriever":{"standard":{}}`, ""), `{}`},
		{
			"min_score and collapse of standard", wrap(`"retriever":{"standard":{"query":{"match_all":{}},"min_score":0.5,"collapse":{"field":"c"}}}`, ""),
			`{"query":{"match_all":{}},"min_score":0.5,"collapse":{"field":"c"}}`,
		},
		{
			"what only the engine's model needs is ignored",
			wrap(`"chunk_rescorer":{"size":1},"allow_rerank_failures":true,"rank_window_size":20,"retriever":{"standard":{"query":{"match_all":{}}}}`, ""),
			`{"query":{"match_all":{}}}`,
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Plan(ask("POST /products/_search", c.body), testRules())
			if d.Bypass != "" || d.Refusal != nil {
				t.Fatalf("bypass %q, refusal %+v", d.Bypass, d.Refusal)
			}
			if string(d.Own.Body) != c.own || !d.OwnEdited {
				t.Errorf("own: %s\nwant %s", d.Own.Body, c.own)
			}
			if d.Query != "why" || len(d.Fields) != 1 || d.Fields[0].Path != "name" {
				t.Errorf("query %q, fields %v", d.Query, d.Fields)
			}
		})
	}
}

func TestRetrieversLeftToTheEngine(t *testing.T) {
	const standard = `"retriever":{"standard":{"query":{"match":{"a":"fox"}}}}`
	wrap := func(reranker, rest string) string {
		return `{"retriever":{"text_similarity_reranker":{` + reranker + `}}` + rest + `}`
	}
	both := func(more, rest string) string { return wrap(`"field":"t","inference_text":"why",`+more, rest) }
	for _, c := range []struct{ name, target, body string }{
		{"over rrf", "", both(`"retriever":{"rrf":{"retrievers":[]}}`, "")},
		{"over knn", "", both(`"retriever":{"knn":{"field":"v"}}`, "")},
		{"over two", "", both(`"retriever":{"standard":{},"knn":{}}`, "")},
		{"two kinds", "", `{"retriever":{"text_similarity_reranker":{},"rrf":{}}}`},
		{"no object", "", `{"retriever":"standard"}`},
		{"a threshold of the engine's model", "", both(`"min_score":0.5,`+standard, "")},
		{"a named retriever", "", both(`"_name":"x",`+standard, "")},
		{"a sort in standard", "", both(`"retriever":{"standard":{"sort":["price"]}}`, "")},
		{"search_after in standard", "", both(`"retriever":{"standard":{"search_after":[1]}}`, "")},
		{"terminate_after in standard", "", both(`"retriever":{"standard":{"terminate_after":1}}`, "")},
		{"a query that is none", "", both(`"retriever":{"standard":{"query":"x"}}`, "")},
		{"beside a min_score", "", both(standard, `,"min_score":1`)},
		{"beside rank", "", both(standard, `,"rank":{}`)},
		{"beside sub_searches", "", both(standard, `,"sub_searches":[]`)},
		{"an empty text", "", wrap(`"field":"t","inference_text":"",`+standard, "")},
		{"an empty field", "", wrap(`"field":"","inference_text":"why",`+standard, "")},
		{"collapse twice", "", both(`"retriever":{"standard":{"collapse":{"field":"c"}}}`, `,"collapse":{"field":"d"}`)},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := ask("POST /products/_search"+c.target, c.body)
			d := Plan(r, testRules())
			if d.Bypass != ReasonRetriever {
				t.Fatalf("bypass %q, refusal %+v", d.Bypass, d.Refusal)
			}
			wantVerbatim(t, r, d)
		})
	}
}

func TestBypassAfterANativeRequestShowsThePlainSearch(t *testing.T) {
	const body = `{"from":90,"retriever":{"text_similarity_reranker":{"field":"t","inference_text":"why","retriever":{"standard":{"query":{"match":{"a":"fox"}}}}}}}`
	d := Plan(ask("POST /products/_search", body), testRules())
	if d.Bypass != ReasonPastWindow || string(d.Own.Body) != `{"from":90,"query":{"match":{"a":"fox"}}}` {
		t.Errorf("bypass %q, own %s", d.Bypass, d.Own.Body)
	}
	d = Plan(ask("POST /products/_search", strings.Replace(body, "90", "0", 1), "X-Resift-Mode: off"), testRules())
	if d.Bypass != ReasonModeOff || strings.Contains(string(d.Own.Body), "retriever") {
		t.Errorf("bypass %q, own %s", d.Bypass, d.Own.Body)
	}
}

func TestAllowedFailuresOfARetriever(t *testing.T) {
	body := `{"retriever":{"text_similarity_reranker":{"field":"t","inference_text":"why","allow_rerank_failures":true,"retriever":{"standard":{}}}}}`
	if d := Plan(ask("POST /products/_search", body), testRules()); d.OnFailure != OnFailureEngine {
		t.Errorf("allowed: %q", d.OnFailure)
	}
	body = strings.Replace(body, "true", "false", 1)
	if d := Plan(ask("POST /products/_search", body), testRules()); d.OnFailure != OnFailureError {
		t.Errorf("not allowed: %q, want the rule's", d.OnFailure)
	}
}

func TestOpenSearchRerankIsTakenOutOfExt(t *testing.T) {
	for _, c := range []struct{ name, body, own string }{
		{"alone", `{"query":{"match":{"a":"fox"}},"ext":{"rerank":{"query_context":{"query_text":"why"}}}}`, `{"query":{"match":{"a":"fox"}}}`},
		{
			"beside others", `{"ext":{"generative_qa":{"x":1},"rerank":{"query_context":{"query_text":"why"}}},"query":{"match":{"a":"fox"}}}`,
			`{"ext":{"generative_qa":{"x":1}},"query":{"match":{"a":"fox"}}}`,
		},
		{"beside ours", `{"ext":{"rerank":{"query_context":{"query_text":"why"}},"resift":{"window":9}}}`, `{}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Plan(ask("POST /products/_search", c.body), testRules())
			if d.Query != "why" || string(d.Own.Body) != c.own {
				t.Errorf("query %q, own %s, want %s", d.Query, d.Own.Body, c.own)
			}
		})
	}
}
