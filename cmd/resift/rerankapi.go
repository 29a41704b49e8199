package main

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/resift/resift/configs"
	"github.com/resift/resift/proxy"
	"github.com/resift/resift/rerankapi"
)

// rerankAPI makes the handler of the rerank API; nil where the configuration has none.
func (b *builder) rerankAPI(c *configs.Config, s *snapshot) (*rerankapi.Handler, error) {
	a := c.RerankAPI
	if a.Listen == "" {
		return nil, nil
	}
	return rerankapi.New(rerankapi.Options{
		Model: s.models.first(), Models: others(s.models, asModel), Scores: s.cache, Token: string(a.Token), Version: version,
		Limits: rerankapi.Limits{
			Body: int64(a.Body), BodyTime: time.Duration(c.Limits.BodyTime), Texts: a.Texts, Calls: a.Calls, Timeout: time.Duration(a.Timeout),
		},
		Logger: b.telemetry.logger, OnCall: b.metrics.call,
	})
}

// rerankHandler answers at the port of the rerank API, each call in a span that is a child of the caller's.
func (s *server) rerankHandler() http.Handler {
	tracer := s.telemetry.tracer.Tracer("github.com/resift/resift/cmd/resift")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if proxy.AnswerRefused(w, r) {
			return
		}
		ctx := s.telemetry.propagator.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := tracer.Start(ctx, "rerank", trace.WithSpanKind(trace.SpanKindServer))
		defer span.End()
		now, done := s.current.enter()
		defer done()
		now.rerankAPI.ServeHTTP(w, r.WithContext(ctx))
	})
}

// callMetrics are what the rerank API counts.
type callMetrics struct {
	calls    metric.Int64Counter
	duration metric.Float64Histogram
	texts    metric.Int64Counter
	tokens   metric.Int64Counter
}

func newCallMetrics(m metric.Meter) (callMetrics, error) {
	var c callMetrics
	var errs [4]error
	c.calls, errs[0] = m.Int64Counter("resift.rerank_api.calls", metric.WithUnit("{call}"),
		metric.WithDescription("Calls of the rerank API by path and HTTP status; 499: the client left first."))
	c.duration, errs[1] = m.Float64Histogram("resift.rerank_api.duration", metric.WithUnit("s"),
		metric.WithDescription("Time from the header of a call to the end of its answer."),
		metric.WithExplicitBucketBoundaries(.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30))
	c.texts, errs[2] = m.Int64Counter("resift.rerank_api.texts", metric.WithUnit("{text}"),
		metric.WithDescription("Texts of these calls; known=true: their score was stored, or in the work of others."))
	c.tokens, errs[3] = m.Int64Counter("resift.rerank_api.tokens", metric.WithUnit("{token}"),
		metric.WithDescription("Tokens that the model read for these calls, without padding."))
	return c, errors.Join(errs[:]...)
}

// call records one call of the rerank API. Labels are bounded: a path that is not served is the empty one.
func (p *callMetrics) call(ctx context.Context, c rerankapi.Call) {
	labels := metric.WithAttributes(attribute.String("path", c.Path), attribute.Int("status", c.Status))
	p.calls.Add(ctx, 1, labels)
	p.duration.Record(ctx, c.Took.Seconds(), labels)
	if c.Texts > 0 {
		p.texts.Add(ctx, int64(c.Known), metric.WithAttributes(attribute.Bool("known", true)))
		p.texts.Add(ctx, int64(c.Texts-c.Known), metric.WithAttributes(attribute.Bool("known", false)))
		p.tokens.Add(ctx, int64(c.Tokens))
	}
	span := trace.SpanFromContext(ctx)
	if !span.IsRecording() {
		return
	}
	span.SetAttributes(attribute.String("url.path", c.Path), attribute.Int("http.response.status_code", c.Status),
		attribute.Int("resift.pairs", c.Texts), attribute.Int("resift.cache.hits", c.Known), attribute.Int("resift.tokens", c.Tokens))
	if c.Status >= http.StatusInternalServerError {
		span.SetStatus(codes.Error, strconv.Itoa(c.Status))
	}
}
