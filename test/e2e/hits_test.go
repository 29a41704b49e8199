package e2e

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"
)

// found is an answer to a search, as far as the tests look into it.
type found struct {
	Took int
	Hits struct {
		Total    json.RawMessage
		MaxScore *float64 `json:"max_score"`
		Hits     []json.RawMessage
	}
}

// hit is one hit; raw is what it is without its score.
type hit struct {
	Index       string   `json:"_index"`
	ID          string   `json:"_id"`
	Score       *float64 `json:"_score"`
	Fields      map[string][]json.RawMessage
	Explanation json.RawMessage
	raw         string
	source      json.RawMessage
}

// text is what a model reads of a hit of docs by title and text.
func (h hit) text(t testing.TB) string {
	t.Helper()
	var source struct{ Title, Text string }
	if err := json.Unmarshal(h.source, &source); err != nil {
		t.Fatalf("%s: %v", h.ID, err)
	}
	return strings.TrimSpace(source.Title + "\n" + source.Text)
}

var scoreMember = regexp.MustCompile(`"_score" ?: ?[^,}\s]+`)

func readFound(t testing.TB, a answer) (f found, hits []hit) {
	t.Helper()
	if err := json.Unmarshal(a.body, &f); err != nil || a.status != 200 {
		t.Fatalf("no search's answer (%v): %s", err, a)
	}
	for _, raw := range f.Hits.Hits {
		var h struct {
			Index       string                       `json:"_index"`
			ID          string                       `json:"_id"`
			Score       *float64                     `json:"_score"`
			Fields      map[string][]json.RawMessage `json:"fields"`
			Explanation json.RawMessage              `json:"_explanation"`
			Source      json.RawMessage              `json:"_source"`
		}
		if err := json.Unmarshal(raw, &h); err != nil {
			t.Fatalf("hit %s: %v", raw, err)
		}
		masked := string(raw)
		if at := scoreMember.FindStringIndex(masked); at != nil {
			masked = masked[:at[0]] + masked[at[1]:]
		}
		hits = append(hits, hit{h.Index, h.ID, h.Score, h.Fields, h.Explanation, masked, h.Source})
	}
	return f, hits
}

// without is the answer without its hits, max_score and took: what re-ranking has no business with.
func without(t testing.TB, a answer) string {
	t.Helper()
	var all map[string]json.RawMessage
	var hits map[string]json.RawMessage
	if err := json.Unmarshal(a.body, &all); err != nil {
		t.Fatalf("%v: %s", err, a)
	}
	if err := json.Unmarshal(all["hits"], &hits); err != nil {
		t.Fatalf("%v: %s", err, a)
	}
	delete(hits, "hits")
	delete(hits, "max_score")
	delete(all, "took")
	all["hits"] = json.RawMessage(quote(hits))
	return quote(all)
}

func ids(hits []hit) []string {
	list := make([]string, len(hits))
	for i, h := range hits {
		list[i] = h.Index + "/" + h.ID
	}
	return list
}
