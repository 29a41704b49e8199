package proxy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	metricnoop "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	tracenoop "go.opentelemetry.io/otel/trace/noop"
)

// scope names the instrumentation of this package.
const scope = "github.com/resift/resift/proxy"

// Status says in one word what became of a search: the header X-Resift-Status, the metrics' label and the span's attribute.
type Status string

const (
	StatusReranked Status = "reranked" // the model's order
	StatusPartial  Status = "partial"  // the model's order as far as time allowed
	StatusBypassed Status = "bypassed" // forwarded unchanged, by the plan
	StatusFallback Status = "fallback" // the engine's own order, because something failed
)

// These statuses occur in metrics and spans only.
const (
	statusForwarded Status = "forwarded" // not a search
	statusRefused   Status = "refused"   // a 4xx of ours
	statusCanceled  Status = "canceled"  // the client left before it was answered
)

// stage is a part of a search whose time is measured.
type stage int

const (
	stagePlan stage = iota
	stageEngine
	stageTokenize
	stageQueue
	stageScore
	stageAnswer
	stages
)

var stageNames = [stages]string{"plan", "engine", "tokenize", "queue", "score", "answer"}

// telemetry records through OpenTelemetry's API; where nothing is installed behind it, it does nothing.
type telemetry struct {
	tracer     trace.Tracer
	propagator propagation.TextMapPropagator

	requests metric.Int64Counter
	duration metric.Float64Histogram
	stage    metric.Float64Histogram
	pairs    metric.Int64Counter
	tokens   metric.Int64Counter

	outcomes map[outcome]metric.MeasurementOption // every label set there is, made once
	stages   [stages]metric.MeasurementOption
	models   map[string]metric.MeasurementOption // by name
}

// outcome is what a request came to; reason may be empty.
type outcome struct {
	status Status
	reason Reason
}

// seconds are the bounds of the latency histograms: a search from cache takes a millisecond, one on a CPU model a second.
var seconds = []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10}

func newTelemetry(tp trace.TracerProvider, mp metric.MeterProvider, p propagation.TextMapPropagator, models []string) (*telemetry, error) {
	if tp == nil {
		tp = tracenoop.NewTracerProvider()
	}
	if mp == nil {
		mp = metricnoop.NewMeterProvider()
	}
	if p == nil {
		p = propagation.TraceContext{}
	}
	t := &telemetry{tracer: tp.Tracer(scope), propagator: p, outcomes: outcomeLabels(), models: map[string]metric.MeasurementOption{}}
	for _, name := range models {
		t.models[name] = metric.WithAttributeSet(attribute.NewSet(attribute.String("model", name)))
	}
	for s := range stages {
		t.stages[s] = metric.WithAttributeSet(attribute.NewSet(attribute.String("stage", stageNames[s])))
	}
	m := mp.Meter(scope)
	var errs [5]error
	t.requests, errs[0] = m.Int64Counter("resift.requests",
		metric.WithDescription("Requests by what became of them."), metric.WithUnit("{request}"))
	t.duration, errs[1] = m.Float64Histogram("resift.request.duration",
		metric.WithDescription("Time from the header of a request to the end of its answer."), metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(seconds...))
	t.stage, errs[2] = m.Float64Histogram("resift.stage.duration",
		metric.WithDescription("Time that a search spent in one stage."), metric.WithUnit("s"),
		metric.WithExplicitBucketBoundaries(seconds...))
	t.pairs, errs[3] = m.Int64Counter("resift.pairs.scored",
		metric.WithDescription("Query-passage pairs scored by the model; those from the cache are not counted."), metric.WithUnit("{pair}"))
	t.tokens, errs[4] = m.Int64Counter("resift.tokens",
		metric.WithDescription("Tokens of the scored pairs, without padding."), metric.WithUnit("{token}"))
	if err := errors.Join(errs[:]...); err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	return t, nil
}

func outcomeLabels() map[outcome]metric.MeasurementOption {
	labels := map[outcome]metric.MeasurementOption{}
	for _, status := range [...]Status{StatusReranked, StatusPartial, StatusBypassed, StatusFallback, statusForwarded, statusRefused, statusCanceled} {
		for _, reason := range append(Reasons(), "") {
			labels[outcome{status, reason}] = metric.WithAttributeSet(attribute.NewSet(
				attribute.String("status", string(status)), attribute.String("reason", string(reason))))
		}
	}
	return labels
}

// request counts one request that took d.
func (t *telemetry) request(ctx context.Context, o outcome, d time.Duration) {
	labels, ok := t.outcomes[o]
	if !ok {
		labels = t.outcomes[outcome{o.status, ReasonInternal}] // a word outside the closed set must not become a label
	}
	t.requests.Add(ctx, 1, labels)
	t.duration.Record(ctx, d.Seconds(), labels)
}

// start opens the span of a search as a child of the client's, if it sent one.
func (t *telemetry) start(r *http.Request, begin time.Time) (context.Context, trace.Span) {
	ctx := t.propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
	return t.tracer.Start(ctx, "search", trace.WithSpanKind(trace.SpanKindServer), trace.WithTimestamp(begin),
		trace.WithAttributes(attribute.String("http.request.method", r.Method)))
}

// inject writes the trace of ctx into the header of a request for the engine.
func (t *telemetry) inject(ctx context.Context, h http.Header) {
	t.propagator.Inject(ctx, propagation.HeaderCarrier(h))
}

// child records a span that is already over.
func (t *telemetry) child(ctx context.Context, name string, begin time.Time, d time.Duration) {
	if d > 0 && trace.SpanFromContext(ctx).IsRecording() {
		_, span := t.tracer.Start(ctx, name, trace.WithTimestamp(begin))
		span.End(trace.WithTimestamp(begin.Add(d)))
	}
}

// measured is what one search is known by when it is over.
type measured struct {
	outcome
	times  [stages]time.Duration // 0 where a stage was not reached
	window int                   // hits that were to be scored
	asked  int                   // pairs that the window came to
	known  int                   // of these, pairs whose score was in the cache, or in another request's work
	pairs  int                   // pairs scored for this search
	tokens int
}

// scored counts what the model of this name did for a search.
func (t *telemetry) scored(ctx context.Context, m *measured, model string) {
	if m.pairs > 0 {
		t.pairs.Add(ctx, int64(m.pairs), t.models[model])
		t.tokens.Add(ctx, int64(m.tokens), t.models[model])
	}
}

// finish records a search and ends its span. model names the one that the plan chose; empty where it chose none.
func (t *telemetry) finish(ctx context.Context, span trace.Span, m *measured, model string, total time.Duration) {
	t.request(ctx, m.outcome, total)
	for s, d := range m.times {
		if d > 0 {
			t.stage.Record(ctx, d.Seconds(), t.stages[s])
		}
	}
	t.scored(ctx, m, model)
	if span.IsRecording() {
		span.SetAttributes(
			attribute.String("resift.status", string(m.status)),
			attribute.String("resift.reason", string(m.reason)),
			attribute.Int("resift.window", m.window),
			attribute.Int("resift.pairs", m.pairs),
			attribute.Int("resift.cache.hits", m.known),
			attribute.Int("resift.tokens", m.tokens))
		if m.window > 0 {
			span.SetAttributes(attribute.String("resift.model", model))
		}
		if m.status == StatusFallback {
			span.SetStatus(codes.Error, string(m.reason))
		}
	}
	span.End()
}

// finishMulti ends the span of a multi-search. Its searches are recorded one by one.
func (t *telemetry) finishMulti(span trace.Span, o outcome, searches string) {
	span.SetAttributes(
		attribute.String("resift.status", string(o.status)),
		attribute.String("resift.reason", string(o.reason)),
		attribute.String("resift.searches", searches))
	if o.status == StatusFallback {
		span.SetStatus(codes.Error, string(o.reason))
	}
	span.End()
}

// serverTiming is the value of Server-Timing (W3C): the stages that were reached and the whole, in milliseconds, and how many of
// the pairs had their scores in the cache.
func (m *measured) serverTiming(total time.Duration) string {
	b := make([]byte, 0, 160)
	for s, d := range m.times {
		if d > 0 {
			b = appendTiming(b, stageNames[s], d)
			b = append(b, ", "...)
		}
	}
	if m.asked > 0 {
		b = fmt.Appendf(b, `cache;desc="%d of %d pairs", `, m.known, m.asked)
	}
	return string(appendTiming(b, "total", total))
}

func appendTiming(b []byte, name string, d time.Duration) []byte {
	b = append(b, name...)
	b = append(b, ";dur="...)
	return strconv.AppendFloat(b, float64(d)/float64(time.Millisecond), 'f', 3, 64)
}
