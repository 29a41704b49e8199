package rig

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Patience of the tests with a process.
const (
	StartLimit = 60 * time.Second // until it is up: a model may have to be read, on a busy machine
	StopLimit  = 40 * time.Second // until it has ended
)

// Process is a running resift.
type Process struct {
	URL    string        // of the search port
	Admin  string        // of the admin port
	Rerank string        // of the rerank API; empty without one
	File   string        // of its configuration
	Log    *Log          // what it wrote
	Ended  chan struct{} // closed when it has ended
	Code   int           // the exit code that is right, 0 unless a test says otherwise

	t   testing.TB
	cmd *exec.Cmd
}

// Start runs `resift serve` with a configuration until the test ends, and holds it to a clean stop. Binary is what Build
// made.
func Start(t testing.TB, binary, configuration string, env ...string) *Process {
	t.Helper()
	file := filepath.Join(t.TempDir(), "resift.yaml")
	if err := os.WriteFile(file, []byte(configuration), 0o644); err != nil {
		t.Fatal(err)
	}
	p := launch(t, binary, file, env...)
	select {
	case <-p.Log.up:
	case <-p.Ended:
		t.Fatalf("resift ended at once:\n%s", p.Log)
	case <-time.After(StartLimit):
		t.Fatalf("resift is not up after %v:\n%s", StartLimit, p.Log)
	}
	p.URL, p.Admin, p.Rerank = p.Log.listen, p.Log.admin, p.Log.rerank
	return p
}

// launch starts the process and returns at once.
func launch(t testing.TB, binary, file string, env ...string) *Process {
	t.Helper()
	p := &Process{t: t, File: file, Log: newLog(), Ended: make(chan struct{})}
	p.cmd = exec.Command(binary, "serve", "--config", file)
	p.cmd.Env = Environment(env...)
	stderr, err := p.cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	p.cmd.Stdout = p.cmd.Stderr
	if err := p.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		p.Log.readFrom(bufio.NewReader(stderr))
		_ = p.cmd.Wait() // its state tells
		close(p.Ended)
	}()
	t.Cleanup(p.finish)
	return p
}

// finish stops the process, if it still runs, and looks through what it logged.
func (p *Process) finish() {
	p.Signal(syscall.SIGTERM)
	if code := p.Wait(StopLimit); code != p.Code {
		p.t.Errorf("resift ended with code %d, want %d:\n%s", code, p.Code, p.Log)
	}
	for _, bad := range []string{"DATA RACE", "panic", "goroutine 1 [", "fatal error"} {
		if strings.Contains(p.Log.String(), bad) {
			p.t.Errorf("resift logged %q:\n%s", bad, p.Log)
		}
	}
}

// Signal sends a signal; a process that has ended is none the worse for it.
func (p *Process) Signal(s os.Signal) {
	if err := p.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		p.t.Errorf("signal %v: %v", s, err)
	}
}

// Wait returns the exit code; -1 after the limit, when the process was killed.
func (p *Process) Wait(limit time.Duration) int {
	select {
	case <-p.Ended:
	case <-time.After(limit):
		p.t.Errorf("resift still runs after %v", limit)
		_ = p.cmd.Process.Kill() // it may have ended just now
		<-p.Ended
	}
	return p.cmd.ProcessState.ExitCode()
}

// PID is the process's number.
func (p *Process) PID() int { return p.cmd.Process.Pid }
