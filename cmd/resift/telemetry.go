package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"go.opentelemetry.io/contrib/bridges/otelslog"
	"go.opentelemetry.io/contrib/exporters/autoexport"
	otelprometheus "go.opentelemetry.io/otel/exporters/prometheus"
	"go.opentelemetry.io/otel/propagation"
	sdklog "go.opentelemetry.io/otel/sdk/log"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"

	"github.com/resift/resift/configs"
)

// telemetry is the process's OpenTelemetry SDK. Metrics always go to the admin port's /metrics; traces, metrics and logs
// go to a collector when the standard OTEL_… variables say so.
type telemetry struct {
	tracer     *sdktrace.TracerProvider
	meter      *sdkmetric.MeterProvider
	logs       *sdklog.LoggerProvider // nil: not exported
	propagator propagation.TextMapPropagator
	metrics    http.Handler
	level      *slog.LevelVar
	logger     *slog.Logger
}

func newTelemetry(ctx context.Context, p *program, l configs.Log) (*telemetry, error) {
	t := &telemetry{propagator: propagation.NewCompositeTextMapPropagator(propagation.TraceContext{}, propagation.Baggage{}), level: new(slog.LevelVar)}
	res, err := resource.New(ctx, resource.WithTelemetrySDK(), resource.WithHost(), resource.WithFromEnv(),
		resource.WithAttributes(serviceAttributes(p.getenv("OTEL_SERVICE_NAME"))...))
	if err != nil && !errors.Is(err, resource.ErrPartialResource) {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	t.metrics = promhttp.HandlerFor(registry, promhttp.HandlerOpts{})
	scrape, err := otelprometheus.New(otelprometheus.WithRegisterer(registry), otelprometheus.WithoutScopeInfo())
	if err != nil {
		return nil, fmt.Errorf("telemetry: %w", err)
	}
	meter := []sdkmetric.Option{sdkmetric.WithResource(res), sdkmetric.WithReader(scrape)}
	if p.exports("METRICS") {
		reader, err := autoexport.NewMetricReader(ctx)
		if err != nil {
			return nil, fmt.Errorf("telemetry: metrics: %w", err)
		}
		meter = append(meter, sdkmetric.WithReader(reader))
	}
	t.meter = sdkmetric.NewMeterProvider(meter...)

	tracer := []sdktrace.TracerProviderOption{sdktrace.WithResource(res)}
	if p.exports("TRACES") {
		exporter, err := autoexport.NewSpanExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("telemetry: traces: %w", err)
		}
		tracer = append(tracer, sdktrace.WithBatcher(exporter))
	} else {
		tracer = append(tracer, sdktrace.WithSampler(sdktrace.NeverSample()))
	}
	t.tracer = sdktrace.NewTracerProvider(tracer...)

	handlers := []slog.Handler{logHandler(p.stderr, l.Format, t.level)}
	if p.exports("LOGS") {
		exporter, err := autoexport.NewLogExporter(ctx)
		if err != nil {
			return nil, fmt.Errorf("telemetry: logs: %w", err)
		}
		t.logs = sdklog.NewLoggerProvider(sdklog.WithResource(res), sdklog.WithProcessor(sdklog.NewBatchProcessor(exporter)))
		handlers = append(handlers, otelslog.NewHandler("resift", otelslog.WithLoggerProvider(t.logs)))
	}
	t.logger = slog.New(slog.NewMultiHandler(handlers...))
	return t, t.setLevel(l.Level)
}

// exports tells whether the environment asks for an exporter of a signal. The specification's default is an exporter to
// localhost; a proxy that nobody told of a collector must not fill its log with refused connections.
func (p *program) exports(signal string) bool {
	if name := p.getenv("OTEL_" + signal + "_EXPORTER"); name != "" {
		return !strings.EqualFold(name, "none")
	}
	return p.getenv("OTEL_EXPORTER_OTLP_ENDPOINT") != "" || p.getenv("OTEL_EXPORTER_OTLP_"+signal+"_ENDPOINT") != ""
}

func logHandler(w io.Writer, format string, level slog.Leveler) slog.Handler {
	o := &slog.HandlerOptions{Level: level}
	if format == "json" {
		return slog.NewJSONHandler(w, o)
	}
	return slog.NewTextHandler(w, o)
}

func (t *telemetry) setLevel(name string) error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(name)); err != nil {
		return fmt.Errorf("log.level: %w", err)
	}
	t.level.Set(level)
	return nil
}

// close flushes what is not exported yet.
func (t *telemetry) close(ctx context.Context) error {
	err := errors.Join(t.tracer.Shutdown(ctx), t.meter.Shutdown(ctx))
	if t.logs != nil {
		err = errors.Join(err, t.logs.Shutdown(ctx))
	}
	return err
}
