package proxy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	"github.com/resift/resift/reranker"
)

const (
	clientTrace = "4bf92f3577b34da6a3ce929d0e0e4736"
	clientSpan  = "00f067aa0ba902b7"
	traceparent = "00-" + clientTrace + "-" + clientSpan + "-01"
)

// observed is a rig whose spans and metrics can be read.
type observed struct {
	*rig
	spans   *tracetest.InMemoryExporter
	metrics *sdkmetric.ManualReader
}

func startObserved(t *testing.T, e *engine) observed { return startObservedBy(t, e, setup{}) }

func startObservedBy(t *testing.T, e *engine, s setup) observed {
	t.Helper()
	o := observed{spans: tracetest.NewInMemoryExporter(), metrics: sdkmetric.NewManualReader()}
	tp := sdktrace.NewTracerProvider(sdktrace.WithSyncer(o.spans))
	mp := sdkmetric.NewMeterProvider(sdkmetric.WithReader(o.metrics))
	t.Cleanup(func() {
		tp.Shutdown(context.Background())
		mp.Shutdown(context.Background())
	})
	more := s.options
	s.options = func(o *Options) {
		o.TracerProvider, o.MeterProvider = tp, mp
		if more != nil {
			more(o)
		}
	}
	o.rig = startProxy(t, e, s)
	return o
}

// finished waits for the span of the search itself, which ends after its answer, and returns all by name.
func (o observed) finished(t *testing.T) map[string]tracetest.SpanStub {
	t.Helper()
	spans := map[string]tracetest.SpanStub{}
	eventually(t, "the search's span is over", func() bool {
		for _, s := range o.spans.GetSpans() {
			spans[s.Name] = s
		}
		_, ok := spans["search"]
		return ok
	})
	return spans
}

func TestSpansOfASearch(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	o := startObserved(t, e)
	o.search(t, "", "Traceparent", traceparent).expect(t, StatusReranked, "")
	spans := o.finished(t)
	search := spans["search"]
	if search.SpanKind != trace.SpanKindServer || search.Parent.SpanID().String() != clientSpan || search.SpanContext.TraceID().String() != clientTrace {
		t.Errorf("the search's span is no child of the client's: %+v", search)
	}
	for name, kind := range map[string]trace.SpanKind{
		"plan": trace.SpanKindInternal, "engine": trace.SpanKindClient, "tokenize": trace.SpanKindInternal, "score": trace.SpanKindInternal,
	} {
		s, ok := spans[name]
		if !ok || s.SpanKind != kind || s.Parent.SpanID() != search.SpanContext.SpanID() {
			t.Errorf("span %s: there: %v, %+v", name, ok, s)
		}
	}
	want := fmt.Sprintf("00-%s-%s-01", clientTrace, spans["engine"].SpanContext.SpanID())
	if got := e.requests()[0].header.Get("Traceparent"); got != want {
		t.Errorf("the engine got the trace %q, want %q", got, want)
	}
	attributes := attribute.NewSet(search.Attributes...)
	for key, want := range map[attribute.Key]string{
		"resift.status": "reranked", "resift.reason": "", "resift.window": "20", "resift.model": "default", "resift.pairs": "20", "resift.cache.hits": "0", "resift.tokens": "140",
	} {
		if v, ok := attributes.Value(key); !ok || v.String() != want && !(want == "20" && v.String() == "19") && !(want == "140" && v.String() == "133") {
			t.Errorf("%s = %q, want %q", key, v.String(), want)
		}
	}
}

func TestBypassedSearchContinuesTheTrace(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	o := startObserved(t, e)
	o.search(t, `,"sort":["n"]`, "Traceparent", traceparent).expect(t, StatusBypassed, ReasonSort)
	spans := o.finished(t)
	want := fmt.Sprintf("00-%s-%s-01", clientTrace, spans["forward"].SpanContext.SpanID())
	if got := e.requests()[0].header.Get("Traceparent"); got != want {
		t.Errorf("the engine got the trace %q, want %q", got, want)
	}
}

func TestOtherRequestsKeepTheClientsTrace(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	o := startObserved(t, e)
	o.do(t, "GET", "/_cat/indices", "", "Traceparent", traceparent, "Tracestate", "a=b")
	if got := e.requests()[0].header; got.Get("Traceparent") != traceparent || got.Get("Tracestate") != "a=b" {
		t.Errorf("%v", got)
	}
}

func TestMetrics(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	o := startObserved(t, e)
	o.search(t, "").expect(t, StatusReranked, "")
	o.search(t, "").expect(t, StatusReranked, "")
	o.search(t, `,"sort":["n"]`).expect(t, StatusBypassed, ReasonSort)
	o.scorer.score = func(context.Context, string, []string) (reranker.Result, error) {
		return reranker.Result{}, reranker.ErrOverloaded
	}
	o.search(t, "", "X-Resift-Query", "other").expect(t, StatusFallback, ReasonOverloaded)
	o.do(t, "GET", "/_cat/indices", "")
	o.do(t, "GET", "/", "", "Connection", "Authorization")
	want := []string{"bypassed/sort 1", "fallback/overloaded 1", "forwarded/ 1", "refused/ 1", "reranked/ 2"}
	var got []string
	eventually(t, "all requests are counted", func() bool {
		got = counts(t, o.collect(t)["resift.requests"])
		return slices.Equal(got, want)
	})
	all := o.collect(t)
	if n := all["resift.pairs.scored"].Data.(metricdata.Sum[int64]).DataPoints[0].Value; n < 9 || n > 20 {
		t.Errorf("%d pairs", n) // of two equal searches; the second comes from the cache
	}
	stages := map[string]bool{}
	for _, p := range all["resift.stage.duration"].Data.(metricdata.Histogram[float64]).DataPoints {
		v, _ := p.Attributes.Value("stage")
		stages[v.AsString()] = true
	}
	for _, name := range stageNames {
		if !stages[name] {
			t.Errorf("no time for the stage %s", name)
		}
	}
	if n := len(all["resift.request.duration"].Data.(metricdata.Histogram[float64]).DataPoints); n != len(want) {
		t.Errorf("%d series of request durations", n)
	}
}

func (o observed) collect(t *testing.T) map[string]metricdata.Metrics {
	t.Helper()
	var rm metricdata.ResourceMetrics
	if err := o.metrics.Collect(t.Context(), &rm); err != nil {
		t.Fatal(err)
	}
	all := map[string]metricdata.Metrics{}
	for _, s := range rm.ScopeMetrics {
		for _, m := range s.Metrics {
			all[m.Name] = m
		}
	}
	return all
}

func counts(t *testing.T, m metricdata.Metrics) []string {
	t.Helper()
	sum, ok := m.Data.(metricdata.Sum[int64])
	if !ok {
		return nil
	}
	var lines []string
	for _, p := range sum.DataPoints {
		status, _ := p.Attributes.Value("status")
		reason, _ := p.Attributes.Value("reason")
		lines = append(lines, fmt.Sprintf("%s/%s %d", status.AsString(), reason.AsString(), p.Value))
	}
	slices.Sort(lines)
	return lines
}

// TestNothingSecretIsRecorded runs searches that end in every way and looks for the query, the texts and the credentials in
// logs, spans and errors.
func TestNothingSecretIsRecorded(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	o := startObserved(t, e)
	secret := []string{"Authorization", "Bearer s3cr3t", "X-Resift-Query", "mysterious words"}
	o.search(t, "", secret...).expect(t, StatusReranked, "")
	o.search(t, `,"sort":["n"]`, secret...).expect(t, StatusBypassed, ReasonSort)
	o.scorer.score = func(context.Context, string, []string) (reranker.Result, error) { panic("a fault") }
	secret[3] = "mysterious other words"
	o.search(t, "", secret...).expect(t, StatusFallback, ReasonInternal)
	e.Close()
	a := o.search(t, "", secret...)
	if a.status != 502 {
		t.Fatalf("%d %s", a.status, a.body)
	}
	o.do(t, "GET", "/notes/_search?q=mysterious+parameter", "", secret[:2]...)
	o.finished(t)
	spans, err := json.Marshal(o.spans.GetSpans())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(o.logs.String(), "a fault") || !strings.Contains(string(spans), "resift.status") {
		t.Fatal("there is nothing to look at")
	}
	for where, text := range map[string]string{"log": o.logs.String(), "spans": string(spans), "error": string(a.body)} {
		for _, word := range []string{"s3cr3t", "mysterious", "how to repair", "Battery", "127.0.0.1"} {
			if where == "log" && word == "127.0.0.1" {
				continue // the operator may know the engine's address
			}
			if strings.Contains(text, word) {
				t.Errorf("%q stands in the %s", word, where)
			}
		}
	}
}
