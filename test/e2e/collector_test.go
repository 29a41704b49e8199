package e2e

import (
	"bytes"
	"compress/gzip"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"sync"
	"testing"

	collectorlogs "go.opentelemetry.io/proto/otlp/collector/logs/v1"
	collectormetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	tracepb "go.opentelemetry.io/proto/otlp/trace/v1"
	"google.golang.org/protobuf/proto"
)

// collector receives OTLP over HTTP, as protobuf.
type collector struct {
	*httptest.Server
	mu      sync.Mutex
	spans   []*tracepb.Span
	metrics map[string]bool
	logs    int
	raw     bytes.Buffer // all that came, decompressed
	faults  []error
}

func newCollector(t *testing.T) *collector {
	c := &collector{metrics: map[string]bool{}}
	m := http.NewServeMux()
	m.HandleFunc("POST /v1/traces", receive(c, &collectortrace.ExportTraceServiceRequest{}, &collectortrace.ExportTraceServiceResponse{}, c.addTraces))
	m.HandleFunc("POST /v1/metrics", receive(c, &collectormetrics.ExportMetricsServiceRequest{}, &collectormetrics.ExportMetricsServiceResponse{}, c.addMetrics))
	m.HandleFunc("POST /v1/logs", receive(c, &collectorlogs.ExportLogsServiceRequest{}, &collectorlogs.ExportLogsServiceResponse{}, c.addLogs))
	c.Server = httptest.NewServer(m)
	t.Cleanup(c.Close)
	return c
}

// receive decodes a request of the kind of empty and hands it to add, one at a time.
func receive[M proto.Message](c *collector, empty M, response proto.Message, add func(M)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := readDecompressed(r)
		c.mu.Lock()
		defer c.mu.Unlock()
		message := proto.Clone(empty).(M)
		if err == nil {
			err = proto.Unmarshal(body, message)
		}
		if err != nil {
			c.faults = append(c.faults, err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		c.raw.Write(body)
		add(message)
		out, _ := proto.Marshal(response) // empty
		w.Header().Set("Content-Type", "application/x-protobuf")
		w.Write(out)
	}
}

func readDecompressed(r *http.Request) ([]byte, error) {
	if r.Header.Get("Content-Encoding") != "gzip" {
		return io.ReadAll(r.Body)
	}
	z, err := gzip.NewReader(r.Body)
	if err != nil {
		return nil, err
	}
	return io.ReadAll(z)
}

func (c *collector) addTraces(m *collectortrace.ExportTraceServiceRequest) {
	for _, r := range m.ResourceSpans {
		for _, s := range r.ScopeSpans {
			c.spans = append(c.spans, s.Spans...)
		}
	}
}

func (c *collector) addMetrics(m *collectormetrics.ExportMetricsServiceRequest) {
	for _, r := range m.ResourceMetrics {
		for _, s := range r.ScopeMetrics {
			for _, x := range s.Metrics {
				c.metrics[x.Name] = true
			}
		}
	}
}

func (c *collector) addLogs(m *collectorlogs.ExportLogsServiceRequest) {
	for _, r := range m.ResourceLogs {
		for _, s := range r.ScopeLogs {
			c.logs += len(s.LogRecords)
		}
	}
}

// ofTrace are the spans of a trace by name.
func (c *collector) ofTrace(id string) map[string][]*tracepb.Span {
	c.mu.Lock()
	defer c.mu.Unlock()
	list := map[string][]*tracepb.Span{}
	for _, s := range c.spans {
		if hex.EncodeToString(s.TraceId) == id {
			list[s.Name] = append(list[s.Name], s)
		}
	}
	return list
}

// tap is a proxy before a real engine that notes the headers of what passes.
type tap struct {
	*httptest.Server
	mu      sync.Mutex
	headers []http.Header
}

func newTap(t *testing.T, e *engine) *tap {
	to, err := url.Parse(e.url)
	if err != nil {
		t.Fatal(err)
	}
	x := &tap{}
	transport := &http.Transport{Proxy: nil, DisableCompression: true}
	forward := &httputil.ReverseProxy{Transport: transport, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }}
	x.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x.mu.Lock()
		x.headers = append(x.headers, r.Header.Clone())
		x.mu.Unlock()
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { x.Close(); transport.CloseIdleConnections() })
	return x
}

// take returns the headers noted since the last call.
func (x *tap) take() []http.Header {
	x.mu.Lock()
	defer x.mu.Unlock()
	list := x.headers
	x.headers = nil
	return list
}
