package e2e

import (
	"encoding/json"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/resift/resift/test/rig"
)

// texts are what a model was given to read.
type texts struct {
	mu   sync.Mutex
	list []string
}

func (x *texts) score(i int, query, text string) float64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.list = append(x.list, text)
	return rig.KeepOrder(i, query, text)
}

func (x *texts) read() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.list)
}

// TestTextsOfHits looks at what the model reads of documents with many values, nested objects and HTML, through _source and
// through fields.
func TestTextsOfHits(t *testing.T) {
	const query = `{"query":{"multi_match":{"query":"odd words","fields":["title","text"]}},"size":30`
	onBoth(t, func(t *testing.T, e *engine) {
		for name, more := range map[string]string{"from _source": "", "from fields": `,"_source":["key"]`} {
			t.Run(name, func(t *testing.T) {
				var read texts
				c := withScorer(e, rig.NewScorer(t, read.score))
				c.indices = `[{match: "*", fields: [title, text, people.name], window: 50, html: strip}]`
				p := start(t, c)
				if a := p.ask(post("/"+odd+"/_search", query+more+"}")); a.resiftStatus() != "reranked" {
					t.Fatal(a)
				}
				got := read.read()
				for _, want := range []string{
					"odd nested\nodd words about a parser nested\nAda Lovelace\nAlan Turing",
					"odd first\nodd second\nwords one\nwords two",
					"odd words without text",
					"odd words without a title",
				} {
					if !slices.Contains(got, want) {
						t.Errorf("no model read %q", want)
					}
				}
				if !slices.ContainsFunc(got, func(s string) bool { return strings.HasSuffix(s, "\nodd words about a parser é中😀 &") }) {
					t.Error("HTML was not stripped")
				}
				if t.Failed() {
					t.Logf("%.3000q", got)
				}
			})
		}
	})
}

// TestPassageThatCounted asks each engine for long texts' passages: the one that is told is a window that the model read, and the
// best of its hit's; where the client sees not all of the text, it is not told.
func TestPassageThatCounted(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		var mu sync.Mutex
		scores := map[string]float64{}
		c := withScorer(e, rig.NewScorer(t, func(i int, query, text string) float64 {
			mu.Lock()
			defer mu.Unlock()
			scores[text] = rig.ByHash(i, query, text)
			return scores[text]
		}))
		c.indices = `[{match: "*", fields: [title, text], window: 40, long_text: {mode: max, max_tokens: 40, overlap: 10}}]`
		p := start(t, c)
		search := `{"query":{"match":{"text":"memory"}},"size":40,"ext":{"resift":{"details":true,"passage":true}}`
		_, hits := readFound(t, p.ask(post("/"+docs+"/_search", search+"}")))
		_, hidden := readFound(t, p.ask(post("/"+docs+"/_search", search+`,"_source":["text"]}`)))
		_, fetched := readFound(t, p.ask(post("/"+docs+"/_search", search+`,"_source":false,"fields":["text","title"]}`)))
		if len(hits) != 40 || len(hidden) != 40 || len(fetched) != 40 {
			t.Fatalf("%d, %d, %d hits", len(hits), len(hidden), len(fetched))
		}
		later := 0
		for i, h := range hits {
			value := func(name string, to any) {
				if len(h.Fields[name]) != 1 || json.Unmarshal(h.Fields[name][0], to) != nil {
					t.Fatalf("%s: %s is %s", h.ID, name, h.Fields[name])
				}
			}
			var passage string
			var score float64
			var window, windows int
			value("resift.passage", &passage)
			value("resift.model_score", &score)
			value("resift.passage_window", &window)
			value("resift.passage_windows", &windows)
			whole := h.text(t)
			if read, ok := scores[passage]; !ok || float32(read) != float32(score) || !strings.Contains(whole, passage) || window < 1 || window > windows {
				t.Errorf("%s: window %d of %d, %q, with the score %v of %q, which was given %v", h.ID, window, windows, passage, score, whole, read)
			}
			for text, other := range scores {
				if other > score+1e-4 && len(text) > 80 && strings.Contains(whole, text) {
					t.Errorf("%s: %q has %v, more than %v of %q", h.ID, text, other, score, passage)
				}
			}
			if window > 1 {
				later++
			}
			if got := hidden[i]; got.ID != h.ID || got.Fields["resift.passage"] != nil || string(got.Fields["resift.passage_window"][0]) != string(h.Fields["resift.passage_window"][0]) {
				t.Errorf("%s without its title: %s", h.ID, got.Fields)
			}
			if got := fetched[i]; string(got.Fields["resift.passage"][0]) != string(h.Fields["resift.passage"][0]) {
				t.Errorf("%s through fields: %s", h.ID, got.Fields)
			}
		}
		if later == 0 {
			t.Error("no hit was read beyond its first window")
		}
	})
}
