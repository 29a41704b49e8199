package searchclient

import (
	"bytes"
	"encoding/json"
	"math"
	"slices"
	"testing"

	"github.com/resift/resift/searchclient/rawjson"
)

// FuzzSplit: whatever Split accepts comes out byte for byte in the engine's order; a page with everything edited is JSON
// again and has the same hits.
func FuzzSplit(f *testing.F) {
	f.Add([]byte(compact))
	f.Add([]byte(`{"hits":{"hits":[{"_score":1,"fields":{"t":[1],"c":[{"t":[2]},{"d":[3]}]},"_explanation":{}},{"_score":null}]}}`))
	f.Add([]byte("{\n  \"took\" : 1,\n  \"hits\" : {\n    \"hits\" : [\n      {\n        \"_id\" : \"a\"\n      }\n    ]\n  }\n}\n"))
	for _, body := range recorded(f) {
		if len(body) < 6000 {
			f.Add(body)
		}
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		a, err := Split(body)
		if err != nil {
			return
		}
		same, err := a.Append(nil, Page{Order: identity(a)})
		if err != nil || !bytes.Equal(same, body) {
			t.Fatalf("unchanged page: %q, %v", same, err)
		}
		for _, h := range a.Hits() {
			h.Text([]Field{{Path: "t"}, {Path: "c.t", Fetched: true}})
			h.Fragments([]string{"t"})
		}
		p := everyEdit(a)
		out, err := a.Append(nil, p)
		if rawjson.Check(body, rawjson.MaxDepth-8) != nil {
			return
		}
		if err != nil || !json.Valid(out) {
			t.Fatalf("edited page of %q: %q, %v", body, out, err)
		}
		b, err := Split(out)
		if err != nil || len(b.Hits()) != len(a.Hits()) {
			t.Fatalf("edited page cannot be split again: %q, %v", out, err)
		}
		for i, h := range b.Hits() {
			if from := a.Hits()[p.Order[i]]; h.ID() != from.ID() || h.Version() != nil || !bytes.Equal(h.Sort(), from.Sort()) {
				t.Fatalf("hit %d of the edited page: %q, was %q", i, h.Raw(), from.Raw())
			}
		}
	})
}

func everyEdit(a *Answer) Page {
	best := 2.5
	p := Page{Order: identity(a), MaxScore: &best, AddTook: 1e9, DropFields: []string{"t", "c.t"}, DropHighlight: []string{"t"},
		DropVersion: true, AddFields: true, Explain: true}
	slices.Reverse(p.Order)
	for i := range a.Hits() {
		p.Scores = append(p.Scores, float64(i))
		p.Details = append(p.Details, Details{ModelScore: math.Sqrt(float64(i - 1)), EngineRank: i + 1})
	}
	return p
}
