package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/resift/resift/reranker"
)

// words are n distinct words.
func words(prefix string, n int) string {
	list := make([]string, n)
	for i := range list {
		list[i] = fmt.Sprint(prefix, i)
	}
	return strings.Join(list, " ")
}

// longSources are the hits of longEngine by _id: a long text in several values with characters that JSON and HTML escape, a
// long one in one value, a short one, and none.
func longSources() map[string]map[string]any {
	return map[string]map[string]any{
		"values": {"title": `the "first" <b>& only</b>`, "text": []string{words("a", 90), words("é\u2028\\", 60), "🦊 </script>"}},
		"long":   {"title": "second", "text": words("b", 200)},
		"short":  {"title": "third", "text": "short"},
		"none":   {"other": 1},
	}
}

// longEngine answers with longSources, as far as the request's _source and fields let it, and with one fragment each where it is
// asked for any.
func longEngine(t *testing.T) *engine {
	e := startEngine(t, recording{})
	one := func(body []byte) string {
		var in struct {
			Source    json.RawMessage `json:"_source"`
			Fields    []string
			Highlight json.RawMessage
		}
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		var hits []string
		for n, id := range []string{"values", "long", "short", "none"} {
			hit := map[string]any{"_index": "notes", "_id": id, "_score": 4 - n}
			source, fields := longSources()[id], map[string]any{}
			for _, f := range in.Fields {
				if v, ok := source[f]; ok {
					if _, many := v.([]string); !many {
						v = []any{v}
					}
					fields[f] = v
				}
			}
			if len(fields) > 0 {
				hit["fields"] = fields
			}
			switch string(in.Source) {
			case "false":
			case `["title"]`:
				hit["_source"] = map[string]any{"title": source["title"]}
			default:
				hit["_source"] = source
			}
			if in.Highlight != nil && id == "long" {
				hit["highlight"] = map[string]any{"text": []string{"b7 b8", "b100 b101"}}
			}
			raw, err := json.Marshal(hit)
			if err != nil {
				t.Error(err)
			}
			hits = append(hits, string(raw))
		}
		return fmt.Sprintf(`{"took":1,"timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0},"hits":{"total":{"value":4,"relation":"eq"},"max_score":4,"hits":[%s]}}`, strings.Join(hits, ","))
	}
	e.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		w.Header().Set("Content-Type", "application/json")
		if !strings.HasSuffix(r.URL.Path, "/_msearch") {
			fmt.Fprint(w, one(body))
			return true
		}
		var responses []string
		lines := strings.Split(string(body), "\n")
		for i := 1; i < len(lines); i += 2 {
			a := one([]byte(lines[i]))
			responses = append(responses, a[:len(a)-1]+`,"status":200}`)
		}
		fmt.Fprintf(w, `{"took":1,"responses":[%s]}`, strings.Join(responses, ","))
		return true
	}
	return e
}

// passagesOf reads what the hits tell, by _id; a hit that tells nothing is left out.
func passagesOf(t *testing.T, hits []hit) map[string]string {
	t.Helper()
	all := map[string]string{}
	for _, h := range hits {
		var f struct {
			Passage []string `json:"resift.passage"`
			Window  []int    `json:"resift.passage_window"`
			Windows []int    `json:"resift.passage_windows"`
			Cut     []bool   `json:"resift.passage_cut"`
		}
		if h.Fields == nil {
			continue
		}
		if err := json.Unmarshal(h.Fields, &f); err != nil {
			t.Fatalf("%s: %v", h.Fields, err)
		}
		if f.Windows == nil {
			continue
		}
		if len(f.Passage) > 1 || len(f.Window) != 1 || len(f.Windows) != 1 || len(f.Cut) != 1 {
			t.Fatalf("%s", h.Fields)
		}
		all[h.ID] = fmt.Sprintf("%d of %d, cut %v: %s", f.Window[0], f.Windows[0], f.Cut[0], strings.Join(f.Passage, ""))
	}
	return all
}

const theQuery = "how to repair note"

// best is what passagesOf is to find of the texts that a hit is read by.
func best(cut bool, texts ...string) string {
	n := 0
	for i, text := range texts {
		if opinion(theQuery, text) > opinion(theQuery, texts[n]) {
			n = i
		}
	}
	return fmt.Sprintf("%d of %d, cut %v: %s", n+1, len(texts), cut, texts[n])
}

const passageToo = `,"ext":{"resift":{"passage":true}}`

// TestPassageThatWon asks for the passages in each way of reading long texts. The scorer reads 64 words, four of the query's.
func TestPassageThatWon(t *testing.T) {
	scorer := &hashScorer{}
	values := longSources()["values"]
	joined := strings.Join(append([]string{values["title"].(string)}, values["text"].([]string)...), "\n")
	plain := strings.ReplaceAll(strings.ReplaceAll(strings.ReplaceAll(joined, "<b>", ""), "</b>", ""), "</script>", "")
	plain = strings.TrimSpace(strings.ReplaceAll(plain, "\u2028", " "))
	long := "second\n" + longSources()["long"]["text"].(string)
	const short = "1 of 1, cut false: third\nshort"
	cutAt := func(text string) string { return text[:scorer.Reach(theQuery, text)] }
	for _, c := range []struct {
		name string
		rule func(*Rule)
		want map[string]string
	}{
		{"first", func(r *Rule) {}, map[string]string{
			"values": "1 of 1, cut true: " + cutAt(joined), "long": "1 of 1, cut true: " + cutAt(long), "short": short,
		}},
		{"max", func(r *Rule) { r.LongText = LongText{LongTextMax, 50, 10} }, map[string]string{
			"values": best(false, scorer.Windows(joined, 50, 10)...), "long": best(false, scorer.Windows(long, 50, 10)...), "short": short,
		}},
		{"max, HTML", func(r *Rule) { r.LongText, r.HTML = LongText{LongTextMax, 50, 10}, HTMLStrip }, map[string]string{
			"values": best(false, scorer.Windows(plain, 50, 10)...), "long": best(false, scorer.Windows(long, 50, 10)...), "short": short,
		}},
		{"max, more windows than are scored", func(r *Rule) { r.LongText = LongText{LongTextMax, 12, 2} }, map[string]string{
			"values": best(true, scorer.Windows(joined, 12, 2)[:10]...), "long": best(true, scorer.Windows(long, 12, 2)[:10]...), "short": short,
		}},
		{"highlight", func(r *Rule) { r.LongText.Mode = LongTextHighlight }, map[string]string{
			"values": "1 of 1, cut true: " + cutAt(joined), "long": "1 of 1, cut false: b7 b8\nb100 b101", "short": short,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := startProxy(t, longEngine(t), setup{rule: c.rule, options: func(o *Options) { o.Limits.WindowsPerHit = 10 }})
			a := p.search(t, passageToo)
			a.expect(t, StatusReranked, "")
			got := passagesOf(t, a.hits(t))
			for id, want := range c.want {
				if got[id] != want {
					t.Errorf("%s:\n got %q\nwant %q", id, got[id], want)
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("%d hits tell a passage: %v", len(got), got)
			}
			if strings.Contains(string(a.body), "resift.engine_rank") {
				t.Error("details are told that nobody asked for")
			}
			// Now all scores are in the cache: the answer is the same.
			pairs := p.scorer.pairs.Load()
			if again := p.search(t, passageToo); timeless(again.body) != timeless(a.body) || p.scorer.pairs.Load() != pairs {
				t.Errorf("%d pairs were scored again, and the answer became %s", p.scorer.pairs.Load()-pairs, again.body)
			}
			// Without the passages the answer is the same but for them.
			for _, h := range a.hits(t) {
				if h.Fields != nil {
					a.body = []byte(strings.Replace(string(a.body), `,"fields":`+string(h.Fields), "", 1))
				}
			}
			if without := p.search(t, ""); timeless(without.body) != timeless(a.body) {
				t.Errorf("without passages %s\nwant %s", without.body, a.body)
			}
		})
	}
}

// timeless is an answer without the time that it took.
func timeless(body []byte) string { return tookMember.ReplaceAllString(string(body), "") }

var tookMember = regexp.MustCompile(`"took":\d+,`)

// TestPassageOfHiddenFields: where the client's own filter keeps a field out, its text is not told by another way.
func TestPassageOfHiddenFields(t *testing.T) {
	for _, c := range []struct {
		more string
		text bool
	}{
		{"", true},
		{`,"_source":false`, false},
		{`,"_source":["title"]`, false},
		{`,"_source":["title"],"fields":["text"]`, true},
		{`,"_source":false,"fields":["title","text"]`, true},
	} {
		t.Run(c.more, func(t *testing.T) {
			p := startProxy(t, longEngine(t), setup{rule: func(r *Rule) { r.LongText = LongText{LongTextMax, 50, 10} }})
			a := p.search(t, passageToo+c.more)
			a.expect(t, StatusReranked, "")
			got := passagesOf(t, a.hits(t))
			if len(got) != 3 || strings.HasSuffix(got["long"], ": ") == c.text || !strings.Contains(got["long"], " of 5, cut false") {
				t.Errorf("%q", got)
			}
			if !c.text && strings.Contains(string(a.body), "b100") {
				t.Errorf("a hidden field is told: %s", a.body)
			}
		})
	}
}

func TestPassageInMultiSearch(t *testing.T) {
	p := startProxy(t, longEngine(t), setup{rule: func(r *Rule) { r.LongText = LongText{LongTextMax, 50, 10} }})
	alone := p.search(t, passageToo)
	a := p.msearch(t, "{}", "{"+query+passageToo+"}", "{}", "{"+query+"}")
	a.expect(t, StatusReranked, "")
	var multi struct{ Responses []json.RawMessage }
	if err := json.Unmarshal(a.body, &multi); err != nil || len(multi.Responses) != 2 {
		t.Fatalf("%v: %s", err, a.body)
	}
	want := strings.TrimSuffix(string(alone.body), "}") + `,"status":200}`
	if timeless(multi.Responses[0]) != timeless([]byte(want)) {
		t.Errorf("got  %s\nwant %s", multi.Responses[0], want)
	}
	if strings.Contains(string(multi.Responses[1]), "resift.") {
		t.Errorf("the other search tells %s", multi.Responses[1])
	}
}

func TestPassageInExplanation(t *testing.T) {
	e := longEngine(t)
	inner := e.answer
	e.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		return inner(&explaining{w}, r, body)
	}
	p := startProxy(t, e, setup{rule: func(r *Rule) { r.LongText = LongText{LongTextMax, 50, 10} }})
	a := p.search(t, `,"explain":true`)
	a.expect(t, StatusReranked, "")
	long := "second\n" + longSources()["long"]["text"].(string)
	windows := (&hashScorer{}).Windows(long, 50, 10)
	scores := make([]float32, len(windows))
	for i, w := range windows {
		scores[i] = opinion(theQuery, w)
	}
	n := slices.Index(scores, slices.Max(scores)) + 1
	if want := fmt.Sprintf(" for window %d of 5 of its text, rank in the first stage 2", n); !strings.Contains(string(a.body), want) {
		t.Errorf("no %q in %s", want, a.body)
	}
	if strings.Contains(string(a.body), "resift.") {
		t.Errorf("fields were added: %s", a.body)
	}
}

// explaining gives each hit that passes an explanation.
type explaining struct{ http.ResponseWriter }

func (w *explaining) Write(b []byte) (int, error) {
	out := strings.ReplaceAll(string(b), `{"_id"`, `{"_explanation":{"value":1,"description":"x","details":[]},"_id"`)
	_, err := w.ResponseWriter.Write([]byte(out))
	return len(b), err
}

// TestPassageOfWhatWasScored: hits that the model did not read have none, nor has the engine's own answer.
func TestPassageOfWhatWasScored(t *testing.T) {
	p := startProxy(t, longEngine(t), setup{})
	p.scorer.score = func(ctx context.Context, query string, passages []string) (reranker.Result, error) {
		r := opinions(query, passages)
		r.Scores[0] = unscored
		return r, nil
	}
	a := p.search(t, passageToo)
	a.expect(t, StatusPartial, ReasonModel)
	if got := passagesOf(t, a.hits(t)); len(got) != 2 || got["values"] != "" {
		t.Errorf("%q", got)
	}
	p.scorer.score = func(context.Context, string, []string) (reranker.Result, error) {
		return reranker.Result{}, reranker.ErrOverloaded
	}
	a = p.search(t, `,"ext":{"resift":{"passage":true,"query_text":"another"}}`)
	a.expect(t, StatusFallback, ReasonOverloaded)
	if strings.Contains(string(a.body), "resift.") {
		t.Errorf("the engine's answer became %s", a.body)
	}
}
