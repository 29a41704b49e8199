package rerankapi

import (
	"encoding/json"
	"strings"
	"testing"
)

type documentsReply struct {
	ID      string
	Model   string
	Results []struct {
		Index    *int
		Score    *float32        `json:"relevance_score"`
		Document json.RawMessage `json:"document"`
	}
	Usage struct {
		Total  *int `json:"total_tokens"`
		Prompt *int `json:"prompt_tokens"`
	}
	Meta struct {
		Version struct{ Version string } `json:"api_version"`
		Billed  struct {
			Units int `json:"search_units"`
		} `json:"billed_units"`
	}
}

func TestDocumentsAreRanked(t *testing.T) {
	r := openTiny(t, 0)
	want := logits(t, r, question, passages())
	order := best(want)
	for path, v := range map[string]struct {
		version   string
		documents bool
	}{"/v1/rerank": {"1", true}, "/v2/rerank": {"2", false}, "/rerank": {"1", true}} {
		g := start(t, r, nil)
		for topN, results := range map[string]int{"null": 5, "0": 5, "2": 2, "99": 5} {
			a := g.post(t, path, `{"model":"rerank-v3.5","query":`+asJSON(question)+`,"documents":`+asJSON(passages())+`,"top_n":`+topN+`}`)
			var reply documentsReply
			a.into(t, &reply)
			if len(reply.Results) != results {
				t.Fatalf("%s top_n %s: %d results", path, topN, len(reply.Results))
			}
			for n, result := range reply.Results {
				if *result.Index != order[n] || *result.Score != sigmoid(want[order[n]]) {
					t.Errorf("%s place %d: %d with %v, want %d with %v", path, n, *result.Index, *result.Score, order[n], sigmoid(want[order[n]]))
				}
				text := ""
				if v.documents {
					text = asJSON(map[string]string{"text": passages()[order[n]]})
				}
				if string(result.Document) != text {
					t.Errorf("%s document %s, want %s", path, result.Document, text)
				}
			}
			if reply.ID == "" || reply.ID != a.header.Get("X-Request-Id") || reply.Model != r.Name() || reply.Meta.Version.Version != v.version ||
				reply.Meta.Billed.Units != 1 || reply.Usage.Total == nil || reply.Usage.Prompt == nil {
				t.Errorf("%s: %s", path, a.body)
			}
		}
	}
}

// TestDocumentsAsObjects has objects read by their fields and returned byte for byte.
func TestDocumentsAsObjects(t *testing.T) {
	r := openTiny(t, 0)
	g := start(t, r, nil)
	object := `{"title":"memory","text":"a program","n":1.50,"tag":null,"more":{"a":[1]}}`
	tests := []struct{ fields, want string }{
		{`null`, "a program"},
		{`["title","text"]`, "memory\na program"},
		{`["text","title","missing","tag"]`, "a program\nmemory"},
		{`["n","more"]`, "1.50\n" + `{"a":[1]}`},
	}
	for _, test := range tests {
		var reply documentsReply
		g.post(t, "/v1/rerank", `{"query":"memory","documents":[`+object+`],"rank_fields":`+test.fields+`}`).into(t, &reply)
		if want := sigmoid(logits(t, r, "memory", []string{test.want})[0]); *reply.Results[0].Score != want {
			t.Errorf("rank_fields %s: %v, want %v", test.fields, *reply.Results[0].Score, want)
		}
		if string(reply.Results[0].Document) != object {
			t.Errorf("returned %s", reply.Results[0].Document)
		}
	}
	for _, v := range []struct{ path, controls, want string }{
		{"/v1/rerank", `,"return_documents":false`, ""},
		{"/v2/rerank", `,"return_documents":true`, object},
	} {
		var reply documentsReply
		g.post(t, v.path, `{"query":"memory","documents":[`+object+`]`+v.controls+`}`).into(t, &reply)
		if string(reply.Results[0].Document) != v.want {
			t.Errorf("%s%s: %s", v.path, v.controls, reply.Results[0].Document)
		}
	}
}

func TestMaxTokensPerDocument(t *testing.T) {
	r := openTiny(t, 0)
	g := start(t, r, nil)
	text := strings.Repeat("garbage collection frees memory ", 4)
	for _, n := range []int{1, 3, 1000} {
		var reply documentsReply
		g.post(t, "/v2/rerank", asJSON(map[string]any{"query": "memory", "documents": []string{text}, "max_tokens_per_doc": n})).into(t, &reply)
		if want := sigmoid(logits(t, r, "memory", r.Windows(text, n, 0)[:1])[0]); *reply.Results[0].Score != want {
			t.Errorf("%d tokens: %v, want %v", n, *reply.Results[0].Score, want)
		}
	}
}

// TestUsage counts what the model read, once.
func TestUsage(t *testing.T) {
	r := openTiny(t, 0)
	g := start(t, r, nil)
	body := `{"query":"memory","documents":["a program","a program","memory"]}`
	var first, second documentsReply
	g.post(t, "/v1/rerank", body).into(t, &first)
	g.post(t, "/v2/rerank", body).into(t, &second)
	result, err := r.Score(t.Context(), "memory", []string{"a program", "memory"})
	if err != nil {
		t.Fatal(err)
	}
	if *first.Usage.Total != result.Tokens || *second.Usage.Total != 0 {
		t.Errorf("%d, then %d tokens, want %d, then 0", *first.Usage.Total, *second.Usage.Total, result.Tokens)
	}
}
