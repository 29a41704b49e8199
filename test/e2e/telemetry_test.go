package e2e

import (
	"encoding/hex"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"

	"github.com/resift/resift/test/rig"
)

// Words that may be nowhere but in the request and with those who must read it.
const (
	markerWord     = "zebrafinchquery"
	markerPassword = "c2VjcmV0LW1hcmtlcg=="
	markerSource   = "zebrafinchsource"
)

// TestTelemetry follows searches into a collector: one trace from the client to the engine, and no word of what was asked.
func TestTelemetry(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		c, x := newCollector(t), newTap(t, e)
		s := withScorer(&engine{url: x.URL}, rig.NewScorer(t, rig.ReverseOrder))
		p := start(t, s, "OTEL_EXPORTER_OTLP_ENDPOINT="+c.URL, "OTEL_EXPORTER_OTLP_PROTOCOL=http/protobuf", "OTEL_LOGS_EXPORTER=otlp",
			"OTEL_BSP_SCHEDULE_DELAY=100", "OTEL_METRIC_EXPORT_INTERVAL=300", "OTEL_SERVICE_NAME=resift-e2e")
		searches := []struct {
			name, want string
			send       request
			spans      []string // beside the search's own
		}{
			{"reranked", "reranked", post("/"+docs+"/_search", `{"query":{"match":{"text":"memory `+markerWord+`"}},"size":3}`), []string{"plan", "engine", "score"}},
			{"bypassed", "bypassed sort", post("/"+docs+"/_search", `{"query":{"match":{"text":"`+markerWord+`"}},"sort":["key"]}`), []string{"plan", "forward"}},
			{"fallback", "fallback engine_status", post("/"+docs+"/_search", `{"query":{"match":{"text":"`+markerWord+`"}},"nonsense":1}`), []string{"plan", "engine", "forward"}},
			{"malformed", "bypassed malformed_body", post("/"+docs+"/_search", `{"query":"`+markerWord), []string{"plan", "forward"}},
			{"no such index", "fallback engine_status", post("/e2e-none/_search?q="+markerWord, ``), []string{"plan", "engine"}},
		}
		traces := map[string]string{}
		for i, q := range searches {
			trace, parent := fmt.Sprintf("%032x", 0xabc000+i), fmt.Sprintf("%016x", 0xdef000+i)
			traces[q.name] = trace
			a := p.ask(q.send.with("traceparent: 00-"+trace+"-"+parent+"-01", "Authorization: Basic "+markerPassword, "Cookie: session="+markerSource))
			if got := a.resiftStatus(); got != q.want {
				t.Errorf("%s: %s", q.name, a)
			}
			for _, h := range x.take() {
				if got := h.Get("Traceparent"); !strings.HasPrefix(got, "00-"+trace+"-") || strings.Contains(got, parent) {
					t.Errorf("%s: the engine saw traceparent %q in trace %s", q.name, got, trace)
				}
			}
		}
		p.ask(get("/_cat/indices?h=index").with("Authorization: Basic " + markerPassword))
		p.ask(post("/"+docs+"/_search", `{"query":{"match":{"text":"x"}},"ext":{"resift":{"`+markerWord+`":1}}}`))
		_, scraped := fetch(t, p.Admin+"/metrics")
		p.Signal(syscall.SIGTERM) // which flushes
		if code := p.Wait(stopLimit); code != 0 {
			t.Errorf("exit code %d: %s", code, p.Log)
		}
		for i, q := range searches {
			holdTrace(t, q.name, c.ofTrace(traces[q.name]), fmt.Sprintf("%016x", 0xdef000+i), q.want, q.spans)
		}
		holdSilence(t, c, scraped, p.Log.String())
	})
}

// holdTrace holds the spans of one search to their shape: the client's span is the parent of the search's.
func holdTrace(t *testing.T, name string, spans map[string][]*tracepb.Span, parent, want string, children []string) {
	t.Helper()
	if len(spans["search"]) != 1 {
		t.Errorf("%s: %d spans called search", name, len(spans["search"]))
		return
	}
	root := spans["search"][0]
	if got := hex.EncodeToString(root.ParentSpanId); got != parent {
		t.Errorf("%s: the parent is %s, want the client's %s", name, got, parent)
	}
	attributes := map[string]string{}
	for _, a := range root.Attributes {
		attributes[a.Key] = a.Value.GetStringValue()
	}
	if got := strings.TrimSpace(attributes["resift.status"] + " " + attributes["resift.reason"]); got != want {
		t.Errorf("%s: the span says %q, want %q", name, got, want)
	}
	for _, child := range children {
		if len(spans[child]) == 0 {
			t.Errorf("%s: no span called %s", name, child)
		}
		for _, s := range spans[child] {
			if string(s.ParentSpanId) != string(root.SpanId) {
				t.Errorf("%s: %s is no child of the search", name, child)
			}
			if s.StartTimeUnixNano < root.StartTimeUnixNano || s.EndTimeUnixNano > root.EndTimeUnixNano {
				t.Errorf("%s: %s lies outside the search", name, child)
			}
		}
	}
}

// holdSilence holds spans, metrics and log lines to keeping to themselves what was asked and by whom.
func holdSilence(t *testing.T, c *collector, scraped, log string) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, err := range c.faults {
		t.Error("collector:", err)
	}
	if c.logs == 0 || len(c.spans) == 0 || !c.metrics["resift.requests"] {
		t.Errorf("the collector got %d log records, %d spans, metrics %v", c.logs, len(c.spans), c.metrics)
	}
	for where, text := range map[string]string{"what the collector got": c.raw.String(), "/metrics": scraped, "the log": log} {
		for _, marker := range []string{markerWord, markerPassword, markerSource, "secret-marker"} {
			if at := strings.Index(text, marker); at >= 0 {
				t.Errorf("%s holds %q: %q", where, marker, text[max(0, at-100):min(len(text), at+100)])
			}
		}
	}
}

var sample = regexp.MustCompile(`(?m)^(resift_[a-z_]+)(?:\{([^}]*)\})? \S+$`)
var label = regexp.MustCompile(`([a-z_]+)="([^"]*)"`)

// TestMetrics holds /metrics to the documented names and to labels from closed sets.
func TestMetrics(t *testing.T) {
	p := start(t, settings{
		engine: shared.opensearch.url, reranker: fmt.Sprintf("{backend: tei, url: %q}", rig.NewScorer(t, rig.ReverseOrder).URL),
	})
	for _, r := range []request{
		post("/"+docs+"/_search", plainSearch), post("/"+docs+"/_search", plainSearch), post("/"+docs+"/_search", `{`), get("/e2e-none/_search?q=x"),
		get("/_cat/indices"), get("/" + docs + "/_search?q=text:system&sort=key"), {method: "PROPFIND", target: "/"},
	} {
		p.ask(r)
	}
	// A search is counted after its answer has gone out.
	eventually(t, "all are counted", 10*time.Second, func() bool { return metric(t, p, "resift_requests_total") == 7 })
	_, text := fetch(t, p.Admin+"/metrics")
	allowed := map[string][]string{
		"status": {"reranked", "partial", "bypassed", "fallback", "forwarded", "refused", "canceled"},
		"model":  {"default"},
		"stage":  {"plan", "engine", "tokenize", "queue", "score", "answer"},
	}
	word := regexp.MustCompile(`^[a-z_]*$`)
	seen := map[string]bool{}
	for _, m := range sample.FindAllStringSubmatch(text, -1) {
		seen[m[1]] = true
		for _, l := range label.FindAllStringSubmatch(m[2], -1) {
			switch values, closed := allowed[l[1]]; {
			case closed && !slices.Contains(values, l[2]):
				t.Errorf("%s has %s=%q", m[1], l[1], l[2])
			case l[1] == "reason" && !word.MatchString(l[2]):
				t.Errorf("%s has reason %q", m[1], l[2])
			case !closed && l[1] != "reason" && l[1] != "le" && !strings.HasPrefix(l[1], "otel_scope_"):
				t.Errorf("%s has a label %s", m[1], l[1])
			}
		}
	}
	for _, name := range []string{
		"resift_requests_total", "resift_stage_duration_seconds_bucket", "resift_request_duration_seconds_bucket", "resift_pairs_scored_total",
		"resift_batch_pairs_bucket", "resift_batch_tokens_bucket", "resift_queue_pairs", "resift_cache_hits_total", "resift_cache_misses_total",
		"resift_cache_evictions_total", "resift_cache_bytes", "resift_reload_success", "resift_reload_timestamp_seconds",
	} {
		if !seen[name] {
			t.Errorf("no metric %s", name)
		}
	}
	for _, x := range []struct {
		labels []string
		want   float64
	}{
		{[]string{`status="reranked"`}, 2}, {[]string{`status="bypassed"`, `reason="malformed_body"`}, 1}, {[]string{`status="bypassed"`, `reason="sort"`}, 1},
		{[]string{`status="fallback"`, `reason="engine_status"`}, 1}, {[]string{`status="forwarded"`}, 2},
	} {
		if got := metric(t, p, "resift_requests_total", x.labels...); got != x.want {
			t.Errorf("resift_requests_total%v is %v, want %v", x.labels, got, x.want)
		}
	}
	if t.Failed() {
		t.Log(strings.Join(slices.Sorted(maps.Keys(seen)), "\n"))
	}
}
