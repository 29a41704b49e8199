package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"

	"github.com/resift/resift/reranker"
)

// answerMulti has an engine answer multi-searches with the pages of its recording, each with its status. fail may give the
// i-th search of a request an error instead.
func answerMulti(e *engine, fail func(request, i int, body string) string) {
	e.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if !strings.HasSuffix(r.URL.Path, "/_msearch") {
			return false
		}
		lines := strings.Split(string(body), "\n")
		responses := []string{}
		for i := 1; i < len(lines); i += 2 {
			if fail != nil {
				if failure := fail(len(e.requests()), i/2, lines[i]); failure != "" {
					responses = append(responses, failure)
					continue
				}
			}
			page := e.all.page(pageOf([]byte(lines[i]))).body
			responses = append(responses, string(page[:len(page)-1])+`,"status":200}`)
		}
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"took":7,"responses":[%s]}`, strings.Join(responses, ","))
		return true
	}
}

func (r *rig) msearch(t testing.TB, lines ...string) answer {
	t.Helper()
	return r.do(t, "POST", "/_msearch", strings.Join(lines, "\n")+"\n", "Content-Type", "application/x-ndjson")
}

// parts are the responses of a multi-search.
func (a answer) parts(t testing.TB) []answer {
	t.Helper()
	var parsed struct{ Responses []json.RawMessage }
	if err := json.Unmarshal(a.body, &parsed); err != nil {
		t.Fatalf("%v: %s", err, cut(a.body))
	}
	var list []answer
	for _, r := range parsed.Responses {
		list = append(list, answer{status: a.status, header: a.header, body: r})
	}
	return list
}

func (a answer) expectSearches(t testing.TB, want string) {
	t.Helper()
	if got := a.header.Get(headerSearches); got != want {
		t.Fatalf("searches %q, want %q; %d %s", got, want, a.status, cut(a.body))
	}
}

const notes = `{"index":"notes"}`

// TestMultiSearchIsItsSearches compares each response with what the same search is answered alone.
func TestMultiSearchIsItsSearches(t *testing.T) {
	for _, name := range []string{"opensearch-3.8", "elasticsearch-9.5"} {
		t.Run(name, func(t *testing.T) {
			e := startEngine(t, recorded(t, name, "all"))
			answerMulti(e, nil)
			r := startProxy(t, e, setup{})
			searches := []string{"{" + query + "}", "{" + query + `,"from":2,"size":5}`, `{"query":{"match":{"text":"battery"}}}`}
			a := r.msearch(t, notes, searches[0], notes, searches[1], notes, searches[2])
			a.expect(t, StatusReranked, "")
			a.expectSearches(t, "reranked;n=3")
			if a.header.Get(HeaderModel) == "" || a.header.Get(headerQueryID) == "" {
				t.Errorf("%v", a.header)
			}
			requests := e.requests()
			if len(requests) != 1 || strings.Count(string(requests[0].body), "\n") != 6 || strings.Count(string(requests[0].body), notes+"\n") != 3 {
				t.Errorf("the engine got %d requests, %q", len(requests), requests[0].body)
			}
			for i, part := range a.parts(t) {
				alone := r.do(t, "POST", "/notes/_search", searches[i])
				alone.expect(t, StatusReranked, "")
				if !bytes.HasSuffix(part.body, []byte(`,"status":200}`)) || !sameHits(part.hits(t), alone.hits(t)) {
					t.Errorf("search %d: %s\nalone: %s", i, part.body, alone.body)
				}
			}
		})
	}
}

// TestMultiSearchLeavesTheRestAlone mixes searches that are re-ranked with others: their lines and their answers stay.
func TestMultiSearchLeavesTheRestAlone(t *testing.T) {
	const missing = `{"error":{"type":"index_not_found_exception","reason":"no such index [gone]"},"status":404}`
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	answerMulti(e, func(_, i int, _ string) string {
		if i == 3 {
			return missing
		}
		return ""
	})
	r := startProxy(t, e, setup{})
	lines := []string{
		notes, "{" + query + ` ,"sort":["n"]}`,
		notes, "{" + query + `, "size":2}`,
		` {"index":["notes"],"preference":"p"} `, `{"query":{"match_all":{}}}`,
		`{"index":"gone"}`, "{" + query + "}",
		notes, "{" + query + `,"size":1,"size":2}`,
		`{"index":"notes","surprise":1}`, "{" + query + "}",
		notes, "not json\r",
	}
	a := r.msearch(t, lines...)
	a.expect(t, StatusFallback, ReasonEngineStatus)
	a.expectSearches(t, "bypassed;reason=sort, reranked, bypassed;reason=no_query_text, fallback;reason=engine_status, "+
		"bypassed;reason=duplicate_key, bypassed;reason=multi_search, bypassed;reason=malformed_body")
	requests := e.requests()
	if len(requests) != 1 {
		t.Fatalf("%d requests: a missing index stays so", len(requests))
	}
	got := strings.Split(string(requests[0].body), "\n")
	for i, line := range lines {
		if i != 3 && i != 7 && got[i] != line {
			t.Errorf("line %d is %q, was %q", i, got[i], line)
		}
	}
	parts := a.parts(t)
	if string(parts[3].body) != missing {
		t.Errorf("%s", parts[3].body)
	}
	first := e.all.page(0, 10).body
	if want := string(first[:len(first)-1]) + `,"status":200}`; string(parts[0].body) != want {
		t.Errorf("%s\nwant %s", parts[0].body, want)
	}
	if len(parts[1].hits(t)) != 2 {
		t.Errorf("%s", parts[1].body)
	}
}

// TestFailedSearchFallsBackAlone has the engine refuse one rewritten search: its own is asked for again, without the others.
func TestFailedSearchFallsBackAlone(t *testing.T) {
	const refused = `{"error":{"type":"search_phase_execution_exception","reason":"too wide"},"status":400}`
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	answerMulti(e, func(request, i int, body string) string {
		if strings.Contains(body, "battery") && strings.Contains(body, `"size":20`) {
			return refused
		}
		return ""
	})
	r := startProxy(t, e, setup{})
	const own = `{"query":{"match":{"text":"battery"}},"size":3}`
	a := r.msearch(t, notes, "{"+query+"}", notes, own, notes, "{"+query+`,"from":1}`)
	a.expect(t, StatusFallback, ReasonEngineStatus)
	a.expectSearches(t, "reranked, fallback;reason=engine_status, reranked")
	requests := e.requests()
	if len(requests) != 2 || string(requests[1].body) != notes+"\n"+own+"\n" {
		t.Fatalf("%d requests, %q", len(requests), requests[len(requests)-1].body)
	}
	page := e.all.page(0, 3).body
	if want := string(page[:len(page)-1]) + `,"status":200}`; string(a.parts(t)[1].body) != want {
		t.Errorf("%s\nwant %s", a.parts(t)[1].body, want)
	}
}

// TestLateSearchOfAMultiSearchIsCutFromItsWindow lets the model be late for one of two searches.
func TestLateSearchOfAMultiSearchIsCutFromItsWindow(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	answerMulti(e, nil)
	r := startProxy(t, e, setup{})
	r.scorer.score = func(_ context.Context, q string, p []string) (reranker.Result, error) {
		switch q {
		case "late":
			return reranker.Result{}, context.DeadlineExceeded
		case "broken":
			panic("a fault")
		}
		return opinions(q, p), nil
	}
	late := func(q string) string { return `{"query":{"match":{"text":"` + q + `"}},"from":2,"size":5}` }
	a := r.msearch(t, notes, "{"+query+"}", notes, late("late"), notes, late("broken"))
	a.expect(t, StatusFallback, ReasonDeadline)
	a.expectSearches(t, "reranked, fallback;reason=deadline, fallback;reason=internal")
	if n := len(e.requests()); n != 1 {
		t.Errorf("%d requests", n)
	}
	page := e.all.page(2, 5).body
	for _, part := range a.parts(t)[1:] {
		if want := string(page[:len(page)-1]) + `,"status":200}`; string(part.body) != want {
			t.Errorf("%s\nwant %s", part.body, want)
		}
	}
}

// TestMultiSearchThatCannotBeTakenApart goes to the engine byte for byte.
func TestMultiSearchThatCannotBeTakenApart(t *testing.T) {
	whole := notes + "\n{" + query + "}\n"
	for name, c := range map[string]struct {
		target, body string
		header       []string
		reason       Reason
	}{
		"line break at the start":  {"/_msearch", "\n" + whole, nil, ReasonMultiSearch},
		"no line break at the end": {"/_msearch", strings.TrimSuffix(whole, "\n"), nil, ReasonMultiSearch},
		"one line":                 {"/_msearch", notes + "\n", nil, ReasonMultiSearch},
		"nothing":                  {"/_msearch", "", nil, ReasonMultiSearch},
		"source":                   {"/_msearch?source=x", whole, nil, ReasonMultiSearch},
		"a parameter twice":        {"/_msearch?typed_keys=true&typed_keys=false", whole, nil, ReasonQueryString},
		"index twice":              {"/notes/_msearch?index=other", whole, nil, ReasonQueryString},
		"yaml":                     {"/_msearch?format=yaml", whole, nil, ReasonAnswerFormat},
		"cbor":                     {"/_msearch", whole, []string{"Content-Type", "application/cbor"}, ReasonContentType},
		"smile":                    {"/_msearch", whole, []string{"Content-Type", "application/smile"}, ReasonContentType},
		"too many":                 {"/_msearch", strings.Repeat(whole, 9), nil, ReasonTooManySearches},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
			answerMulti(e, nil)
			r := startProxy(t, e, setup{options: func(o *Options) { o.Limits.Searches = 8 }})
			a := r.do(t, "POST", c.target, c.body, append([]string{"Content-Type", "application/x-ndjson"}, c.header...)...)
			a.expect(t, StatusBypassed, c.reason)
			a.expectSearches(t, "")
			got := e.requests()
			if len(got) != 1 || string(got[0].body) != c.body || got[0].uri != c.target {
				t.Errorf("the engine got %+v", got)
			}
		})
	}
}

// TestBypassedMultiSearchIsForwarded keeps every byte of a multi-search none of whose searches is re-ranked.
func TestBypassedMultiSearchIsForwarded(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	answerMulti(e, nil)
	r := startProxy(t, e, setup{})
	body := "{}\r\n" + `{ "size": 0}` + "\r\n\n{}\n{}\n"
	a := r.do(t, "GET", "/notes/_msearch?filter_path=took&typed_keys", body, "Content-Type", "application/x-ndjson")
	a.expect(t, StatusBypassed, ReasonSizeZero)
	a.expectSearches(t, "bypassed;reason=size_zero, bypassed;reason=no_query_text")
	if got := e.requests(); len(got) != 1 || string(got[0].body) != body || got[0].uri != "/notes/_msearch?filter_path=took&typed_keys" {
		t.Errorf("%+v", got)
	}
}

// TestMultiSearchFilterPath is for the final answer: the engine is asked for all of it.
func TestMultiSearchFilterPath(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	answerMulti(e, nil)
	r := startProxy(t, e, setup{})
	a := r.do(t, "POST", "/notes/_msearch?typed_keys=true&filter_path=responses.hits.hits._id,responses.status&max_concurrent_searches=2",
		"{}\n{"+query+`,"size":2}`+"\n{}\n"+`{"size":0}`+"\n", "Content-Type", "application/vnd.elasticsearch+x-ndjson; compatible-with=8")
	a.expect(t, StatusReranked, "")
	a.expectSearches(t, "reranked, bypassed;reason=size_zero")
	if got := e.requests()[0].uri; got != "/notes/_msearch?typed_keys=true&max_concurrent_searches=2" {
		t.Errorf("the engine got %s", got)
	}
	hits := a.parts(t)[0].hits(t)
	want := fmt.Sprintf(`{"responses":[{"hits":{"hits":[{"_id":%q},{"_id":%q}]},"status":200},{"status":200}]}`, hits[0].ID, hits[1].ID)
	if string(a.body) != want {
		t.Errorf("%s\nwant %s", a.body, want)
	}
}

// TestControlsInsideAMultiSearch reads ext.resift and the engines' own requests to re-rank in each search.
func TestControlsInsideAMultiSearch(t *testing.T) {
	e := startEngine(t, recorded(t, "elasticsearch-9.5", "all"))
	answerMulti(e, nil)
	r := startProxy(t, e, setup{})
	var mu syncBuffer
	r.scorer.score = func(_ context.Context, q string, p []string) (reranker.Result, error) {
		fmt.Fprintf(&mu, "%s %d\n", q, len(p))
		return opinions(q, p), nil
	}
	a := r.msearch(t,
		notes, "{"+query+`,"ext":{"resift":{"query_text":"one","window":3}}}`,
		notes, "{"+query+`,"ext":{"resift":{"mode":"off"}}}`,
		notes, `{"retriever":{"text_similarity_reranker":{"retriever":{"standard":{"query":{"match":{"text":"x"}}}},"field":"text","inference_text":"three","rank_window_size":14}}}`,
		notes, "{"+query+`,"ext":{"rerank":{"query_context":{"query_text":"four"}}}}`,
	)
	a.expect(t, StatusReranked, "")
	a.expectSearches(t, "reranked, bypassed;reason=mode_off, reranked;n=2")
	got := strings.Fields(mu.String())
	for _, q := range []string{"one", "three", "four"} {
		if !slices.Contains(got, q) {
			t.Errorf("the model read %q", got)
		}
	}
	if body := string(e.requests()[0].body); strings.Contains(body, "resift") || strings.Contains(body, "rerank") {
		t.Errorf("the engine got %s", body)
	}

	a = r.msearch(t, notes, "{"+query+"}", notes, "{"+query+`,"ext":{"resift":{"window":0}}}`)
	if a.status != 400 || !strings.Contains(string(a.body), "search 2 of the multi-search: [ext.resift.window]") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if n := len(e.requests()); n != 1 {
		t.Errorf("the engine got %d requests", n)
	}

	a = r.do(t, "POST", "/_msearch", notes+"\n{"+query+`,"ext":{"resift":{"details":true}}}`+"\n", "Content-Type", "application/json", "X-Resift-Mode", "off")
	a.expect(t, StatusBypassed, ReasonModeOff)
	if got := string(e.requests()[1].body); got != notes+"\n{"+query+"}\n" {
		t.Errorf("the engine got %s", got)
	}
}

// TestSearchesOfAMultiSearchTakeSlots leaves those over the limit to the engine, in the same request.
func TestSearchesOfAMultiSearchTakeSlots(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	answerMulti(e, nil)
	r := startProxy(t, e, setup{options: func(o *Options) { o.Limits.Searches = 3 }})
	inside, goOn := make(chan struct{}, 2), make(chan struct{})
	r.scorer.score = func(_ context.Context, q string, p []string) (reranker.Result, error) {
		if q == "slow" {
			inside <- struct{}{}
			<-goOn
		}
		return opinions(q, p), nil
	}
	first := make(chan answer, 1)
	go func() {
		body := strings.Repeat(notes+"\n{"+query+`,"ext":{"resift":{"query_text":"slow"}}}`+"\n", 1)
		a, err := r.try(context.Background(), "POST", "/_msearch", body+strings.ReplaceAll(body, `"slow"`, `"quick"`))
		if err != nil {
			t.Error(err)
		}
		first <- a
	}()
	<-inside
	a := r.msearch(t, notes, "{"+query+`,"size":1}`, notes, "{"+query+`,"size":2}`)
	a.expect(t, StatusFallback, ReasonOverloaded)
	a.expectSearches(t, "reranked, fallback;reason=overloaded")
	page := e.all.page(0, 2).body
	if want := string(page[:len(page)-1]) + `,"status":200}`; string(a.parts(t)[1].body) != want {
		t.Errorf("%s", a.parts(t)[1].body)
	}
	close(goOn)
	a = <-first
	a.expect(t, StatusReranked, "")
	a = r.msearch(t, notes, "{"+query+"}", notes, "{"+query+"}", notes, "{"+query+"}")
	a.expect(t, StatusReranked, "")
}

// TestErrorInPlaceOfASearch is on_failure: error in a multi-search.
func TestErrorInPlaceOfASearch(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	answerMulti(e, nil)
	r := startProxy(t, e, setup{rule: func(rule *Rule) { rule.OnFailure = OnFailureError }})
	r.scorer.score = func(_ context.Context, q string, p []string) (reranker.Result, error) {
		if q == "late" {
			return reranker.Result{}, context.DeadlineExceeded
		}
		return opinions(q, p), nil
	}
	a := r.msearch(t, notes, "{"+query+"}", notes, `{"query":{"match":{"text":"late"}}}`)
	if a.expectSearches(t, "reranked, fallback;reason=deadline"); a.status != 200 {
		t.Fatalf("%d", a.status)
	}
	var failed struct {
		Error  struct{ Type string }
		Status int
	}
	if err := json.Unmarshal(a.parts(t)[1].body, &failed); err != nil || failed.Status != 503 || failed.Error.Type != "rerank_failed_exception" {
		t.Errorf("%v %s", err, a.parts(t)[1].body)
	}
	if len(a.parts(t)[0].hits(t)) == 0 {
		t.Errorf("%s", a.body)
	}
}

// TestMultiSearchFailsOpen ends whole multi-searches in the engine's own answer.
func TestMultiSearchFailsOpen(t *testing.T) {
	body := notes + "\n{" + query + "}\n" + notes + "\n" + `{"size":0}` + "\n"
	for name, c := range map[string]struct {
		answer string
		status int
		reason Reason
	}{
		"refused":             {`{"error":{"type":"parsing_exception"},"status":400}`, 400, ReasonEngineStatus},
		"one response":        {`{"took":1,"responses":[{"hits":{"hits":[]},"status":200}]}`, 200, ReasonAnswer},
		"no responses":        {`{"took":1}`, 200, ReasonAnswer},
		"responses of no use": {`{"took":1,"responses":[1,2]}`, 200, ReasonAnswer},
		"broken":              {`{"took":1,"responses":[`, 200, ReasonAnswer},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
			e.answer = func(w http.ResponseWriter, r *http.Request, got []byte) bool {
				if string(got) == body {
					w.Write([]byte(`{"took":1,"responses":"the engine's own"}`))
				} else {
					w.WriteHeader(c.status)
					w.Write([]byte(c.answer))
				}
				return true
			}
			r := startProxy(t, e, setup{})
			a := r.do(t, "POST", "/_msearch", body, "Content-Type", "application/x-ndjson")
			a.expect(t, StatusFallback, c.reason)
			a.expectSearches(t, "fallback;reason="+string(c.reason)+", bypassed;reason=size_zero")
			if string(a.body) != `{"took":1,"responses":"the engine's own"}` {
				t.Errorf("%s", a.body)
			}
		})
	}
}

// TestForbiddenMultiSearch is the engine's own answer, with no second request.
func TestForbiddenMultiSearch(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		w.WriteHeader(403)
		w.Write([]byte("no"))
		return true
	}
	r := startProxy(t, e, setup{})
	a := r.msearch(t, notes, "{"+query+"}")
	a.expect(t, StatusFallback, ReasonEngineStatus)
	if a.status != 403 || string(a.body) != "no" || len(e.requests()) != 1 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestTelemetryOfAMultiSearch(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	answerMulti(e, nil)
	o := startObserved(t, e)
	o.msearch(t, notes, "{"+query+"}", notes, `{"size":0}`, notes, "{"+query+`,"from":1}`).expect(t, StatusReranked, "")
	want := []string{"bypassed/size_zero 1", "reranked/ 2"}
	var got []string
	eventually(t, "all searches are counted", func() bool {
		got = counts(t, o.collect(t)["resift.requests"])
		return slices.Equal(got, want)
	})
	eventually(t, "all spans are over", func() bool {
		searches, listed := 0, false
		for _, s := range o.spans.GetSpans() {
			if s.Name == "search" {
				searches++
				set := attribute.NewSet(s.Attributes...)
				v, _ := set.Value("resift.searches")
				listed = listed || v.AsString() == "reranked, bypassed;reason=size_zero, reranked"
			}
		}
		return searches == 3 && listed
	})
}
