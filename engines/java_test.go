package engines

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
)

// fakeJava writes a bin/java that answers as a release does, and returns its home.
func fakeJava(t *testing.T, spec string) string {
	t.Helper()
	home := t.TempDir()
	script := fmt.Sprintf("#!/bin/sh\ncat >&2 <<END\nProperty settings:\n    java.home = %s\n"+
		"    java.specification.version = %s\n    java.version = %s.0.1\nEND\n", home, spec, spec)
	write(t, filepath.Join(home, "bin", "java"), script, 0o755)
	return home
}

func TestFindJava(t *testing.T) {
	old, young, ancient := fakeJava(t, "17"), fakeJava(t, "99"), fakeJava(t, "1.8")
	broken := t.TempDir()
	write(t, filepath.Join(broken, "bin", "java"), "#!/bin/sh\nexit 1\n", 0o755)
	tests := map[string]struct {
		ours, home, path string // RESIFT_JAVA_HOME, JAVA_HOME, a home on PATH
		min              int
		want             string
		err              string
	}{
		"ours first":               {ours: young, home: old, min: 17, want: young},
		"ours too old is an error": {ours: old, home: young, min: 98, err: "is Java 17; 98 or later is needed"},
		"ours broken is an error":  {ours: broken, home: young, min: 98, err: "RESIFT_JAVA_HOME: "},
		"home before path":         {home: old, path: young, min: 17, want: old},
		"old home passed over":     {home: old, path: young, min: 98, want: young},
		"broken home passed over":  {home: broken, path: young, min: 98, want: young},
		"Java 8's way of counting": {home: ancient, path: young, min: 9, want: young},
		"none":                     {home: old, min: 100, err: errNoJava.Error()},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Setenv("RESIFT_JAVA_HOME", test.ours)
			t.Setenv("JAVA_HOME", test.home)
			t.Setenv("PATH", filepath.Join(test.path, "bin")+":/bin:/usr/bin")
			got, err := findJava(t.Context(), test.min)
			if test.err != "" {
				if err == nil || !strings.Contains(err.Error(), test.err) {
					t.Fatalf("got %v, want %q in it", err, test.err)
				}
				return
			}
			if err != nil || got.Dir != test.want {
				t.Errorf("got %v, %v, want %s", got, err, test.want)
			}
		})
	}
}

// TestFindJavaNone: that there is none is told apart from other failures, for only then is one fetched.
func TestFindJavaNone(t *testing.T) {
	t.Setenv("RESIFT_JAVA_HOME", "")
	if _, err := findJava(t.Context(), 1000); !errors.Is(err, errNoJava) {
		t.Errorf("got %v, want %v", err, errNoJava)
	}
	t.Setenv("RESIFT_JAVA_HOME", fakeJava(t, "17"))
	if _, err := findJava(t.Context(), 1000); err == nil || errors.Is(err, errNoJava) {
		t.Errorf("got %v, want an error about RESIFT_JAVA_HOME", err)
	}
}

func TestReadPorts(t *testing.T) {
	path := filepath.Join(t.TempDir(), "http.ports")
	if _, err := readPorts(path); err == nil {
		t.Error("no error without a file")
	}
	write(t, path, "[::1]:9201\n127.0.0.1:9200\n", 0o644)
	if url, err := readPorts(path); url != "http://127.0.0.1:9200" || err != nil {
		t.Errorf("got %s, %v", url, err)
	}
	write(t, path, "10.0.0.1:9200\n", 0o644)
	if url, err := readPorts(path); err == nil {
		t.Errorf("got %s of a file without a loopback address", url)
	}
}

func TestTail(t *testing.T) {
	var tl tail
	for i := range 10_000 {
		fmt.Fprintf(&tl, "line %d\n", i)
	}
	if got, want := tl.last(2), "line 9998\nline 9999"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if len(tl.buf) > tailBytes {
		t.Errorf("keeps %d bytes, want at most %d", len(tl.buf), tailBytes)
	}
}
