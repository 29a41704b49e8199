package e2e

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

// demoLimit bounds the demo's way to its last line: an engine boots, 12,000 entries are indexed, 300 pairs scored.
const demoLimit = 4 * time.Minute

var searchURL = regexp.MustCompile(`'(http://127\.0\.0\.1:\d+)/[^']*'`)

// TestDemo runs the demo as a user does, does what it says to try, and ends it by Ctrl-C: nothing may be left.
func TestDemo(t *testing.T) {
	tmp := t.TempDir()
	cmd := exec.Command(shared.binary, "demo", "--port", "0")
	cmd.Env = rig.Environment("TMPDIR=" + tmp)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C goes to its group
	var stdout, stderr lockedBuffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	t.Cleanup(func() { _ = cmd.Process.Kill() }) // its engine dies with it
	for begin := time.Now(); !strings.Contains(stdout.String(), "Ctrl-C ends it all"); time.Sleep(100 * time.Millisecond) {
		select {
		case err := <-ended:
			t.Fatalf("the demo ended: %v\n%s%s", err, &stdout, &stderr)
		default:
		}
		if time.Since(begin) > demoLimit {
			t.Fatalf("the demo is not through after %v\n%s%s", demoLimit, &stdout, &stderr)
		}
	}
	urls := searchURL.FindAllStringSubmatch(stdout.String(), -1)
	if len(urls) != 2 || strings.Count(stdout.String(), "BM25") < 3 || strings.Count(stdout.String(), "resift-tiny@") < 3 {
		t.Fatalf("the demo said:\n%s", &stdout)
	}
	for _, u := range urls {
		if status, body := fetch(t, strings.Trim(u[0], "'")); status != 200 || !strings.Contains(body, `"title"`) {
			t.Errorf("%s: %d %s", u[0], status, body)
		}
	}
	httpClient.CloseIdleConnections()
	children := childrenOf(t, cmd.Process.Pid)

	if err := syscall.Kill(-cmd.Process.Pid, syscall.SIGINT); err != nil {
		t.Fatal(err)
	}
	select {
	case err := <-ended:
		if err != nil || !strings.Contains(stderr.String(), "nothing is left running") {
			t.Errorf("the demo ended with %v:\n%s", err, &stderr)
		}
	case <-time.After(stopLimit):
		t.Fatalf("the demo runs %v after Ctrl-C\n%s", stopLimit, &stderr)
	}
	for _, pid := range children {
		if _, err := os.Stat("/proc/" + pid); err == nil {
			t.Errorf("process %s is left", pid)
		}
	}
	for _, u := range urls {
		if conn, err := net.Dial("tcp", strings.TrimPrefix(u[1], "http://")); err == nil {
			conn.Close()
			t.Errorf("%s is still open", u[1])
		}
	}
	if left, _ := filepath.Glob(filepath.Join(tmp, "*")); len(left) > 0 { // the only error is a bad pattern
		t.Errorf("left in the temporary folder: %q", left)
	}
}

// childrenOf lists the children of a process; none where the system does not tell.
func childrenOf(t *testing.T, pid int) []string {
	if runtime.GOOS != "linux" {
		return nil
	}
	files, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range files {
		text, _ := os.ReadFile(f) // a thread that ended has none
		list = append(list, strings.Fields(string(text))...)
	}
	if len(list) == 0 {
		t.Error("the demo has no child: where is its engine?")
	}
	return list
}

// lockedBuffer is a buffer that is read while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}
