package engines

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// TestBoot boots the two engines that the other tests of this project run against, or all of them for `make engines`,
// and holds each to the whole life: an index and a search, then a stop that leaves neither a process nor a port.
func TestBoot(t *testing.T) {
	if testing.Short() {
		t.Skip("boots engines")
	}
	names := []string{"opensearch-3.8", "elasticsearch-9.5"}
	if os.Getenv("RESIFT_TEST_ENGINES") == "all" {
		names = Names()
	}
	for _, name := range names {
		t.Run(name, func(t *testing.T) {
			testLife(t, func(o Options) (*Engine, error) {
				o.Name = name
				return Start(t.Context(), o)
			})
		})
	}
}

// TestBootFetchedJava does the same on the runtime that is fetched where there is no Java.
func TestBootFetchedJava(t *testing.T) {
	if testing.Short() || os.Getenv("RESIFT_TEST_ENGINES") != "all" {
		t.Skip("fetches a Java runtime: make engines runs it")
	}
	java, err := fetchJRE(t.Context(), func(step string) { t.Log(step) })
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range catalog() {
		t.Run(r.name, func(t *testing.T) {
			testLife(t, func(o Options) (*Engine, error) {
				o.setDefaults()
				return start(t.Context(), r, java, o)
			})
		})
	}
}

func testLife(t *testing.T, boot func(Options) (*Engine, error)) {
	start := time.Now()
	e, err := boot(Options{Progress: func(step string) { t.Log(step) }, Log: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Stop() })
	t.Logf("%s %s answers on %s, Java %d, after %.1f s", e.Name, e.Version, e.URL, e.Java.Feature, time.Since(start).Seconds())

	status, body := ask(t, "PUT", e.URL+"/films/_doc/1?refresh=true", `{"title":"The Third Man"}`)
	if status != http.StatusCreated {
		t.Fatalf("index: %d %s", status, body)
	}
	ask(t, "PUT", e.URL+"/films/_doc/2?refresh=true", `{"title":"Vertigo"}`)
	status, body = ask(t, "POST", e.URL+"/films/_search", `{"query":{"match":{"title":"third"}}}`)
	var found struct {
		Hits struct {
			Hits []struct {
				ID string `json:"_id"`
			}
		}
	}
	if err := json.Unmarshal([]byte(body), &found); err != nil || status != http.StatusOK {
		t.Fatalf("search: %d %s: %v", status, body, err)
	}
	if len(found.Hits.Hits) != 1 || found.Hits.Hits[0].ID != "1" {
		t.Fatalf("search found %s, want document 1 alone", body)
	}

	pid, state := e.process.cmd.Process.Pid, e.process.cmd.Dir
	if status := commandLine(pid); !strings.Contains(status, "Launcher") {
		t.Fatalf("process %d is %q, want the launcher", pid, status)
	}
	start = time.Now()
	if err := e.Stop(); err != nil {
		t.Fatal(err)
	}
	t.Logf("stopped after %.1f s", time.Since(start).Seconds())
	select {
	case <-e.Done():
	default:
		t.Error("Done is open after Stop")
	}
	if left := commandLine(pid); left != "" {
		t.Errorf("process %d is still there: %s", pid, left)
	}
	l, err := net.Listen("tcp", strings.TrimPrefix(e.URL, "http://"))
	if err != nil {
		t.Fatalf("the port is not free: %v", err)
	}
	l.Close()
	if _, err := os.Stat(state); !os.IsNotExist(err) {
		t.Errorf("the temporary state is still there: %v", err)
	}
}

// ask sends one request and returns the answer's status and body.
func ask(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: time.Minute}
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// commandLine is that of a process, empty where there is none.
func commandLine(pid int) string {
	if b, err := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); err == nil {
		return strings.ReplaceAll(string(b), "\x00", " ")
	}
	// No /proc: macOS. ps fails when there is no such process, which is an answer here.
	out, _ := exec.Command("ps", "-ww", "-o", "args=", "-p", strconv.Itoa(pid)).Output()
	return strings.TrimSpace(string(out))
}

func TestStartErrors(t *testing.T) {
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	tests := map[string]struct {
		options Options
		want    string
	}{
		"unknown engine": {Options{Name: "lucene"}, `engine "lucene" is unknown: one of opensearch-3.8, `},
		"port in use":    {Options{Name: "opensearch-3.8", Port: taken.Addr().(*net.TCPAddr).Port}, "address already in use"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			_, err := Start(t.Context(), test.options)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got error %v, want %q in it", err, test.want)
			}
		})
	}
}

// TestBadSetting: an engine that refuses to start is reported with its own words, and its state is removed.
func TestBadSetting(t *testing.T) {
	if testing.Short() {
		t.Skip("boots an engine")
	}
	t.Setenv("TMPDIR", t.TempDir())
	_, err := Start(t.Context(), Options{Name: "elasticsearch-9.5", Settings: map[string]string{"no.such.setting": "1"}})
	if err == nil || !strings.Contains(err.Error(), "unknown setting [no.such.setting]") {
		t.Fatalf("got %v, want the engine's own reason", err)
	}
	if left, _ := filepath.Glob(filepath.Join(os.TempDir(), "resift-engine-*")); len(left) > 0 {
		t.Errorf("state is left: %v", left)
	}
}

// TestCancel: cancelling the context during boot ends Start and the process.
func TestCancel(t *testing.T) {
	if testing.Short() {
		t.Skip("boots an engine")
	}
	ctx, cancel := context.WithCancel(t.Context())
	state := t.TempDir()
	_, err := Start(ctx, Options{Name: "elasticsearch-9.5", StateDir: state, Progress: func(step string) {
		if strings.HasPrefix(step, "booting") {
			time.AfterFunc(500*time.Millisecond, cancel)
		}
	}})
	if err == nil || !strings.Contains(err.Error(), context.Canceled.Error()) {
		t.Fatalf("got %v, want the context's error", err)
	}
}
