package engines

import (
	"bufio"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestOrphan: an engine ends by itself when the process that started it is killed and can tell it nothing.
func TestOrphan(t *testing.T) {
	if testing.Short() {
		t.Skip("boots an engine")
	}
	state := t.TempDir()
	parent := exec.Command(os.Args[0], "-test.run=^TestOrphanParent$")
	parent.Env = append(os.Environ(), "RESIFT_TEST_ORPHAN="+state)
	parent.Stderr = os.Stderr
	out, err := parent.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := parent.Start(); err != nil {
		t.Fatal(err)
	}
	pid := 0
	for lines := bufio.NewScanner(out); pid == 0 && lines.Scan(); {
		fmt.Sscanf(lines.Text(), "engine %d", &pid)
	}
	if err := parent.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	parent.Wait() // tells that it was killed, which is known
	if pid == 0 {
		t.Fatal("the parent started no engine")
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(50 * time.Millisecond) {
		args := commandLine(pid)
		if !strings.Contains(args, "Launcher") {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the engine is still there: %s", args)
		}
	}
}

// TestOrphanParent is the process that TestOrphan kills.
func TestOrphanParent(t *testing.T) {
	state := os.Getenv("RESIFT_TEST_ORPHAN")
	if state == "" {
		t.Skip("runs inside TestOrphan")
	}
	e, err := Start(t.Context(), Options{Name: "elasticsearch-9.5", StateDir: state})
	if err != nil {
		t.Fatal(err)
	}
	fmt.Printf("engine %d\n", e.process.cmd.Process.Pid)
	time.Sleep(time.Minute)
	t.Fatal("still there after a minute")
}
