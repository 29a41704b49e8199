package proxy

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
)

// templated is what an engine makes of the body of a search by template: one of its own that it renders, or ours, whose only
// parameter is the search.
func templated(body []byte) (search string, ok bool) {
	var t struct {
		ID     string
		Source json.RawMessage
		Params struct{ Q, Search string }
	}
	if json.Unmarshal(body, &t) != nil || t.ID == "gone" {
		return "", false
	}
	source := string(t.Source)
	_ = json.Unmarshal(t.Source, &source)
	if t.ID != "" {
		source = `{"query":{"match":{"text":"{{q}}"}},"from":2,"size":5}`
	}
	if source == "{{{search}}}" {
		return t.Params.Search, true
	}
	q, _ := json.Marshal(t.Params.Q) // as the engines' templates write a text into JSON
	return strings.ReplaceAll(source, "{{q}}", string(q[1:len(q)-1])), true
}

// answerTemplates has an engine render templates and answer searches by template with the pages of its recording.
func answerTemplates(e *engine) {
	const missing = `{"error":{"type":"resource_not_found_exception"},"status":404}`
	answerMulti(e, nil)
	multi := e.answer
	e.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		search, ok := templated(body)
		switch {
		case strings.HasSuffix(r.URL.Path, "/_search"):
			return false
		case strings.HasSuffix(r.URL.Path, "/_msearch/template"):
			lines := strings.Split(string(body), "\n")
			for i := 1; i < len(lines); i += 2 {
				search, _ := templated([]byte(lines[i]))
				lines[i] = strings.ReplaceAll(search, "\n", " ")
			}
			r.URL.Path = strings.TrimSuffix(r.URL.Path, "/template")
			return multi(w, r, []byte(strings.Join(lines, "\n")))
		case !ok:
			w.WriteHeader(404)
			w.Write([]byte(missing))
		case r.URL.Path == "/_render/template":
			fmt.Fprintf(w, `{"template_output":%s}`, search)
		default:
			e.all.page(pageOf([]byte(search))).write(w)
		}
		return true
	}
}

// paths are where the engine was asked.
func (e *engine) paths() string {
	var list []string
	for _, r := range e.requests() {
		list = append(list, r.uri)
	}
	return strings.Join(list, " ")
}

const inline = `{"source":{"query":{"match":{"text":"{{q}}"}},"size":3},"params":{"q":"note \"battery\" {{x}}"}}`

// TestTemplateIsThePlainSearch compares what a template is answered with what the search that it stands for is.
func TestTemplateIsThePlainSearch(t *testing.T) {
	for name, c := range map[string]struct{ template, search string }{
		"inline":  {`{"source":{"query":{"match":{"text":"{{q}}"}},"size":3},"params":{"q":"note"}}`, `{"query":{"match":{"text":"note"}},"size":3}`},
		"text":    {`{"source":"{\"query\":{\"match\":{\"text\":\"{{q}}\"}}}","params":{"q":"note"},"explain":true}`, `{"query":{"match":{"text":"note"}},"explain":true}`},
		"stored":  {`{"id":"known","params":{"q":"note"},"explain":false,"profile":false}`, `{"query":{"match":{"text":"note"}},"from":2,"size":5}`},
		"control": {`{"source":{"query":{"match_all":{}},"ext":{"resift":{"query_text":"note"}}}}`, `{"query":{"match_all":{}},"ext":{"resift":{"query_text":"note"}}}`},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
			answerTemplates(e)
			r := startProxy(t, e, setup{})
			a := r.do(t, "POST", "/notes/_search/template?preference=p&size=1", c.template, "Authorization", "Bearer mine")
			a.expect(t, StatusReranked, "")
			if got := e.paths(); got != "/_render/template /notes/_search/template?preference=p&size=1" {
				t.Errorf("asked for %s", got)
			}
			for _, s := range e.requests() {
				if s.header.Get("Authorization") != "Bearer mine" {
					t.Errorf("%s with %v", s.uri, s.header)
				}
			}
			var sent struct {
				Explain, Profile bool
				Params           struct{ Search string }
			}
			if err := json.Unmarshal(e.requests()[1].body, &sent); err != nil || !strings.Contains(sent.Params.Search, `"size":20`) ||
				strings.Contains(sent.Params.Search, "resift") || sent.Explain != strings.Contains(c.template, `"explain":true`) {
				t.Errorf("the engine got %s", e.requests()[1].body)
			}
			alone := r.do(t, "POST", "/notes/_search", c.search)
			alone.expect(t, StatusReranked, "")
			if !sameHits(a.hits(t), alone.hits(t)) {
				t.Errorf("%s\nplain: %s", a.body, alone.body)
			}
		})
	}
}

// TestTemplateLeftAlone goes to the engine as the client sent it.
func TestTemplateLeftAlone(t *testing.T) {
	for name, c := range map[string]struct {
		query, body string
		header      []string
		reason      Reason
		renders     int
	}{
		"gone":                 {"", `{"id":"gone","params":{}}`, nil, ReasonTemplate, 1},
		"no JSON":              {"", `{"source":"no JSON"}`, nil, ReasonTemplate, 1},
		"something behind":     {"", `{"source":"{} {}"}`, nil, ReasonTemplate, 1},
		"a list":               {"", `{"source":"[]"}`, nil, ReasonTemplate, 1},
		"a key twice":          {"", `{"source":"{\"size\":1,\"size\":2}"}`, nil, ReasonDuplicateKey, 1},
		"no query text":        {"", `{"source":{"query":{"match_all":{}}}}`, nil, ReasonNoQueryText, 1},
		"an unknown member":    {"", `{"id":"known","surprise":1}`, nil, ReasonTemplate, 0},
		"an old name":          {"", `{"inline":"{}"}`, nil, ReasonTemplate, 0},
		"explain of text":      {"", `{"id":"known","explain":"true"}`, nil, ReasonTemplate, 0},
		"a member twice":       {"", `{"id":"known","id":"gone"}`, nil, ReasonTemplate, 0},
		"nothing":              {"", "", nil, ReasonContentType, 0},
		"source in the URL":    {"?source=%7B%7D", "", nil, ReasonTemplate, 0},
		"a parameter twice":    {"?size=1&size=2", inline, nil, ReasonQueryString, 0},
		"scroll":               {"?scroll=1m", inline, nil, ReasonScroll, 0},
		"mode off":             {"", inline, []string{"X-Resift-Mode", "off"}, ReasonModeOff, 0},
		"another media type":   {"", inline, []string{"Content-Type", "application/yaml"}, ReasonContentType, 0},
		"signed":               {"", inline, []string{"Content-Digest", "x"}, ReasonSigned, 0},
		"an answer of a form":  {"?format=yaml", inline, nil, ReasonAnswerFormat, 0},
		"another compression":  {"", inline, []string{"Content-Encoding", "br"}, ReasonEncoding, 0},
		"no rule for its path": {"?index=other", inline, nil, ReasonQueryString, 0},
	} {
		t.Run(name, func(t *testing.T) {
			e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
			answerTemplates(e)
			r := startProxy(t, e, setup{})
			a := r.do(t, "POST", "/notes/_search/template"+c.query, c.body, c.header...)
			a.expect(t, StatusBypassed, c.reason)
			got := e.requests()
			last := got[len(got)-1]
			if len(got) != c.renders+1 || string(last.body) != c.body || last.uri != "/notes/_search/template"+c.query {
				t.Errorf("asked for %s, %s", e.paths(), last.body)
			}
		})
	}
}

// TestTemplateFallsBack ends in the client's own template.
func TestTemplateFallsBack(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	answerTemplates(e)
	inner := e.answer
	e.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if strings.Contains(string(body), "{{{search}}}") {
			w.WriteHeader(400)
			return true
		}
		return inner(w, r, body)
	}
	r := startProxy(t, e, setup{})
	r.do(t, "POST", "/notes/_search/template", inline).expect(t, StatusFallback, ReasonEngineStatus)
	if got := e.requests(); len(got) != 3 || string(got[2].body) != inline {
		t.Errorf("asked for %s", e.paths())
	}
	a := r.do(t, "POST", "/notes/_search/template", `{"source":{"query":{"match":{"text":"x"}},"ext":{"resift":{"window":0}}}}`)
	if a.status != 400 || !strings.Contains(string(a.body), "[ext.resift.window]") {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestMultiSearchByTemplates re-ranks what can be and leaves the other lines as they came.
func TestMultiSearchByTemplates(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	answerTemplates(e)
	r := startProxy(t, e, setup{})
	lines := []string{notes, inline, "{}", `{"id":"gone"}`, notes, `{"source":"{\n\"query\":{\"match\":{\"text\":\"{{q}}\"}}}","params":{"q":"note"}}`, notes, `{"source":{"size":0}}`}
	a := r.do(t, "POST", "/notes/_msearch/template?filter_path=responses", strings.Join(lines, "\n")+"\n", "Content-Type", "application/x-ndjson")
	a.expect(t, StatusReranked, "")
	a.expectSearches(t, "reranked, bypassed;reason=template, reranked, bypassed;reason=size_zero")
	requests := e.requests()
	last := requests[len(requests)-1]
	if len(requests) != 5 || last.uri != "/notes/_msearch/template" {
		t.Fatalf("asked for %s", e.paths())
	}
	got := strings.Split(string(last.body), "\n")
	if len(got) != len(lines)+1 {
		t.Fatalf("%q", got)
	}
	for i, line := range lines {
		if rewritten := i == 1 || i == 5; (got[i] != line) != rewritten {
			t.Errorf("line %d is %q, was %q", i, got[i], line)
		}
	}
	plain := r.do(t, "POST", "/notes/_search", `{"query":{"match":{"text":"note"}}}`)
	if !sameHits(a.parts(t)[2].hits(t), plain.hits(t)) {
		t.Errorf("%s\nplain: %s", a.parts(t)[2].body, plain.body)
	}
}
