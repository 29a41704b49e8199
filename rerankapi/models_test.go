package rerankapi

import (
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/resift/resift/reranker"
)

// shortSighted is the tiny model when it reads few tokens: other scores, and another revision.
func shortSighted(t *testing.T) *reranker.Reranker {
	t.Helper()
	r, err := reranker.Open(reranker.Options{Model: tinyModel, Device: "cpu", MaxTokens: 9})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// TestCallsChooseTheModel holds each API's answer to the scores of the model that it should come from.
func TestCallsChooseTheModel(t *testing.T) {
	first, second := openTiny(t, 0), shortSighted(t)
	g := start(t, first, func(o *Options) { o.Models = map[string]Model{"short": second} })
	want := map[*reranker.Reranker][]float32{first: logits(t, first, question, passages()), second: logits(t, second, question, passages())}
	if first.Revision() == second.Revision() || want[first][0] == want[second][0] {
		t.Fatalf("the models are one: %v", want)
	}
	type result struct {
		Index     int
		Relevance *float64 `json:"relevance_score"`
		Score     float64
	}
	for _, c := range []struct {
		path, list, model string
		by                *reranker.Reranker
	}{
		{"/v1/rerank", "documents", `"short"`, second}, {"/v2/rerank", "documents", `"short"`, second}, {"/rerank", "documents", `"short"`, second},
		{"/rerank", "texts", `"short"`, first}, // TEI's API has no such member
		{"/v2/rerank", "documents", `"default"`, first}, {"/v2/rerank", "documents", `"rerank-v3.5"`, first}, {"/v2/rerank", "documents", `""`, first},
		{"/v1/rerank", "documents", `["short"]`, first}, {"/v1/rerank", "documents", `null`, first}, {"/v2/rerank", "documents", `"Short"`, first},
	} {
		a := g.post(t, c.path, `{"model":`+c.model+`,"query":`+asJSON(question)+`,"`+c.list+`":`+asJSON(passages())+`}`)
		var list []result
		if c.list == "texts" {
			a.into(t, &list)
		} else {
			var answer struct {
				Model   string
				Results []result
			}
			a.into(t, &answer)
			if list = answer.Results; answer.Model != c.by.Name() {
				t.Errorf("%s %s: answered by %s, want %s", c.path, c.model, answer.Model, c.by.Name())
			}
		}
		if len(list) != len(passages()) {
			t.Fatalf("%s: %s", c.path, a.body)
		}
		for _, r := range list {
			score := r.Score
			if r.Relevance != nil {
				score = *r.Relevance
			}
			if want := sigmoid(want[c.by][r.Index]); math.Abs(score-float64(want)) > 1e-6 {
				t.Errorf("%s %s: document %d has %v, want %v", c.path, c.model, r.Index, score, want)
			}
		}
	}
}

// unwell is a model that does not work.
type unwell struct{ Model }

func (unwell) Healthy() error { return errors.New("unwell") }

func TestHealthIsThatOfEveryModel(t *testing.T) {
	first := openTiny(t, 0)
	for name, c := range map[string]struct {
		others map[string]Model
		status int
	}{
		"both well":         {map[string]Model{"short": shortSighted(t)}, 200},
		"the second unwell": {map[string]Model{"short": unwell{first}}, 503},
	} {
		g := start(t, first, func(o *Options) { o.Models = c.others })
		if a := g.do(t, "GET", "/health", ""); a.status != c.status {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
		if a := g.do(t, "GET", "/info", ""); a.status != 200 || !strings.Contains(a.body, first.Revision()) {
			t.Errorf("%s: info is of another model: %d %s", name, a.status, a.body)
		}
	}
}
