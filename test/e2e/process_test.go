package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

const plainSearch = `{"query":{"match":{"text":"memory"}},"size":3}`

// TestDrain stops resift while a search is with the scorer: the search ends well, nothing new is taken in.
func TestDrain(t *testing.T) {
	for _, signal := range []os.Signal{syscall.SIGTERM, os.Interrupt} {
		t.Run(signal.String(), func(t *testing.T) {
			s := rig.NewScorer(t, rig.KeepOrder)
			c := withScorer(shared.opensearch, s)
			c.indices = `[{match: "*", fields: [title, text], timeout: 30s}]`
			p := start(t, c)
			entered, release := s.HoldCalls()
			defer release()
			type result struct {
				answer
				err error
			}
			done := make(chan result, 1)
			go func() {
				a, err := send(p.address, post("/"+docs+"/_search", plainSearch))
				done <- result{a, err}
			}()
			<-entered
			p.Signal(signal)
			eventually(t, "the port is closed", 10*time.Second, func() bool {
				conn, err := net.DialTimeout("tcp", p.address, time.Second)
				if err == nil {
					conn.Close()
				}
				return err != nil
			})
			if status, body := fetch(t, p.Admin+"/readyz"); status != http.StatusServiceUnavailable || !strings.Contains(body, "unavailable") {
				t.Errorf("readyz while draining: %d %s", status, body)
			}
			select {
			case r := <-done:
				t.Fatalf("the search ended before it was scored: %s %v", r.answer, r.err)
			default:
			}
			release()
			r := <-done
			if r.err != nil || r.status != 200 || r.resiftStatus() != "reranked" {
				t.Errorf("the search under way: %s %v", r.answer, r.err)
			}
			if code := p.Wait(stopLimit); code != 0 {
				t.Errorf("exit code %d", code)
			}
		})
	}
}

// TestDrainLimit holds a search longer than the drain time allows: resift ends all the same.
func TestDrainLimit(t *testing.T) {
	s := rig.NewScorer(t, rig.KeepOrder)
	c := withScorer(shared.opensearch, s)
	c.indices = `[{match: "*", fields: [title, text], timeout: 50s}]`
	c.rest += "\nlimits: {drain_time: 500ms}"
	p := start(t, c)
	p.Code = 1 // something was cut off
	entered, release := s.HoldCalls()
	defer release()
	broken := make(chan error, 1)
	go func() {
		_, err := send(p.address, post("/"+docs+"/_search", plainSearch))
		broken <- err
	}()
	<-entered
	p.Signal(syscall.SIGTERM)
	begin := time.Now()
	select {
	case <-p.Ended:
	case <-time.After(20 * time.Second):
		t.Fatal("resift waits beyond the drain time")
	}
	t.Logf("ended %v after the signal", time.Since(begin))
	<-broken
	if p.Log.Count("cut off") == 0 {
		t.Errorf("nothing tells that a search was cut off:\n%s", p.Log)
	}
}

// TestHealth asks the admin port how things are, with a model server that goes away.
func TestHealth(t *testing.T) {
	s := rig.NewScorer(t, rig.KeepOrder)
	p := start(t, withScorer(shared.opensearch, s))
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := fetch(t, p.Admin+path); status != 200 || !strings.Contains(body, `"status":"ok"`) {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, _ := fetch(t, "http://"+p.address+"/healthz"); status == 200 {
		t.Error("health is answered at the search port")
	}
	s.CloseClientConnections()
	s.Listener.Close()
	if status, body := fetch(t, p.Admin+"/healthz"); status != 200 || !strings.Contains(body, "degraded") {
		t.Errorf("healthz without a model server: %d %s", status, body)
	}
	r := post("/"+docs+"/_search", plainSearch)
	a := p.ask(r)
	if got := a.resiftStatus(); got != "fallback model" {
		t.Errorf("status %q", got)
	}
	if d := differences(ask(t, shared.opensearch.address, r), a); d != nil {
		t.Error(indent(d))
	}
}

// TestReload changes rules under load: by SIGHUP, by a changed file, and to something that cannot be.
func TestReload(t *testing.T) {
	c := withScorer(shared.opensearch, rig.NewScorer(t, rig.KeepOrder))
	c.indices = `[{match: "*", fields: [title, text, key]}]`
	p := start(t, c)
	stop := underLoad(t, p)
	if got := metric(t, p, "resift_reload_success"); got != 1 {
		t.Errorf("resift_reload_success is %v at the start", got)
	}

	c.indices = `[{match: "*", fields: [title, text, key], details: true}]`
	writeFile(t, p.File, c.yaml())
	p.Signal(syscall.SIGHUP)
	told := func() bool {
		return strings.Contains(string(p.ask(post("/"+docs+"/_search", plainSearch)).body), "resift.engine_rank")
	}
	eventually(t, "the rule with details is in effect", 10*time.Second, told)

	c.indices = `[{match: "*", fields: [title, text, key]}]`
	writeFile(t, p.File, c.yaml())
	eventually(t, "the changed file is in effect", 10*time.Second, func() bool { return !told() })

	failed := func() bool { return metric(t, p, "resift_reload_success") == 0 }
	for name, bad := range map[string]string{
		"unknown key":     c.yaml() + "nonsense: 1\n",
		"not YAML":        "{{{",
		"another port":    strings.Replace(c.yaml(), "listen: 127.0.0.1:0", "listen: 127.0.0.1:1", 1),
		"no model server": strings.Replace(c.yaml(), "backend: tei, url", "backend: onnx, model", 1),
	} {
		writeFile(t, p.File, bad)
		p.Signal(syscall.SIGHUP)
		eventually(t, name+" is refused", 30*time.Second, failed)
		if a := p.ask(post("/"+docs+"/_search", plainSearch)); a.resiftStatus() != "reranked" {
			t.Errorf("after %s: %s", name, a)
		}
		writeFile(t, p.File, c.yaml())
		p.Signal(syscall.SIGHUP)
		eventually(t, "the good one is taken after "+name, 10*time.Second, func() bool { return !failed() })
	}
	n, problems := stop()
	t.Logf("%d searches were answered meanwhile", n)
	for _, problem := range problems {
		t.Error(problem)
	}
	if n == 0 {
		t.Error("no search was answered meanwhile")
	}
}

// underLoad keeps searching until stop is called, which tells how often it went well and what did not.
func underLoad(t *testing.T, p *process) (stop func() (int, []string)) {
	var mu sync.Mutex
	var good int
	var problems []string
	over := make(chan struct{})
	var workers sync.WaitGroup
	for range 3 {
		workers.Go(func() {
			for {
				select {
				case <-over:
					return
				default:
				}
				a, err := send(p.address, post("/"+docs+"/_search", plainSearch))
				mu.Lock()
				if err == nil && a.status == 200 && a.resiftStatus() == "reranked" {
					good++
				} else if len(problems) < 5 {
					problems = append(problems, fmt.Sprintf("a search under load: %v %s", err, a))
				}
				mu.Unlock()
			}
		})
	}
	finish := sync.OnceFunc(func() { close(over); workers.Wait() })
	t.Cleanup(finish)
	return func() (int, []string) { finish(); return good, problems }
}

// TestNoGrowth sends 2,000 searches and counts what the process holds before and after.
func TestNoGrowth(t *testing.T) {
	s := rig.NewScorer(t, rig.KeepOrder)
	c := withScorer(shared.opensearch, s)
	c.indices = `[{match: "*", fields: [title], window: 10}]`
	p := start(t, c)
	searches(t, p, 300)
	beforeRoutines, beforeFiles := holdings(t, p)
	searches(t, p, 2000)
	var routines, files int
	for range 100 { // connections close in their own time
		if routines, files = holdings(t, p); routines <= beforeRoutines+8 && files <= beforeFiles+8 {
			break
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("goroutines %d, then %d; open files %d, then %d", beforeRoutines, routines, beforeFiles, files)
	if routines > beforeRoutines+8 {
		t.Errorf("goroutines grew from %d to %d", beforeRoutines, routines)
	}
	if files > beforeFiles+8 {
		t.Errorf("open files grew from %d to %d", beforeFiles, files)
	}
}

// searches sends n searches of all outcomes over 8 connections, and closes those.
func searches(t *testing.T, p *process, n int) {
	t.Helper()
	client := &http.Client{Timeout: exchangeLimit, Transport: &http.Transport{Proxy: nil}}
	defer client.CloseIdleConnections()
	kinds := []string{
		`{"query":{"match":{"text":"memory"}},"size":2,"_source":false}`, `{"query":{"match_all":{}},"size":1}`, `{"query":`,
		`{"query":{"match":{"text":"memory"}},"size":2,"nonsense":1}`,
	}
	work := make(chan int)
	var workers sync.WaitGroup
	for range 8 {
		workers.Go(func() {
			for i := range work {
				kind := kinds[0]
				if i%5 == 0 {
					kind = kinds[i/5%len(kinds)]
				}
				res, err := client.Post("http://"+p.address+"/"+docs+"/_search", "application/json", strings.NewReader(kind))
				if err != nil {
					t.Error(err)
					continue
				}
				if _, err := io.Copy(io.Discard, res.Body); err != nil || res.StatusCode >= 500 {
					t.Errorf("%s: %d %v", kind, res.StatusCode, err)
				}
				res.Body.Close()
			}
		})
	}
	for i := range n {
		work <- i
	}
	close(work)
	workers.Wait()
}

var profileTotal = regexp.MustCompile(`goroutine profile: total (\d+)`)

// holdings counts goroutines and open files; 0 files where the system does not tell.
func holdings(t *testing.T, p *process) (routines, files int) {
	t.Helper()
	_, profile := fetch(t, p.Admin+"/debug/pprof/goroutine?debug=1")
	m := profileTotal.FindStringSubmatch(profile)
	if m == nil {
		t.Fatalf("no profile: %.200s", profile)
	}
	routines, _ = strconv.Atoi(m[1])
	if runtime.GOOS == "linux" {
		list, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", p.PID()))
		if err != nil {
			t.Fatal(err)
		}
		files = len(list)
	}
	return routines, files
}

// metric is a metric's value at the admin port, summed over the samples whose labels hold all of labels; -1 if there is
// no such metric.
func metric(t testing.TB, p *process, name string, labels ...string) float64 {
	t.Helper()
	_, text := fetch(t, p.Admin+"/metrics")
	sum, found := 0.0, false
	lines := bufio.NewScanner(bytes.NewReader([]byte(text)))
	for lines.Scan() {
		rest, ok := strings.CutPrefix(lines.Text(), name)
		if !ok || rest == "" || rest[0] != '{' && rest[0] != ' ' {
			continue
		}
		at := strings.LastIndexByte(rest, ' ')
		value, err := strconv.ParseFloat(rest[at+1:], 64)
		if err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		all := true
		for _, l := range labels {
			all = all && strings.Contains(rest[:at], l)
		}
		if all {
			sum, found = sum+value, true
		}
	}
	if !found && len(labels) == 0 {
		return -1
	}
	return sum
}
