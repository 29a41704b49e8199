package stack

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	collectortrace "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/grpc"
	_ "google.golang.org/grpc/encoding/gzip" // as the collector sends

	"github.com/resift/resift/test/rig"
)

// observeLimit is how long something may take to be seen: a rate needs several scrapes, 5 s apart.
const observeLimit = 3 * time.Minute

// programs is the folder of Prometheus, promtool and the Collector.
func programs(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("RESIFT_TEST_STACK")
	if dir == "" {
		t.Skip("RESIFT_TEST_STACK names no Prometheus and no Collector: make test-stack compiles them")
	}
	return dir
}

// TestRules runs promtool's checks, and the unit tests of the alerts.
func TestRules(t *testing.T) {
	promtool := filepath.Join(programs(t), "promtool")
	for _, args := range [][]string{
		{"check", "config", "../../deploy/prometheus/prometheus.yml"},
		{"check", "rules", "--lint=all", "--lint-fatal", "../../deploy/prometheus/rules.yml"},
		{"test", "rules", "testdata/rules_test.yml"},
	} {
		if out, err := exec.CommandContext(t.Context(), promtool, args...).CombinedOutput(); err != nil {
			t.Errorf("promtool %s: %v\n%s", strings.Join(args, " "), err, out)
		}
	}
}

// TestObservation runs resift, Prometheus and the Collector with the stack's own files: traces arrive behind the Collector,
// every query of the dashboard finds something, every alert can be evaluated, and a resift that ends is noticed.
func TestObservation(t *testing.T) {
	dir := programs(t)
	n := newNative(t)
	jaeger, traces := traceReceiver(t)
	otlpHTTP := freePort(t)
	n.hosts["otel-collector:4318"] = otlpHTTP
	n.start("otel-collector", filepath.Join(dir, "collector"), nil,
		[]string{"RECEIVE_HTTP=" + otlpHTTP, "RECEIVE_GRPC=" + freePort(t), "TRACES_TO=" + jaeger})
	if out, err := n.run("load"); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	p := n.serve("resift")
	x := startPrometheus(t, n, dir, p)

	var missing []string
	deadline := time.Now().Add(observeLimit)
	for round := 0; time.Now().Before(deadline); round++ {
		exercise(t, p, round)
		if missing = x.empty(readDashboard(t)); len(missing) == 0 || t.Failed() {
			break
		}
		time.Sleep(time.Second)
	}
	for _, panel := range missing {
		t.Errorf("nothing in %s", panel)
	}
	x.holdRules()
	if traces() == 0 {
		t.Error("no trace came through the collector")
	}
	p.Signal(syscall.SIGTERM)
	p.Wait(rig.StopLimit)
	for deadline := time.Now().Add(observeLimit); ; time.Sleep(time.Second) {
		if len(x.query(`ALERTS{alertname="ResiftDown"}`)) > 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("a resift that ended raises no alert")
		}
	}
}

// traceReceiver is where Jaeger would be; count returns how many spans came that are called search.
func traceReceiver(t *testing.T) (address string, count func() int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	r := &spans{}
	s := grpc.NewServer()
	collectortrace.RegisterTraceServiceServer(s, r)
	ended := make(chan error, 1)
	go func() { ended <- s.Serve(l) }()
	t.Cleanup(func() {
		s.Stop()
		if err := <-ended; err != nil && !errors.Is(err, grpc.ErrServerStopped) {
			t.Error(err)
		}
	})
	return l.Addr().String(), r.searches.Load
}

type spans struct {
	collectortrace.UnimplementedTraceServiceServer
	searches atomic.Int64
}

func (r *spans) Export(_ context.Context, m *collectortrace.ExportTraceServiceRequest) (*collectortrace.ExportTraceServiceResponse, error) {
	for _, resource := range m.ResourceSpans {
		for _, scope := range resource.ScopeSpans {
			for _, s := range scope.Spans {
				if s.Name == "search" {
					r.searches.Add(1)
				}
			}
		}
	}
	return &collectortrace.ExportTraceServiceResponse{}, nil
}

// prometheus is a running one.
type prometheus struct {
	t   *testing.T
	url string
}

// startPrometheus starts the stack's on a free port, with p in place of the container.
func startPrometheus(t *testing.T, n *native, dir string, p *rig.Process) *prometheus {
	t.Helper()
	files := t.TempDir()
	for _, name := range []string{"prometheus.yml", "rules.yml"} {
		text, err := os.ReadFile(filepath.Join(root(t), "deploy/prometheus", name))
		if err != nil {
			t.Fatal(err)
		}
		text = []byte(strings.ReplaceAll(string(text), "resift:9281", address(p.Admin)))
		if err := os.WriteFile(filepath.Join(files, name), text, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	port := freePort(t)
	own := map[string]string{"127.0.0.1:9090": port}
	n.programs["promtool"] = filepath.Join(dir, "promtool")
	if err := n.healthy("prometheus", map[string]string{"127.0.0.1:9090": nobody}); err == nil {
		t.Error("a Prometheus that is not there is healthy")
	}
	n.start("prometheus", filepath.Join(dir, "prometheus"), map[string]string{"/etc/prometheus/": files + "/", "path=/prometheus": "path=" + t.TempDir()}, nil,
		"--web.listen-address="+port)
	for deadline := time.Now().Add(observeLimit); ; time.Sleep(500 * time.Millisecond) {
		err := n.healthy("prometheus", own)
		if err == nil {
			return &prometheus{t, "http://" + port}
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

// query returns the values that a query finds now.
func (x *prometheus) query(text string) (values []float64) {
	x.t.Helper()
	text = strings.NewReplacer("$__rate_interval", "30s", "$instance", ".*").Replace(text)
	resp, body := call(x.t, x.url+"/api/v1/query?query="+url.QueryEscape(text), "")
	var answer struct {
		Data struct{ Result []struct{ Value [2]any } }
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || resp.StatusCode != 200 {
		x.t.Fatalf("%s: %s %s %v", text, resp.Status, body, err)
	}
	for _, r := range answer.Data.Result {
		v, err := strconv.ParseFloat(fmt.Sprint(r.Value[1]), 64)
		if err == nil && !math.IsNaN(v) {
			values = append(values, v)
		}
	}
	return values
}

// empty are the queries of a dashboard that find no number.
func (x *prometheus) empty(d dashboard) (list []string) {
	x.t.Helper()
	for _, p := range d.Panels {
		for _, q := range p.Targets {
			if len(x.query(q.Expr)) == 0 {
				list = append(list, p.Title+": "+q.Expr)
			}
		}
	}
	return list
}

// holdRules: Prometheus has evaluated each alert, without an error.
func (x *prometheus) holdRules() {
	x.t.Helper()
	var answer struct {
		Data struct {
			Groups []struct {
				Rules []struct{ Name, Health, LastError string }
			}
		}
	}
	_, body := call(x.t, x.url+"/api/v1/rules", "")
	if err := json.Unmarshal([]byte(body), &answer); err != nil || len(answer.Data.Groups) == 0 {
		x.t.Fatalf("%v %s", err, body)
	}
	for _, g := range answer.Data.Groups {
		for _, r := range g.Rules {
			if r.Health != "ok" {
				x.t.Errorf("%s: %s %s", r.Name, r.Health, r.LastError)
			}
		}
	}
}
