package stack

import (
	"fmt"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

// TestServices runs what the containers would: the loader, resift, its health check, the evaluation.
func TestServices(t *testing.T) {
	n := newNative(t)
	collector, asked := otlp(t)
	n.hosts["otel-collector:4318"] = collector

	t.Run("load", func(t *testing.T) {
		for range 2 { // the second finds it full
			out, err := n.run("load")
			if err != nil || !strings.Contains(out, "12014 entries") {
				t.Fatalf("%v\n%s", err, out)
			}
		}
		if _, body := call(t, "http://"+n.hosts["opensearch:9200"]+"/resift-demo-foldoc/_count", ""); !strings.Contains(body, `"count":12014`) {
			t.Error(body)
		}
	})
	t.Run("the engine's health check", func(t *testing.T) {
		if _, err := exec.LookPath("curl"); err != nil {
			t.Skip("no curl here")
		}
		if err := n.healthy("opensearch", map[string]string{"127.0.0.1:9200": n.hosts["opensearch:9200"]}); err != nil {
			t.Error(err)
		}
		if err := n.healthy("opensearch", map[string]string{"127.0.0.1:9200": nobody}); err == nil {
			t.Error("an engine that is not there is healthy")
		}
	})

	p := n.serve("resift", "RESIFT_INDICES_0_WINDOW=10") // which is scored in time on the busiest machine
	n.hosts["resift:9280"] = address(p.URL)
	own := map[string]string{"127.0.0.1:9281": address(p.Admin)}
	t.Run("health", func(t *testing.T) {
		if err := n.healthy("resift", own); err != nil {
			t.Error(err)
		}
		image := theStack(t).Dockerfile.Targets["cpu"].Healthcheck.Test // asks the default address
		if out, err := exec.Command(n.binary, append(image[2:], p.Admin+"/healthz")...).CombinedOutput(); err != nil || !strings.Contains(string(out), `"status":"ok"`) {
			t.Errorf("%v\n%s", err, out)
		}
		if err := n.healthy("resift", map[string]string{"127.0.0.1:9281": nobody}); err == nil || !strings.Contains(err.Error(), "connection refused") {
			t.Errorf("a resift that is not there: %v", err)
		}
	})
	t.Run("eval", func(t *testing.T) {
		out, err := n.run("eval")
		found := regexp.MustCompile(`(?m)^ *nDCG@10 +(0\.\d+) +(0\.\d+)`).FindStringSubmatch(out)
		if err != nil || found == nil || found[1] >= found[2] {
			t.Fatalf("%v\n%s", err, out)
		}
	})
	t.Run("metrics", func(t *testing.T) {
		exercise(t, p, 0)
		holdMetrics(t, p)
	})
	t.Run("an engine that went away", func(t *testing.T) {
		alone := n.serve("resift", "RESIFT_ENGINE_URLS=http://"+nobody)
		err := n.healthy("resift", map[string]string{"127.0.0.1:9281": address(alone.Admin)})
		if err == nil || !strings.Contains(err.Error(), "unreachable") {
			t.Errorf("health of a resift without engine: %v", err)
		}
	})
	p.Signal(syscall.SIGTERM) // what Docker sends; the traces go out
	if code := p.Wait(rig.StopLimit); code != 0 {
		t.Errorf("exit code %d", code)
	}
	if asked("/v1/traces") == 0 || asked("/v1/metrics")+asked("/v1/logs") > 0 {
		t.Errorf("the collector got %d batches of traces, %d of metrics, %d of logs", asked("/v1/traces"), asked("/v1/metrics"), asked("/v1/logs"))
	}
}

// searches are one of each kind, with what becomes of them. ROUND stands for a text of its own in each round.
var searches = []struct{ target, body, want string }{
	{"/resift-demo-foldoc/_search?q=who+invented+the+web+ROUND&size=3", "", "reranked"},
	{"/resift-demo-foldoc/_search?q=who+invented+the+web+ROUND&size=3", "", "reranked"}, // its scores are known
	{"/resift-demo-foldoc/_search", `{"query":{"match":{"text":"garbage"}},"sort":["updated"]}`, "bypassed"},
	{"/resift-demo-foldoc/_search", `{"query":{"match":{"text":"garbage"}},"nonsense":1}`, "fallback"},
	{"/resift-demo-foldoc/_search", `{"query":{"match":{"text":"garbage"}},"ext":{"resift":{"fields":["nothing"]}}}`, "fallback"},
	{"/_cluster/health", "", ""},
}

// exercise sends something of everything that is counted: one round of it.
func exercise(t *testing.T, p *rig.Process, round int) {
	t.Helper()
	for _, s := range searches {
		if resp, body := call(t, p.URL+strings.ReplaceAll(s.target, "ROUND", fmt.Sprint(round)), s.body); resp.Header.Get("X-Resift-Status") != s.want {
			t.Errorf("%s %s: %s, status %q, want %q\n%.300s", s.target, s.body, resp.Status, resp.Header.Get("X-Resift-Status"), s.want, body)
		}
	}
	if resp, body := call(t, p.Rerank+"/rerank", `{"query":"what do foxes eat","texts":["Foxes eat mice.","A compiler."]}`); resp.StatusCode != http.StatusOK {
		t.Errorf("rerank API: %s %s", resp.Status, body)
	}
	event := `{"action_name":"click","query_id":"01a20cbc-827e-7531-b369-6c03282b9a2f","client_id":"c","event_attributes":{"object":{"object_id":"web","object_id_field":"_id"},"position":{"ordinal":1}}}`
	if resp, body := call(t, p.Admin+"/events", event); resp.StatusCode != http.StatusNoContent {
		t.Errorf("events: %s %s", resp.Status, body)
	}
}

// holdMetrics: every metric that a rule or a panel asks for is there.
func holdMetrics(t *testing.T, p *rig.Process) {
	t.Helper()
	missing := func() (names []string) {
		_, text := call(t, p.Admin+"/metrics", "")
		for query, metrics := range theStack(t).Metrics {
			if len(metrics) == 0 {
				t.Errorf("%s asks for no metric", query)
			}
			for _, name := range metrics {
				// Prometheus makes up itself.
				if name != "up" && !regexp.MustCompile(`(?m)^`+name+`(\{| )`).MatchString(text) {
					names = append(names, name+", of "+query)
				}
			}
		}
		return names
	}
	// A search is counted after its answer has gone out.
	for deadline := time.Now().Add(30 * time.Second); len(missing()) > 0 && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
	}
	for _, name := range missing() {
		t.Errorf("no metric %s", name)
	}
}
