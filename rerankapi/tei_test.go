package rerankapi

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/resift/resift/reranker"
)

type rank struct {
	Index *int     `json:"index"`
	Score *float32 `json:"score"`
	Text  *string  `json:"text"`
}

// best is the order of scores from the highest, ties as they come.
func best(scores []float32) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	return order
}

func TestTEIRanks(t *testing.T) {
	r := openTiny(t, 0)
	g := start(t, r, nil)
	want := logits(t, r, question, passages())
	order := best(want)
	for _, raw := range []bool{true, false} {
		for _, withText := range []bool{true, false} {
			a := g.post(t, "/rerank", asJSON(map[string]any{"query": question, "texts": passages(), "raw_scores": raw, "return_text": withText, "truncate": false}))
			var ranks []rank
			a.into(t, &ranks)
			if len(ranks) != len(want) {
				t.Fatalf("%d ranks for %d texts", len(ranks), len(want))
			}
			for n, rank := range ranks {
				i := order[n]
				score := want[i]
				if !raw {
					score = sigmoid(score)
				}
				if *rank.Index != i || *rank.Score != score {
					t.Errorf("raw %v, place %d: text %d with %v, want %d with %v", raw, n, *rank.Index, *rank.Score, i, score)
				}
				if (rank.Text != nil) != withText || withText && *rank.Text != passages()[i] {
					t.Errorf("return_text %v: %v", withText, rank.Text)
				}
			}
			if a.header.Get("Content-Type") != "application/json" || a.header.Get("X-Compute-Tokens") == "" {
				t.Errorf("header %v", a.header)
			}
		}
	}
	if c := g.heard(t, 4)[3]; c.Path != "/rerank" || c.Status != 200 || c.Texts != 5 || c.Known != 5 || c.Tokens != 0 {
		t.Errorf("the last call: %+v", c)
	}
}

// TestTEIClient has resift's own client for TEI servers read the API: scores must come through to the bit.
func TestTEIClient(t *testing.T) {
	r := openTiny(t, 0)
	g := start(t, r, func(o *Options) { o.Limits.Texts, o.Token = 2, "secret" })
	client, err := reranker.Open(reranker.Options{Backend: reranker.BackendTEI, URL: g.URL, Header: http.Header{"Authorization": {"Bearer secret"}}})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	if err := client.Healthy(); err != nil {
		t.Error(err)
	}
	if about := client.Info(); about.Model != r.Info().Name || about.MaxTokens != r.Info().MaxTokens {
		t.Errorf("info %+v", about)
	}
	got, err := client.Score(t.Context(), question, passages()) // in three calls: the batch size is 2
	if err != nil {
		t.Fatal(err)
	}
	if want := logits(t, r, question, passages()); !slices.Equal(got.Scores, want) {
		t.Errorf("scores %v, want %v", got.Scores, want)
	}
}

func TestTEITruncation(t *testing.T) {
	r := openTiny(t, 0)
	g := start(t, r, nil)
	long := strings.Repeat("memory program ", r.Info().MaxTokens)
	tests := []struct {
		truncate, direction, text string
		status                    int
	}{
		{"null", "Right", long, 200},
		{"true", "right", long, 200},
		{"true", "Left", "short", 200},
		{"false", "Left", "short", 200},
		{"true", "Left", long, 413},
		{"false", "Right", long, 413},
		{"true", "Up", "short", 422},
	}
	for _, test := range tests {
		a := g.post(t, "/rerank", `{"query":"q","texts":["a",`+asJSON(test.text)+`],"truncate":`+test.truncate+`,"truncation_direction":"`+test.direction+`"}`)
		if a.status != test.status {
			t.Errorf("truncate %s %s, %d bytes: %d %.200s, want %d", test.truncate, test.direction, len(test.text), a.status, a.body, test.status)
		}
		if test.status == 413 && !strings.Contains(a.body, "texts[1]") {
			t.Error(a.body)
		}
	}
}

func TestInfoAndHealth(t *testing.T) {
	r := openTiny(t, 0)
	g := start(t, r, func(o *Options) { o.Limits.Texts = 77 })
	var info struct {
		ModelID        string `json:"model_id"`
		ModelSHA       string `json:"model_sha"`
		MaxInputLength int    `json:"max_input_length"`
		MaxBatch       int    `json:"max_client_batch_size"`
		Version        string
		ModelType      map[string]any `json:"model_type"`
	}
	g.do(t, "GET", "/info", "").into(t, &info)
	if info.ModelID != r.Info().Name || info.ModelSHA != r.Revision() || info.MaxInputLength != r.Info().MaxTokens || info.MaxBatch != 77 ||
		info.Version != "1.2.3" || info.ModelType["reranker"] == nil {
		t.Errorf("%+v", info)
	}
	for _, method := range []string{"GET", "HEAD"} {
		if a := g.do(t, method, "/health", ""); a.status != 200 || a.body != "" {
			t.Errorf("%s /health: %d %q", method, a.status, a.body)
		}
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	if a := g.do(t, "GET", "/health", ""); a.status != 503 || a.body != `{"error":"unhealthy","error_type":"Unhealthy"}`+"\n" {
		t.Errorf("after the model was closed: %d %s", a.status, a.body)
	}
}
