package e2e

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/resift/resift/test/rig"
)

// window is the window of the rules in these tests: small enough that docs has many hits past it.
const window = 50

// sameAnswer is one search that is sent to the engine and to resift with a scorer that keeps the engine's order.
type sameAnswer struct {
	name    string
	send    request
	want    string                                    // status and reason of resift
	only    string                                    // the engine that has the feature; "" for both
	prepare func(t *testing.T, e *engine, r *request) // what must be asked before; may be nil
	masks   []mask
	// explained: hits carry resift's explanation around the engine's.
	explained bool
	// sameJSON names the engine that writes the same JSON in other bytes when it is asked as the rewrite must ask it.
	sameJSON string
}

// TestSameAnswer holds every kind of search to the promise that only what has to change does: with the order kept and
// the engine's scores too, the answer is the engine's own, byte for byte, but for took.
func TestSameAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		c := withScorer(e, rig.NewScorer(t, rig.KeepOrder))
		c.indices = `[{match: "*", fields: [title, text, key], score: keep, window: 50}]`
		p := start(t, c)
		for _, x := range sameAnswers() {
			if x.only != "" && x.only != e.name {
				continue
			}
			t.Run(x.name, func(t *testing.T) { x.run(t, e, p) })
		}
	})
}

func (x sameAnswer) run(t *testing.T, e *engine, p *process) {
	if x.prepare != nil {
		x.prepare(t, e, &x.send)
	}
	direct, proxied := ask(t, e.address, x.send), ask(t, p.address, x.send)
	if got := proxied.resiftStatus(); got != x.want {
		t.Errorf("status %q, want %q (engine answers %d %.200s)", got, x.want, direct.status, direct.body)
	}
	if proxied.status >= 500 && direct.status < 500 {
		t.Errorf("resift answers %s, the engine %s", proxied, direct)
	}
	if x.send.method != "HEAD" && proxied.length >= 0 && int(proxied.length) != len(proxied.body) {
		t.Errorf("Content-Length is %d, the body has %d bytes", proxied.length, len(proxied.body))
	}
	if x.explained {
		compareExplained(t, direct.body, proxied.body)
		proxied.body = direct.body
	}
	if x.sameJSON == e.name {
		direct.body, proxied.body = canonical(t, direct.body), canonical(t, proxied.body)
	}
	if d := differences(direct, proxied, x.masks...); d != nil {
		t.Errorf("%s %.300s\n  %.300s%s", x.send.method, x.send.target, x.send.body, indent(d))
	}
}

// canonical is a JSON document without what has no meaning in it: space, and the order of members.
func canonical(t *testing.T, body []byte) []byte {
	var v any
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.UseNumber()
	if err := dec.Decode(&v); err != nil {
		t.Fatalf("%v in %.300s", err, body)
	}
	out, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// compareExplained compares answers after resift's explanation is taken off.
func compareExplained(t *testing.T, direct, proxied []byte) {
	t.Helper()
	var want, got map[string]any
	for _, x := range []struct {
		body []byte
		into *map[string]any
	}{{direct, &want}, {proxied, &got}} {
		dec := json.NewDecoder(bytes.NewReader(x.body))
		dec.UseNumber()
		if err := dec.Decode(x.into); err != nil {
			t.Fatalf("%v in %.300s", err, x.body)
		}
		delete(*x.into, "took")
	}
	hits, _ := got["hits"].(map[string]any)["hits"].([]any)
	if len(hits) == 0 {
		t.Fatal("no hits to explain")
	}
	for i, h := range hits {
		hit := h.(map[string]any)
		outer, _ := hit["_explanation"].(map[string]any)
		description, _ := outer["description"].(string)
		details, _ := outer["details"].([]any)
		if !strings.Contains(description, "cross-encoder's score") || len(details) != 1 {
			t.Fatalf("hit %d is explained by %v", i, outer)
		}
		if !reflect.DeepEqual(outer["value"], hit["_score"]) {
			t.Errorf("hit %d: explanation of %v, _score %v", i, outer["value"], hit["_score"])
		}
		hit["_explanation"] = details[0]
	}
	if !reflect.DeepEqual(want, got) {
		w, _ := json.Marshal(want)
		g, _ := json.Marshal(got)
		t.Error(firstDifference(w, g))
	}
}
