package proxy

import (
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

var (
	uuidV7 = regexp.MustCompile(`^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$`)
	timing = regexp.MustCompile(`^[a-z]+;dur=\d+\.\d{3}(, [a-z]+;dur=\d+\.\d{3})*(, cache;desc="\d+ of \d+ pairs", total;dur=\d+\.\d{3})?$`)
)

func TestEverySearchSaysWhatBecameOfIt(t *testing.T) {
	e := startEngine(t, recorded(t, "elasticsearch-9.5", "all"))
	r := startProxy(t, e, setup{})
	for _, c := range []struct {
		more   string
		header []string
		status Status
		reason Reason
		arm    string
	}{
		{"", nil, StatusReranked, "", armTreatment},
		{`,"size":0`, nil, StatusBypassed, ReasonSizeZero, armTreatment},
		{`,"sort":["n"]`, nil, StatusBypassed, ReasonSort, armTreatment},
		{"", []string{"X-Resift-Mode", "off"}, StatusBypassed, ReasonModeOff, armTreatment},
		{"", []string{"X-Resift-Arm", "control"}, StatusBypassed, ReasonControlArm, armControl},
	} {
		a := r.search(t, c.more, c.header...)
		a.expect(t, c.status, c.reason)
		if got := a.header.Get(headerArm); got != c.arm {
			t.Errorf("%v: arm %q", c, got)
		}
		if id := a.header.Get(headerQueryID); !uuidV7.MatchString(id) {
			t.Errorf("%v: query id %q", c, id)
		}
		if got, want := a.header.Get(HeaderModel), map[Status]string{StatusReranked: "hash-scorer@01234567"}[c.status]; got != want {
			t.Errorf("%v: model %q, want %q", c, got, want)
		}
		if v := a.header.Get(headerTiming); !timing.MatchString(v) {
			t.Errorf("%v: Server-Timing %q", c, v)
		}
		if n := a.header.Get("Content-Length"); c.status == StatusReranked && n != strconv.Itoa(len(a.body)) {
			t.Errorf("%v: Content-Length %q, %d bytes", c, n, len(a.body))
		}
		if a.header.Get("X-Elastic-Product") != "Elasticsearch" || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%v: %v", c, a.header)
		}
	}
	if other := r.do(t, "GET", "/_cat/indices", ""); other.header.Get(headerStatus) != "" || other.header.Get(headerTiming) != "" {
		t.Errorf("a request that is no search is marked: %v", other.header)
	}
}

func TestServerTimingTellsTheStages(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		w.Header().Set("Server-Timing", "shard;dur=3")
		return false
	}
	r := startProxy(t, e, setup{})
	values := r.search(t, "").header.Values("Server-Timing")
	want := regexp.MustCompile(`^plan;dur=[\d.]+, engine;dur=[\d.]+, tokenize;dur=1\.000, queue;dur=0\.001, score;dur=2\.000, answer;dur=[\d.]+, cache;desc="0 of 19 pairs", total;dur=[\d.]+$`)
	if len(values) != 2 || values[0] != "shard;dur=3" || !want.MatchString(values[1]) {
		t.Errorf("%q", values)
	}
	again := r.search(t, "").header.Values("Server-Timing")
	if len(again) != 2 || !strings.Contains(again[1], `, cache;desc="19 of 19 pairs", `) {
		t.Errorf("with all scores known: %q", again)
	}
	answerMulti(e, nil)
	multi := r.msearch(t, "{}", "{"+query+"}", "{}", `{"query":{"match":{"text":"another"}}}`).header.Get("Server-Timing")
	if !strings.Contains(multi, `, cache;desc="19 of 38 pairs", `) {
		t.Errorf("of two searches: %q", multi)
	}
}

// TestEngineCannotSpeakForTheProxy has an engine write the proxy's own fields.
func TestEngineCannotSpeakForTheProxy(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		w.Header().Set(headerStatus, "partial")
		w.Header().Set(headerReason, "made up")
		return false
	}
	r := startProxy(t, e, setup{})
	r.search(t, "").expect(t, StatusReranked, "")
	r.search(t, `,"sort":["n"]`).expect(t, StatusBypassed, ReasonSort)
}

func TestSearchFieldsOfTheEngineSurvive(t *testing.T) {
	e := startEngine(t, recorded(t, "elasticsearch-9.5", "all"))
	e.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		w.Header()["Warning"] = []string{`299 Elasticsearch-9 "a"`, `299 Elasticsearch-9 "b"`}
		return false
	}
	r := startProxy(t, e, setup{})
	a := r.search(t, "", "X-Opaque-Id", "rec")
	a.expect(t, StatusReranked, "")
	if len(a.header.Values("Warning")) != 2 || a.header.Get("X-Opaque-Id") != "rec" {
		t.Errorf("%v", a.header)
	}
}

func TestRefusedControlIsAnErrorOfTheEnginesShape(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	a := r.search(t, "", "X-Resift-Window", "many")
	if a.status != 400 || !regexp.MustCompile(`^\{"error":\{"root_cause":\[\{"type":"[a-z_]+","reason":"[^"]+"\}\],"type":"[a-z_]+","reason":"[^"]+"\},"status":400\}$`).Match(a.body) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if n := len(e.requests()); n != 0 {
		t.Errorf("the engine got %d requests", n)
	}
}
