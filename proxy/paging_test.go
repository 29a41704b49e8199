package proxy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"testing"
)

var engines = []string{"opensearch-3.8", "elasticsearch-9.5"}

// TestPagesAreSlicesOfOneOrder asks for every page over a window and past its end.
func TestPagesAreSlicesOfOneOrder(t *testing.T) {
	for _, name := range engines {
		t.Run(name, func(t *testing.T) {
			e := startEngine(t, recorded(t, name, "all"))
			r := startProxy(t, e, setup{})
			const window, all = 20, 30
			whole := r.search(t, fmt.Sprintf(`,"from":0,"size":%d`, all))
			whole.expect(t, StatusReranked, "")
			order := whole.hits(t)
			if len(order) != all {
				t.Fatalf("%d hits", len(order))
			}
			direct := answer{body: e.all.body}.hits(t)
			if slices.Equal(ids(order), ids(direct)) {
				t.Fatal("the order is the engine's: this would show nothing")
			}
			if !slices.Equal(ids(order)[window:], ids(direct)[window:]) {
				t.Errorf("past the window: %v", ids(order)[window:])
			}
			for from := range all + 2 {
				for _, size := range []int{1, 2, 7, 10, 19, 20, 21, 30, 40} {
					page := r.search(t, fmt.Sprintf(`,"from":%d,"size":%d`, from, size))
					if from >= window {
						page.expect(t, StatusBypassed, ReasonPastWindow)
						continue
					}
					page.expect(t, StatusReranked, "")
					want := order[from:min(from+size, all)]
					if got := page.hits(t); !sameHits(got, want) {
						t.Fatalf("from %d, size %d: %v, want %v", from, size, describe(got), describe(want))
					}
				}
			}
		})
	}
}

func sameHits(a, b []hit) bool {
	return slices.EqualFunc(a, b, func(x, y hit) bool {
		return x.ID == y.ID && *x.Score == *y.Score && bytes.Equal(x.Source, y.Source)
	})
}

func describe(hits []hit) []string {
	var s []string
	for _, h := range hits {
		s = append(s, fmt.Sprintf("%s:%v", h.ID, *h.Score))
	}
	return s
}

// TestHitsAreTheEnginesToTheByte takes _score, the order, took and max_score out of both answers and compares the rest.
func TestHitsAreTheEnginesToTheByte(t *testing.T) {
	for _, name := range engines {
		for _, recording := range []string{"all", "aggs"} {
			t.Run(name+" "+recording, func(t *testing.T) {
				e := startEngine(t, recorded(t, name, recording))
				r := startProxy(t, e, setup{rule: func(r *Rule) { r.Score = ScoreKeep }})
				a := r.search(t, `,"size":30`)
				a.expect(t, StatusReranked, "")
				got, want := parts(t, a.body), parts(t, e.all.body)
				if !slices.Equal(got.hits, want.hits) {
					t.Errorf("hits differ:\n%v\n%v", got.hits, want.hits)
				}
				if got.envelope != want.envelope {
					t.Errorf("envelope %s, want %s", got.envelope, want.envelope)
				}
			})
		}
	}
}

type answerParts struct {
	envelope string
	hits     []string // raw, sorted
}

func parts(t *testing.T, body []byte) answerParts {
	t.Helper()
	var envelope map[string]json.RawMessage
	var hits struct {
		Total    json.RawMessage
		MaxScore json.RawMessage `json:"max_score"`
		Hits     []json.RawMessage
	}
	if err := json.Unmarshal(body, &envelope); err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(envelope["hits"], &hits); err != nil {
		t.Fatal(err)
	}
	delete(envelope, "hits")
	delete(envelope, "took")
	rest, err := json.Marshal(envelope)
	if err != nil {
		t.Fatal(err)
	}
	p := answerParts{envelope: string(rest) + string(hits.Total) + string(hits.MaxScore)}
	for _, h := range hits.Hits {
		p.hits = append(p.hits, string(h))
	}
	slices.Sort(p.hits)
	return p
}

func TestScoresAndOrderAreTheModels(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	a := r.search(t, `,"size":20`)
	a.expect(t, StatusReranked, "")
	hits := a.hits(t)
	before := float32(1e30)
	scored := 0
	for _, h := range hits {
		var source struct{ Title, Text string }
		if err := json.Unmarshal(h.Source, &source); err != nil {
			t.Fatal(err)
		}
		if source.Text == "" {
			continue
		}
		scored++
		model := opinion("how to repair note", source.Title+"\n"+source.Text)
		if want := float32(softplus(float64(model))); float32(*h.Score) != want {
			t.Errorf("%s: _score %v, want %v", h.ID, *h.Score, want)
		}
		if model > before {
			t.Errorf("%s is below a hit that the model likes less", h.ID)
		}
		before = model
	}
	if scored < 19 {
		t.Errorf("%d hits have a text", scored)
	}
	var parsed struct {
		Hits struct {
			MaxScore float64 `json:"max_score"`
		}
	}
	if err := json.Unmarshal(a.body, &parsed); err != nil || parsed.Hits.MaxScore != *hits[0].Score {
		t.Errorf("max_score %v, first hit %v, %v", parsed.Hits.MaxScore, *hits[0].Score, err)
	}
}

func TestNoHitsAndOneHit(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "none"))
	r := startProxy(t, e, setup{})
	a := r.search(t, "")
	a.expect(t, StatusReranked, "")
	if !bytes.Equal(a.body, e.all.body) || r.scorer.calls.Load() != 0 {
		t.Errorf("%s, %d calls of the model", a.body, r.scorer.calls.Load())
	}
	one := startEngine(t, recorded(t, "opensearch-3.8", "all").page(0, 1))
	r = startProxy(t, one, setup{})
	a = r.search(t, "")
	a.expect(t, StatusReranked, "")
	if len(a.hits(t)) != 1 {
		t.Errorf("%s", a.body)
	}
}
