package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// markedEngine has 40 documents whose fragments tell which state of the document they are of.
type markedEngine struct {
	*engine
	second func(ids []string) (status int, body string) // what it says to a search by identifiers; nil: the truth
}

func startMarkedEngine(t *testing.T) *markedEngine {
	m := &markedEngine{engine: startEngine(t, recording{})}
	m.engine.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		var in struct {
			Query struct {
				IDs *struct{ Values []string }
			}
			From, Size int
			Version    bool
			Highlight  json.RawMessage
		}
		if err := json.Unmarshal(body, &in); err != nil {
			t.Error(err)
		}
		status, out := 200, ""
		switch ids := in.Query.IDs; {
		case ids != nil && m.second != nil:
			status, out = m.second(ids.Values)
		case ids != nil:
			out = markedAnswer(ids.Values, true, true)
		default:
			out = markedAnswer(markedIDs(in.From, in.Size), in.Version || r.URL.Query().Has("version"), in.Highlight != nil)
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		fmt.Fprint(w, out)
		return true
	}
	return m
}

func markedIDs(from, size int) (ids []string) {
	if size == 0 {
		size = 10
	}
	for i := from; i < min(from+size, 40); i++ {
		ids = append(ids, fmt.Sprint("d", i))
	}
	return ids
}

func markedHit(id string, version int, withVersion, highlight bool) string {
	h := fmt.Sprintf(`{"_index":"notes","_id":%q,`, id)
	if withVersion {
		h += fmt.Sprintf(`"_version":%d,`, version)
	}
	h += fmt.Sprintf(`"_score":1.0,"_source":{"title":"note %s","text":"how to"}`, id)
	if highlight && id != "d3" { // one without fragments
		h += fmt.Sprintf(`,"highlight":{"text":["%s at %d"]}`, id, version)
	}
	return h + "}"
}

func markedAnswer(ids []string, version, highlight bool) string {
	hits := make([]string, len(ids))
	for i, id := range ids {
		hits[i] = markedHit(id, 1, version, highlight)
	}
	return markedEnvelope(hits, 0, false)
}

func markedEnvelope(hits []string, failed int, timedOut bool) string {
	return fmt.Sprintf(`{"took":1,"timed_out":%v,"_shards":{"total":1,"failed":%d},"hits":{"total":{"value":40,"relation":"eq"},"max_score":1.0,"hits":[%s]}}`,
		timedOut, failed, strings.Join(hits, ","))
}

const marked = `,"highlight":{"fields":{"text":{}}}`

func wide(r *Rule) { r.Window, r.Score = 40, ScoreKeep }

// TestHighlightOfThePageAlone: the first stage goes without fragments, and the answer is as if it had had them.
func TestHighlightOfThePageAlone(t *testing.T) {
	for _, c := range []struct{ name, more, target string }{
		{"plain", "", ""},
		{"a later page", `,"from":5,"size":4`, ""},
		{"with the version", `,"version":true`, ""},
		{"with the version in the URL", "", "?version=true"},
		{"with all that is known", `,"_source":true,"aggs":{},"post_filter":{"match_all":{}},"sort":["_score"],"min_score":0.1,"timeout":"9s"`, "?routing=a&preference=_local"},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := startMarkedEngine(t)
			p := startProxy(t, e.engine, setup{rule: wide})
			a := p.do(t, "POST", "/notes/_search"+c.target, "{"+query+marked+c.more+"}")
			a.expect(t, StatusReranked, "")
			requests := e.requests()
			if len(requests) != 2 || strings.Contains(string(requests[0].body), "highlight") {
				t.Fatalf("%d requests, the first %s", len(requests), requests[0].body)
			}
			var got struct {
				Hits struct{ Hits []json.RawMessage }
			}
			if err := json.Unmarshal(a.body, &got); err != nil || len(got.Hits.Hits) == 0 {
				t.Fatal(err, string(a.body))
			}
			var shown []string
			for _, raw := range got.Hits.Hits {
				var hit struct {
					ID string `json:"_id"`
				}
				_ = json.Unmarshal(raw, &hit)
				shown = append(shown, hit.ID)
				if want := markedHit(hit.ID, 1, strings.Contains(c.name, "version"), true); string(raw) != want {
					t.Errorf("%s\nwant %s", raw, want)
				}
			}
			var second struct {
				Query     struct{ IDs struct{ Values []string } }
				Highlight struct {
					Query json.RawMessage `json:"highlight_query"`
				}
			}
			if err := json.Unmarshal(requests[1].body, &second); err != nil || !slices.Equal(second.Query.IDs.Values, shown) ||
				`"query":`+string(second.Highlight.Query) != query {
				t.Errorf("%v: the second request is %s", err, requests[1].body)
			}
			if c.target == "?routing=a&preference=_local" && !strings.Contains(requests[1].uri, c.target) {
				t.Errorf("the second request goes to %s", requests[1].uri)
			}
		})
	}
}

// TestHighlightIsAskedAgainWhole: where the second search does not fit the first, one that has all is made.
func TestHighlightIsAskedAgainWhole(t *testing.T) {
	change := func(edit func(hits []string) []string, failed int, timedOut bool) func([]string) (int, string) {
		return func(ids []string) (int, string) {
			var hits []string
			for _, id := range ids {
				hits = append(hits, markedHit(id, 1, true, true))
			}
			return 200, markedEnvelope(edit(hits), failed, timedOut)
		}
	}
	same := func(hits []string) []string { return hits }
	for name, second := range map[string]func([]string) (int, string){
		"a changed document": change(func(hits []string) []string {
			return append([]string{markedHit(idOf(hits[0]), 2, true, true)}, hits[1:]...)
		}, 0, false),
		"a document that is gone":  change(func(hits []string) []string { return hits[1:] }, 0, false),
		"a document that is twice": change(func(hits []string) []string { return append(hits, hits[0]) }, 0, false),
		"no versions": change(func(hits []string) []string {
			return []string{strings.ReplaceAll(strings.Join(hits, ","), `"_version":1,`, "")}
		}, 0, false),
		"a failed shard": change(same, 1, false),
		"out of time":    change(same, 0, true),
		"an error":       func([]string) (int, string) { return 500, `{"error":{"type":"x","reason":"y"},"status":500}` },
		"no JSON":        func([]string) (int, string) { return 200, `no` },
	} {
		t.Run(name, func(t *testing.T) {
			e := startMarkedEngine(t)
			e.second = second
			p := startProxy(t, e.engine, setup{rule: wide})
			a := p.search(t, marked)
			a.expect(t, StatusReranked, "")
			if n := len(e.requests()); n != 3 {
				t.Errorf("%d requests", n)
			}
			if n := strings.Count(string(a.body), `at 1"]`); n < 9 || strings.Contains(string(a.body), "_version") {
				t.Errorf("%d fragments: %s", n, a.body)
			}
		})
	}
}

func idOf(hit string) string {
	var h struct {
		ID string `json:"_id"`
	}
	_ = json.Unmarshal([]byte(hit), &h)
	return h.ID
}

// TestHighlightInOneRequest: what a second search could see otherwise, or would not be cheaper for.
func TestHighlightInOneRequest(t *testing.T) {
	for name, c := range map[string]struct{ body, target string }{
		"no highlight":         {"{" + query + "}", ""},
		"collapse":             {"{" + query + marked + `,"collapse":{"field":"k"}}`, ""},
		"profile":              {"{" + query + marked + `,"profile":true}`, ""},
		"a point in time":      {"{" + query + marked + `,"pit":{"id":"x"}}`, ""},
		"an unknown member":    {"{" + query + marked + `,"new":1}`, ""},
		"an unknown parameter": {"{" + query + marked + `}`, "?search_pipeline=p"},
		"q":                    {"{" + query + marked + `}`, "?q=x"},
		"details":              {"{" + query + marked + `,"ext":{"resift":{"details":true}}}`, ""},
		"passage":              {"{" + query + marked + `,"ext":{"resift":{"passage":true}}}`, ""},
		"a large page":         {"{" + query + marked + `,"size":30}`, ""},
		"no object":            {"{" + query + `,"highlight":[]}`, ""},
		"a wrong version":      {"{" + query + marked + `,"version":"x"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			rules := testRules()
			rules.List[0].Match, rules.List[0].Window = "*", 40
			d := Plan(ask("POST /products/_search"+c.target, c.body), rules)
			if d.Bypass != "" || d.Refusal != nil || d.Deferred != nil {
				t.Errorf("bypass %q, refusal %+v, deferred %+v", d.Bypass, d.Refusal, d.Deferred)
			}
		})
	}
}
