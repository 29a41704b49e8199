package e2e

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Patience of the tests with the process under test.
const (
	startLimit = 60 * time.Second // a model may have to be read, on a busy machine
	stopLimit  = 40 * time.Second
)

// process is a running resift.
type process struct {
	t       testing.TB
	cmd     *exec.Cmd
	file    string // of its configuration
	address string // host:port of the search port
	admin   string // URL of the admin port
	log     *logBook
	ended   chan struct{}
	code    int // the exit code that is right, 0 unless a test says otherwise
}

// settings are the parts of a configuration file that tests vary; each is YAML.
type settings struct {
	engine   string // engine.urls, "" for none
	reranker string // the members of reranker
	indices  string // the list of rules; "" for one for everything
	rest     string // further keys
}

// withScorer is a resift before e that asks s for scores and remembers none.
func withScorer(e *engine, s *scorer) settings {
	return settings{engine: e.url, reranker: fmt.Sprintf("{backend: tei, url: %q}", s.URL), rest: "cache: {size: 0}"}
}

func (c settings) yaml() string {
	if c.indices == "" {
		c.indices = `[{match: "*", fields: [title, text, key]}]`
	}
	if !strings.Contains(c.indices, "timeout:") { // the default is for users, not for busy machines that test
		c.indices = strings.ReplaceAll(c.indices, "{match:", "{timeout: 30s, match:")
	}
	return fmt.Sprintf(`listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
engine: {urls: [%q]}
reranker: %s
indices: %s
log: {format: json}
%s
`, c.engine, c.reranker, c.indices, c.rest)
}

// start runs `resift serve` until the test ends, and holds it to a clean stop.
func start(t testing.TB, c settings, env ...string) *process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "resift.yaml")
	writeFile(t, file, c.yaml())
	p := launch(t, file, env...)
	select {
	case <-p.log.up:
	case <-p.ended:
		t.Fatalf("resift ended at once:\n%s", p.log)
	case <-time.After(startLimit):
		t.Fatalf("resift is not up after %v:\n%s", startLimit, p.log)
	}
	p.address, p.admin = p.log.listen[strings.Index(p.log.listen, "//")+2:], p.log.admin
	return p
}

// launch starts the process and returns at once.
func launch(t testing.TB, file string, env ...string) *process {
	t.Helper()
	p := &process{t: t, file: file, log: newLogBook(), ended: make(chan struct{})}
	p.cmd = exec.Command(shared.binary, "serve", "--config", file)
	p.cmd.Env = environment(env...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout = p.cmd.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.log.readFrom(bufio.NewReader(stderr))
		_ = p.cmd.Wait() // its state tells
		close(p.ended)
	}()
	t.Cleanup(func() { p.finish() })
	return p
}

// environment is this process's, without the mark of a build server: native libraries behave better where they see one.
func environment(more ...string) []string {
	kept := slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "CI=") })
	kept = append(kept, "GORACE=atexit_sleep_ms=10") // else every process takes a second more to end
	return append(kept, more...)
}

// finish stops the process, if it still runs, and looks through what it logged.
func (p *process) finish() {
	p.signal(syscall.SIGTERM)
	if code := p.wait(stopLimit); code != p.code {
		p.t.Errorf("resift ended with code %d, want %d:\n%s", code, p.code, p.log)
	}
	for _, bad := range []string{"DATA RACE", "panic", "goroutine 1 [", "fatal error"} {
		if strings.Contains(p.log.String(), bad) {
			p.t.Errorf("resift logged %q:\n%s", bad, p.log)
		}
	}
}

func (p *process) signal(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signal %v: %v", s, err)
	}
}

// wait returns the exit code; -1 after the limit, when the process was killed.
func (p *process) wait(limit time.Duration) int {
	select {
	case <-p.ended:
	case <-time.After(limit):
		p.t.Errorf("resift still runs after %v", limit)
		_ = p.cmd.Process.Kill() // it may have ended just now
		<-p.ended
	}
	return p.cmd.ProcessState.ExitCode()
}

func (p *process) pid() int { return p.cmd.Process.Pid }

// ask sends a search to the process.
func (p *process) ask(r request) answer {
	p.t.Helper()
	return ask(p.t, p.address, r)
}

// logBook is what a process wrote to standard error, and what its first lines tell.
type logBook struct {
	mu            sync.Mutex
	text          bytes.Buffer
	up            chan struct{} // closed by "resift is up"
	listen, admin string        // set before up is closed
}

func newLogBook() *logBook { return &logBook{up: make(chan struct{})} }

func (l *logBook) readFrom(r *bufio.Reader) {
	for {
		line, err := r.ReadBytes('\n')
		l.add(line)
		if err != nil {
			return
		}
	}
}

func (l *logBook) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(line)
	var entry struct{ Msg, Listen, Admin string }
	if json.Unmarshal(line, &entry) == nil && entry.Msg == "resift is up" && l.listen == "" {
		l.listen, l.admin = entry.Listen, entry.Admin
		close(l.up)
	}
}

func (l *logBook) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// count is how many lines hold text.
func (l *logBook) count(text string) int { return strings.Count(l.String(), text) }

func writeFile(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that another process does in its own time.
func eventually(t testing.TB, what string, limit time.Duration, done func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}
