package main

import (
	"context"
	"errors"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.37.0"

	"github.com/resift/resift/reranker"
)

// serviceAttributes name this service, unless the environment does.
func serviceAttributes(name string) []attribute.KeyValue {
	a := []attribute.KeyValue{semconv.ServiceVersion(version)}
	if name == "" {
		a = append(a, semconv.ServiceName("resift"))
	}
	return a
}

// processMetrics are what the parts below the proxy count, and the reloads.
type processMetrics struct {
	batchPairs, batchTokens metric.Int64Histogram
	reloadOK                metric.Int64Gauge
	reloadTime              metric.Float64Gauge
	callMetrics
}

// newProcessMetrics registers them; now returns the snapshot in service, nil while there is none.
func newProcessMetrics(mp metric.MeterProvider, now func() *snapshot) (*processMetrics, error) {
	m := mp.Meter("github.com/resift/resift/cmd/resift")
	var p processMetrics
	var errs [14]error
	p.batchPairs, errs[0] = m.Int64Histogram("resift.batch.pairs", metric.WithUnit("{pair}"), metric.WithDescription("Pairs of one run of the model."),
		metric.WithExplicitBucketBoundaries(1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024))
	p.batchTokens, errs[1] = m.Int64Histogram("resift.batch.tokens", metric.WithUnit("{token}"), metric.WithDescription("Tokens of one run of the model, without padding."),
		metric.WithExplicitBucketBoundaries(64, 128, 256, 512, 1024, 2048, 4096, 8192, 16384, 32768, 65536))
	p.reloadOK, errs[2] = m.Int64Gauge("resift.reload.success", metric.WithDescription("1 if the last load of the configuration was taken, 0 if it was refused."))
	p.reloadTime, errs[3] = m.Float64Gauge("resift.reload.timestamp", metric.WithUnit("s"), metric.WithDescription("When the configuration in service was loaded, as Unix time."))

	p.callMetrics, errs[10] = newCallMetrics(m)
	queue, err := m.Int64ObservableGauge("resift.queue.pairs", metric.WithUnit("{pair}"), metric.WithDescription("Pairs admitted and not yet scored."))
	errs[4] = err
	bytes, err := m.Int64ObservableGauge("resift.cache.bytes", metric.WithUnit("By"), metric.WithDescription("Memory of the stored scores."))
	errs[5] = err
	hits, err := m.Int64ObservableCounter("resift.cache.hits", metric.WithUnit("{pair}"), metric.WithDescription("Pairs whose score was stored."))
	errs[6] = err
	misses, err := m.Int64ObservableCounter("resift.cache.misses", metric.WithUnit("{pair}"), metric.WithDescription("Pairs whose score was not stored."))
	errs[7] = err
	evictions, err := m.Int64ObservableCounter("resift.cache.evictions", metric.WithUnit("{pair}"), metric.WithDescription("Scores that made room for others."))
	errs[8] = err
	written, err := m.Int64ObservableCounter("resift.records.written", metric.WithUnit("{record}"), metric.WithDescription("Records of searches and events that were kept."))
	errs[11] = err
	lost, err := m.Int64ObservableCounter("resift.records.lost", metric.WithUnit("{record}"), metric.WithDescription("Records that were lost: the queue was full, or the engine refused them."))
	errs[12] = err
	waiting, err := m.Int64ObservableGauge("resift.records.waiting", metric.WithUnit("{record}"), metric.WithDescription("Records that wait to be written."))
	errs[13] = err
	_, errs[9] = m.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		s := now()
		if s == nil {
			return nil
		}
		for name, m := range s.models {
			o.ObserveInt64(queue, int64(m.Stats().QueuePairs), metric.WithAttributes(attribute.String("model", name)))
		}
		c := s.cache.Stats()
		o.ObserveInt64(bytes, c.Bytes)
		o.ObserveInt64(hits, int64(c.Hits))
		o.ObserveInt64(misses, int64(c.Misses))
		o.ObserveInt64(evictions, int64(c.Evictions))
		if s.records != nil {
			r := s.records.Stats()
			o.ObserveInt64(written, int64(r.Written))
			o.ObserveInt64(lost, int64(r.Lost))
			o.ObserveInt64(waiting, int64(r.Waiting))
		}
		return nil
	}, queue, bytes, hits, misses, evictions, written, lost, waiting)
	return &p, errors.Join(errs[:]...)
}

// batches records the runs of the model of this name.
func (p *processMetrics) batches(model string) func(reranker.BatchStats) {
	label := metric.WithAttributeSet(attribute.NewSet(attribute.String("model", model)))
	return func(b reranker.BatchStats) {
		ctx := context.Background() // a batch belongs to many requests
		p.batchPairs.Record(ctx, int64(b.Pairs), label)
		p.batchTokens.Record(ctx, int64(b.Tokens), label)
	}
}

// loaded records the outcome of a load of the configuration.
func (p *processMetrics) loaded(ok bool) {
	ctx := context.Background()
	if !ok {
		p.reloadOK.Record(ctx, 0)
		return
	}
	p.reloadOK.Record(ctx, 1)
	p.reloadTime.Record(ctx, float64(time.Now().UnixMilli())/1000)
}
