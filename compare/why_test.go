package compare

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

func explainJSON(t *testing.T, raw, query string) *why {
	t.Helper()
	var x rawHit
	d := json.NewDecoder(strings.NewReader(raw))
	d.UseNumber()
	if err := d.Decode(&x); err != nil {
		t.Fatal(err)
	}
	return explain(&x, query, []string{"title", "text"})
}

func spell(list []piece) string {
	var b strings.Builder
	for _, p := range list {
		if p.Mark {
			b.WriteString("[" + p.Text + "]")
		} else {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

func TestPassageIsMarkedInItsText(t *testing.T) {
	const fields = `"fields":{"resift.engine_rank":[4],"resift.passage_window":[2],"resift.passage_windows":[3],"resift.passage_cut":[false],"resift.passage":[`
	long := strings.Repeat("é ", 100)
	for _, c := range []struct {
		name, hit, query       string
		before, passage, after string
		found, missing         []string
	}{
		{name: "within", hit: `{"_source":{"title":"T","text":["one","the fox sleeps in a den",3]},` + fields + `"fox sleeps"]}}`, query: "Where do FOXES sleep, fox?",
			before: "T\none\nthe ", passage: "[fox] sleeps", after: " in a den\n3", found: []string{"fox"}, missing: []string{"where", "do", "foxes", "sleep"}},
		{name: "with what the engine marked", hit: `{"_source":{"text":"the fox sleeps"},"highlight":{"text":["the ` + markStart + `fox` + markEnd + ` ` + markStart + `Sleeps` + markEnd + `"]},` + fields + `"the fox sleeps"]}}`,
			query: "sleep", passage: "the [fox] [sleeps]", missing: []string{"sleep"}},
		{name: "far inside", hit: `{"_source":{"text":"` + long + `fox` + long + `"},` + fields + `"fox"]}}`, query: "fox",
			before: "…" + strings.Repeat("é ", 80), passage: "[fox]", after: strings.Repeat("é ", 80) + "…", found: []string{"fox"}},
		{name: "of a text that is not the source's", hit: `{"_source":{"text":"<p>the <b>fox</b>"},` + fields + `"the fox"]}}`, query: "den", passage: "the fox", missing: []string{"den"}},
		{name: "without spaces", hit: `{"_source":{"text":"東京タワー"},` + fields + `"東京タワー"]}}`, query: "東京の塔", passage: "[東][京]タワー",
			found: []string{"東", "京"}, missing: []string{"の", "塔"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			w := explainJSON(t, c.hit, c.query)
			if w.Before != c.before || spell(w.Passage) != c.passage || w.After != c.after || w.Window != 2 || w.Windows != 3 {
				t.Errorf("%q %q %q, window %d of %d", w.Before, spell(w.Passage), w.After, w.Window, w.Windows)
			}
			if !slices.Equal(w.Found, c.found) || !slices.Equal(w.Missing, c.missing) {
				t.Errorf("found %q, missing %q", w.Found, w.Missing)
			}
		})
	}
	if w := explainJSON(t, `{"fields":{"resift.engine_rank":[4]}}`, "fox"); w == nil || w.Windows != 0 || w.Passage != nil {
		t.Errorf("a hit that was not read: %+v", w)
	}
	if w := explainJSON(t, `{"fields":{"resift.engine_rank":[4],"resift.model_score":[1.5]}}`, "fox"); w != nil {
		t.Errorf("a hit that was read, of which no passage is told: %+v", w)
	}
}

func TestLatency(t *testing.T) {
	l := readLatency([]string{"shard;dur=3", `plan;dur=1, engine;dur=20.000, tokenize;dur=4, queue;dur=5, score;dur=15, answer;dur=2, cache;desc="40 of 100 pairs", total;dur=50`})
	want := []part{{"engine", 20, 0, 40}, {"tokenize", 4, 40, 8}, {"model", 20, 48, 40}, {"resift", 6, 88, 12}}
	if !slices.Equal(l.Parts, want) || l.Total != 50 || l.Cache != "40 of 100 pairs" {
		t.Errorf("%+v", l)
	}
	for _, v := range []string{"", "total;dur=7", "plan;dur=x, ;, total;dur=7;desc=y", `total;dur="7`} {
		if l := readLatency([]string{v}); len(l.Parts) != 0 || l.Cache != "" {
			t.Errorf("%q: %+v", v, l)
		}
	}
}

// TestLargeAnswers: where the hits that tell where the engine's first ones went are too many bytes, the page does without them.
func TestLargeAnswers(t *testing.T) {
	c := &canned{t: t, before: engineOrder, after: modelOrder}
	large := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		known := len(c.bodies)
		c.ServeHTTP(w, r)
		if strings.Contains(c.bodies[known], `"size":100`) {
			if _, err := w.Write(make([]byte, maxAnswer)); err != nil {
				panic(http.ErrAbortHandler)
			}
		}
	})
	h, err := New(Options{Search: large, Fields: []string{"title", "text"}, Window: 100})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/?q=fox", nil))
	if w.Code != 200 || len(c.bodies) != 3 || !strings.Contains(w.Body.String(), "▲ up 1, from 2") {
		t.Errorf("status %d after %d searches\n%s", w.Code, len(c.bodies), w.Body)
	}
}
