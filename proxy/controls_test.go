package proxy

import (
	"slices"
	"strings"
	"testing"
	"time"
)

func TestWrongControlsAreRefused(t *testing.T) {
	ext := func(member string) *Request {
		return ask("POST /products/_search", `{"ext":{"resift":{`+member+`}},"query":{"match":{"a":"b"}}}`)
	}
	const argument, parsing = "illegal_argument_exception", "parsing_exception"
	for _, c := range []struct {
		name         string
		r            *Request
		typ, mention string
	}{
		{"mode", ask("POST /products/_search", matchBody, "X-Resift-Mode: on"), argument, "X-Resift-Mode"},
		{"mode, in capitals", ask("POST /products/_search", matchBody, "X-Resift-Mode: OFF"), argument, "[rerank] or [off]"},
		{"mode, where no rule is", ask("POST /logs/_search", matchBody, "X-Resift-Mode: on"), argument, "X-Resift-Mode"},
		{"arm", ask("POST /products/_search", matchBody, "X-Resift-Arm: b"), argument, "X-Resift-Arm"},
		{"model, where no rule is", ask("POST /logs/_search", matchBody, "X-Resift-Model: large"), argument, "X-Resift-Model"},
		{"two modes", ask("POST /products/_search", matchBody, "X-Resift-Mode: off", "X-Resift-Mode: rerank"), argument, "more than once"},
		{"an empty query", ask("POST /products/_search", matchBody, "X-Resift-Query: "), argument, "X-Resift-Query"},
		{"a query not in UTF-8", ask("POST /products/_search", matchBody, "X-Resift-Query: caf\xe9"), argument, "UTF-8"},
		{"window 0", ask("POST /products/_search", matchBody, "X-Resift-Window: 0"), argument, "X-Resift-Window"},
		{"window no number", ask("POST /products/_search", matchBody, "X-Resift-Window: all"), argument, "X-Resift-Window"},
		{"window past the limit", ask("POST /products/_search", matchBody, "X-Resift-Window: 201"), argument, "at most 200"},
		{"ext no object", ask("POST /products/_search", `{"ext":{"resift":true}}`), parsing, "must be an object"},
		{"ext unknown member", ext(`"windows":3`), parsing, "[windows]"},
		{"ext mode", ext(`"mode":"no"`), argument, "[ext.resift.mode]"},
		{"ext mode no string", ext(`"mode":false`), parsing, "[ext.resift.mode]"},
		{"ext query empty", ext(`"query_text":" "`), argument, "[ext.resift.query_text]"},
		{"ext window a string", ext(`"window":"30"`), parsing, "[ext.resift.window]"},
		{"ext window a fraction", ext(`"window":3.5`), argument, "[ext.resift.window]"},
		{"ext window past the limit", ext(`"window":1000`), argument, "at most 200"},
		{"ext fields a number", ext(`"fields":3`), parsing, "[ext.resift.fields]"},
		{"ext fields empty", ext(`"fields":[]`), argument, "1 to 32"},
		{"ext fields many", ext(`"fields":[` + strings.Repeat(`"a",`, 32) + `"a"]`), argument, "1 to 32"},
		{"ext fields wildcard", ext(`"fields":["t*"]`), argument, "wildcards"},
		{"ext fields long", ext(`"fields":["` + strings.Repeat("a", 1001) + `"]`), argument, "1000 bytes"},
		{"ext timeout without a unit", ext(`"timeout":"500"`), argument, "[ext.resift.timeout]"},
		{"ext timeout a number", ext(`"timeout":500`), parsing, "[ext.resift.timeout]"},
		{"ext timeout zero", ext(`"timeout":"0s"`), argument, "[ext.resift.timeout]"},
		{"ext timeout long", ext(`"timeout":"2m"`), argument, "at most 1m0s"},
		{"ext passage", ext(`"passage":1`), parsing, "[ext.resift.passage]"},
		{"ext details", ext(`"details":"yes"`), parsing, "[ext.resift.details]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Plan(c.r, testRules())
			if d.Refusal == nil {
				t.Fatalf("not refused: bypass %q", d.Bypass)
			}
			if d.Refusal.Status != 400 || d.Refusal.Type != c.typ || !strings.Contains(d.Refusal.Reason, c.mention) {
				t.Errorf("%+v, want 400 %s that mentions %q", d.Refusal, c.typ, c.mention)
			}
		})
	}
}

func TestForbiddenControlsAreIgnored(t *testing.T) {
	const body = `{"query":{"match":{"a":"fox"}},"ext":{"resift":{"mode":"off","query_text":"why","model":"x","window":7,"fields":["x"],"timeout":"5ms","details":true,"passage":true}}}`
	headers := []string{"X-Resift-Mode: nonsense", "X-Resift-Query: ", "X-Resift-Window: -1", "X-Resift-Arm: control", "X-Resift-Model: x"}
	rules := testRules()

	rules.Allow = Allow{}
	d := Plan(ask("POST /products/_search", body, headers...), rules)
	if d.Bypass != "" || d.Refusal != nil || d.Query != "fox" || d.Window != 50 || d.Timeout != time.Second || d.Details {
		t.Errorf("nothing allowed: %+v", d)
	}
	if strings.Contains(string(d.First.Body), "ext") || strings.Contains(string(d.Own.Body), "ext") {
		t.Errorf("ext.resift reaches the engine: %s / %s", d.First.Body, d.Own.Body)
	}

	rules.Allow = Allow{Ext: true}
	d = Plan(ask("POST /products/_search", body, headers...), rules)
	if d.Bypass != "" || d.Query != "fox" || d.Window != 50 {
		t.Errorf("mode, query and window forbidden in ext: %+v", d)
	}
	if d.Timeout != 5*time.Millisecond || !d.Details || d.Fields[0].Path != "x" {
		t.Errorf("the rest of ext is allowed: %+v", d)
	}
}

func TestForbiddenNativeRequestsReachTheEngine(t *testing.T) {
	rules := testRules()
	rules.Allow.Native = false
	for body, want := range map[string]Reason{
		`{"retriever":{"text_similarity_reranker":{"field":"t","inference_text":"x","retriever":{"standard":{}}}}}`:    ReasonRetriever,
		`{"query":{"match":{"a":"b"}},"ext":{"rerank":{"query_context":{"query_text":"x"}}}}`:                          ReasonSearchPipeline,
		`{"query":{"match":{"a":"b"}},"ext":{"rerank":{"query_context":{"query_text":"x"}}},"search_pipeline":"mine"}`: ReasonSearchPipeline,
	} {
		r := ask("POST /products/_search", body)
		d := Plan(r, rules)
		if d.Bypass != want {
			t.Errorf("%s: %q, want %q", body, d.Bypass, want)
		}
		wantVerbatim(t, r, d)
	}
}

func TestForbiddenQueryAndWindowOfANativeRequest(t *testing.T) {
	rules := testRules()
	rules.Allow.Query, rules.Allow.Window = false, false
	d := Plan(ask("POST /products/_search", `{"retriever":{"text_similarity_reranker":{"field":"t","inference_text":"why","rank_window_size":70,
		"retriever":{"standard":{"query":{"match":{"a":"fox"}}}}}}}`), rules)
	if d.Query != "fox" || d.Window != 50 {
		t.Errorf("query %q, window %d", d.Query, d.Window)
	}
}

func TestHeadersWinOverExt(t *testing.T) {
	const body = `{"query":{"match":{"a":"fox"}},"ext":{"resift":{"mode":"off","query_text":"why","window":7}}}`
	d := Plan(ask("POST /products/_search", body, "X-Resift-Mode: rerank", "X-Resift-Query: how", "X-Resift-Window: 9"), testRules())
	if d.Bypass != "" || d.Query != "how" || d.Window != 9 {
		t.Errorf("bypass %q, query %q, window %d", d.Bypass, d.Query, d.Window)
	}
	d = Plan(ask("POST /products/_search", body), testRules())
	if d.Bypass != ReasonModeOff || string(d.Own.Body) != `{"query":{"match":{"a":"fox"}}}` || !d.OwnEdited {
		t.Errorf("bypass %q, own %s", d.Bypass, d.Own.Body)
	}
}

func TestExtControls(t *testing.T) {
	d := Plan(ask("POST /docs/_search", `{"params":{"question":"why"},"ext":{"resift":{"fields":["a","b.c","a"],"timeout":"250ms","details":false}}}`), testRules())
	var paths []string
	for _, f := range d.Fields {
		paths = append(paths, f.Path)
	}
	if !slices.Equal(paths, []string{"a", "b.c"}) || d.Timeout != 250*time.Millisecond || d.Details {
		t.Errorf("fields %v, timeout %v, details %v", paths, d.Timeout, d.Details)
	}
}

func TestControlsNeverReachTheEngine(t *testing.T) {
	for _, r := range []*Request{
		ask("POST /products/_search", matchBody, "X-Resift-Query: why", "X-Resift-Window: 3", "Authorization: Basic x"),
		ask("POST /logs/_search", matchBody, "X-Resift-Query: why", "X-Resift-Later: y", "Authorization: Basic x"),
	} {
		d := Plan(r, testRules())
		for _, out := range []Outgoing{d.Own, d.First} {
			for name := range out.Header {
				if strings.HasPrefix(name, "X-Resift") {
					t.Errorf("%s: %s reaches the engine", r.Path, name)
				}
			}
		}
		if d.Own.Header.Get("Authorization") == "" {
			t.Errorf("%s: the caller's credentials are gone", r.Path)
		}
	}
}

func TestTimeValues(t *testing.T) {
	for _, c := range []struct {
		in   string
		want time.Duration
		ok   bool
	}{
		{"2s", 2 * time.Second, true}, {"500ms", 500 * time.Millisecond, true}, {"1m", time.Minute, true}, {"1h", time.Hour, true},
		{"1d", 24 * time.Hour, true}, {"7micros", 7 * time.Microsecond, true}, {"7nanos", 7, true}, {"0s", 0, true},
		{"", 0, false}, {"s", 0, false}, {"5", 0, false}, {"-5s", 0, false}, {"+5s", 0, false}, {"1.5s", 0, false}, {"5 s", 0, false},
		{"5S", 0, false}, {"5w", 0, false}, {"99999999999s", 0, false}, {"2000000000d", 0, false},
	} {
		if got, ok := parseTimeValue(c.in); got != c.want || ok != c.ok {
			t.Errorf("%q: %v, %v; want %v, %v", c.in, got, ok, c.want, c.ok)
		}
	}
}
