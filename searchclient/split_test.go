package searchclient

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/resift/resift/searchclient/rawjson"
)

func TestSplitRealAnswers(t *testing.T) {
	type hit struct {
		Index     string          `json:"_index"`
		ID        string          `json:"_id"`
		Score     *float64        `json:"_score"`
		Source    json.RawMessage `json:"_source"`
		Fields    json.RawMessage `json:"fields"`
		Highlight json.RawMessage `json:"highlight"`
		Sort      json.RawMessage `json:"sort"`
		Explained json.RawMessage `json:"_explanation"`
		InnerHits json.RawMessage `json:"inner_hits"`
	}
	var want struct {
		Took     int64           `json:"took"`
		TimedOut bool            `json:"timed_out"`
		Shards   json.RawMessage `json:"_shards"`
		Hits     struct {
			Total    json.RawMessage `json:"total"`
			MaxScore *float64        `json:"max_score"`
			Hits     []hit           `json:"hits"`
		} `json:"hits"`
	}
	orNaN := func(f *float64) float64 {
		if f == nil {
			return math.NaN()
		}
		return *f
	}
	same := func(a, b float64) bool { return a == b || math.IsNaN(a) && math.IsNaN(b) }
	for file, body := range recorded(t) {
		want.Took, want.TimedOut, want.Shards = -1, false, nil
		want.Hits.Total, want.Hits.MaxScore, want.Hits.Hits = nil, nil, nil
		if err := json.Unmarshal(body, &want); err != nil {
			t.Fatal(err)
		}
		a, err := Split(body)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if a.Took() != want.Took || a.TimedOut() != want.TimedOut || string(a.Shards()) != string(want.Shards) ||
			string(a.Total()) != string(want.Hits.Total) || !same(a.MaxScore(), orNaN(want.Hits.MaxScore)) {
			t.Errorf("%s: envelope %d %v %s %s %g", file, a.Took(), a.TimedOut(), a.Shards(), a.Total(), a.MaxScore())
		}
		if a.HasHits() != (want.Hits.Hits != nil) || len(a.Hits()) != len(want.Hits.Hits) {
			t.Errorf("%s: %d hits, want %d", file, len(a.Hits()), len(want.Hits.Hits))
			continue
		}
		for i, h := range a.Hits() {
			w := want.Hits.Hits[i]
			if h.Index() != w.Index || h.ID() != w.ID || !same(h.Score(), orNaN(w.Score)) || string(h.Source()) != string(w.Source) ||
				string(h.Fields()) != string(w.Fields) || string(h.Highlight()) != string(w.Highlight) || string(h.Sort()) != string(w.Sort) ||
				string(h.Explanation()) != string(w.Explained) || string(h.InnerHits()) != string(w.InnerHits) {
				t.Errorf("%s: hit %d differs: %s", file, i, h.Raw())
			}
		}
	}
}

func TestSplitRefuses(t *testing.T) {
	tests := []struct {
		name, body string
		shape      bool // JSON, but not a search's answer
	}{
		{"nothing", ``, false},
		{"an array", `[]`, false},
		{"text", `Service Unavailable`, false},
		{"cut off", `{"took":1,"hits":{"hits":[{"_id":"a","_source":{"t":"x`, false},
		{"cut off between hits", `{"hits":{"hits":[{"_id":"a"},`, false},
		{"two values", `{"took":1}{"took":1}`, true},
		{"hits is a list", `{"hits":[]}`, false},
		{"hits.hits is an object", `{"hits":{"hits":{}}}`, false},
		{"a hit is a number", `{"hits":{"hits":[1]}}`, false},
		{"took is text", `{"took":"1"}`, true},
		{"score is text", `{"hits":{"hits":[{"_score":"1"}]}}`, true},
		{"source is text", `{"hits":{"hits":[{"_source":"x"}]}}`, true},
		{"fields is a list", `{"hits":{"hits":[{"fields":[]}]}}`, true},
		{"took twice", `{"took":1,"took":2}`, true},
		{"hits twice", `{"hits":{},"hits":{}}`, true},
		{"hits twice by an escape", `{"hits":{},"h\u0069ts":{}}`, true},
		{"hits.hits twice", `{"hits":{"hits":[],"hits":[]}}`, true},
		{"score twice", `{"hits":{"hits":[{"_score":1,"_score":2}]}}`, true},
		{"source twice by an escape", `{"hits":{"hits":[{"_source":{},"\u005fsource":{}}]}}`, true},
		{"brackets cross", `{"hits":{"hits":[{"_source":{"a":[}}]}}`, false},
		{"100,000 deep", `{"hits":{"hits":[{"_source":` + strings.Repeat(`{"a":`, 100_000) + `1` + strings.Repeat(`}`, 100_000) + `}]}}`, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			a, err := Split([]byte(tt.body))
			if err == nil {
				t.Fatalf("accepted, %d hits", len(a.Hits()))
			}
			var syntax *rawjson.SyntaxError
			if errors.Is(err, ErrShape) != tt.shape || errors.As(err, &syntax) == tt.shape {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestSplitLeavesUnknownRepeatedKeysAlone(t *testing.T) {
	body := `{"x":1,"x":2,"hits":{"y":1,"y":2,"hits":[{"z":1,"z":2,"_source":{"a":1,"a":2}}]}}`
	a := split1(t, body)
	if got := write(t, a, Page{Order: []int{0}}); got != body {
		t.Errorf("came out as %s", got)
	}
}

func TestSplitLargeAnswer(t *testing.T) {
	body := []byte(`{"hits":{"hits":[{"_id":"a","_source":{"t":"` + strings.Repeat("x y ", 16<<20) + `"}},{"_id":"b"}]}}`) // 64 MiB
	a, err := Split(body)
	if err != nil || len(a.Hits()) != 2 || a.Hits()[1].ID() != "b" {
		t.Fatalf("Split: %v", err)
	}
}
