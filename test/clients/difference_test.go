package clients

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
)

// volatile are the members that differ between two runs against the same engine.
var volatile = map[string]bool{
	"took": true, "Took": true, "_scroll_id": true, "pit_id": true, "ingest_took": true,
	"index_uuid": true, // the index is a new one each run
}

// difference tells the first place where two values differ, "" for none.
func difference(at string, a, b any) string {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		if !ok {
			break
		}
		b = explained(b)
		for _, key := range slices.Sorted(maps.Keys(a)) {
			if _, there := b[key]; !there {
				return fmt.Sprintf("%s.%s: missing through resift", at, key)
			}
			if volatile[key] {
				continue
			}
			if d := difference(at+"."+key, a[key], b[key]); d != "" {
				return d
			}
		}
		for _, key := range slices.Sorted(maps.Keys(b)) {
			if _, there := a[key]; !there {
				return fmt.Sprintf("%s.%s: only through resift", at, key)
			}
		}
		return ""
	case []any:
		b, ok := b.([]any)
		if !ok {
			break
		}
		if len(a) != len(b) {
			return fmt.Sprintf("%s: %d elements direct, %d through resift", at, len(a), len(b))
		}
		for i := range a {
			if d := difference(fmt.Sprintf("%s[%d]", at, i), a[i], b[i]); d != "" {
				return d
			}
		}
		return ""
	default:
		if a == b {
			return ""
		}
	}
	return fmt.Sprintf("%s: %.300v direct, %.300v through resift", at, a, b)
}

// explained is the engine's own explanation in one that resift put around it; anything else as it is.
func explained(object map[string]any) map[string]any {
	if text, _ := object["description"].(string); strings.HasPrefix(text, "the first stage's score, kept; ") {
		if details, _ := object["details"].([]any); len(details) == 1 {
			if original, ok := details[0].(map[string]any); ok {
				return original
			}
		}
	}
	return object
}

// TestDifference holds what compares to what it has to see.
func TestDifference(t *testing.T) {
	for _, c := range []struct{ a, b, want string }{
		{`{"took":1,"hits":[{"_id":"a","_score":1.5}]}`, `{"took":2,"hits":[{"_id":"a","_score":1.5}]}`, ""},
		{`{"took":1}`, `{}`, "missing"},
		{`{}`, `{"took":1}`, "only through"},
		{`{"hits":[1,2]}`, `{"hits":[2,1]}`, "hits[0]"},
		{`{"hits":[1,2]}`, `{"hits":[1]}`, "2 elements"},
		{`{"n":1.0}`, `{"n":1}`, "n: 1.0"},
		{`{"description":"a"}`, `{"description":"the first stage's score, kept; by 1","details":[{"description":"a"}]}`, ""},
		{`{"description":"a"}`, `{"description":"the first stage's score, kept; by 1","details":[{"description":"b"}]}`, "description: a"},
		{`{"n":null}`, `{"n":{}}`, "n: <nil>"},
		{`{"n":{}}`, `{"n":[]}`, "n: map"},
		{`[[]]`, `[{}]`, "[0]"},
	} {
		if d := difference("", decode(t, c.a), decode(t, c.b)); c.want == "" && d != "" || !strings.Contains(d, c.want) {
			t.Errorf("%s and %s: %q, want %q", c.a, c.b, d, c.want)
		}
	}
}

func decode(t *testing.T, text string) (v any) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatal(err)
	}
	return v
}
