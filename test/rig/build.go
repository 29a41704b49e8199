package rig

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// Build compiles resift to a file as `make build` does, with the race detector where the tests have it.
func Build(ctx context.Context, to string) error {
	cmd := exec.CommandContext(ctx, "go", "build", raceFlag, "-o", to, "github.com/resift/resift/cmd/resift")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("go build: %w (`make test` sets what it needs; by hand: eval \"$(make -s env)\")\n%s", err, out)
	}
	return nil
}

// Binary builds resift for one test, and returns where it is.
func Binary(t testing.TB) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "resift")
	if err := Build(t.Context(), file); err != nil {
		t.Fatal(err)
	}
	return file
}

// Model is the directory of the model that `make model` makes, which a test cannot do without.
func Model(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("RESIFT_TEST_MODEL")
	if dir == "" {
		t.Fatal("RESIFT_TEST_MODEL is not set: make model, then make env")
	}
	return dir
}

// Environment is this process's for one of ours, without the mark of a build server: native libraries behave better where
// they see one.
func Environment(more ...string) []string {
	kept := slices.DeleteFunc(os.Environ(), func(e string) bool { return strings.HasPrefix(e, "CI=") })
	kept = append(kept, "GORACE=atexit_sleep_ms=10") // else every process takes a second more to end
	return append(kept, more...)
}
