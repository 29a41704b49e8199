package rerankapi

import (
	"strings"
	"testing"
)

// TestOpenSearchConnector sends what ml-commons 2.19 makes of its blueprint for Cohere (docs/remote_inference_blueprints/
// cohere_connector_cohere.rerank_blueprint.md): the function connector.pre_process.cohere.rerank fills documents, query and
// top_n in. Its connector.post_process.cohere.rerank wants results with index and relevance_score, and takes a score for a
// Double that is neither whole nor of 18 characters.
func TestOpenSearchConnector(t *testing.T) {
	r := openTiny(t, 0)
	g := start(t, r, func(o *Options) { o.Token = "cohere_key" })
	body := `{ "documents": ["a compiler translates a program","the cat sat on the mat","garbage collection frees memory"], "query": "free memory", "model": "rerank-english-v2.0", "top_n": 3 }`
	for _, path := range []string{"/v1/rerank", "/v2/rerank"} {
		a := g.post(t, path, body, "Authorization", "Bearer cohere_key", "Content-Type", "application/json; charset=utf-8")
		var reply documentsReply
		a.into(t, &reply)
		seen := map[int]bool{}
		for _, result := range reply.Results {
			seen[*result.Index] = true
		}
		if len(seen) != 3 {
			t.Errorf("%s", a.body)
		}
		for _, after := range strings.Split(a.body, `"relevance_score":`)[1:] {
			score := after[:strings.IndexAny(after, ",}")]
			if len(score) >= 18 || !strings.Contains(score, ".") || strings.ContainsAny(score, "eE") {
				t.Errorf("relevance_score %s", score)
			}
		}
	}
}

// TestElasticsearchCustomService sends what the custom inference service makes of docs/rerank-api.md's template: ${query}
// and ${input} become JSON, the header's ${api_key} its text, and the Content-Type is application/json
// (CustomRequest.java). Its json_parser takes three paths, and document_text must be there (RerankResponseParser.java).
func TestElasticsearchCustomService(t *testing.T) {
	r := openTiny(t, 0)
	g := start(t, r, func(o *Options) { o.Token = "key" })
	template := `{"query": ${query}, "documents": ${input}}`
	body := strings.NewReplacer("${query}", asJSON(question), "${input}", asJSON(passages())).Replace(template)
	var reply documentsReply
	g.post(t, "/v1/rerank", body, "Authorization", "Bearer key").into(t, &reply)
	want := logits(t, r, question, passages())
	for n, i := range best(want) {
		result := reply.Results[n]
		if *result.Index != i || *result.Score != sigmoid(want[i]) || string(result.Document) != asJSON(map[string]string{"text": passages()[i]}) {
			t.Errorf("place %d: %d %v %s", n, *result.Index, *result.Score, result.Document)
		}
	}
}
