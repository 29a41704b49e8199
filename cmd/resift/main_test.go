package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// call runs a command as main would.
func call(t *testing.T, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	p := &program{args: args, env: []string{"HOME=" + t.TempDir()}, stdout: &out, stderr: &err}
	code = p.run(context.Background())
	return code, out.String(), err.String()
}

func TestWrongCalls(t *testing.T) {
	bad := filepath.Join(t.TempDir(), "bad.yaml")
	if err := os.WriteFile(bad, []byte("listne: x\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	qrels := filepath.Join(t.TempDir(), "qrels.txt")
	if err := os.WriteFile(qrels, []byte("q1 0 d1 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		args []string
		code int
		want string // on stderr
	}{
		{nil, 2, "resift serve --config FILE"},
		{[]string{"sevre"}, 2, `unknown command "sevre"`},
		{[]string{"serve"}, 1, "--config is missing"},
		{[]string{"serve", "--config", "/nowhere.yaml"}, 1, "no such file"},
		{[]string{"serve", "--confg", "x"}, 2, "flag provided but not defined"},
		{[]string{"serve", "extra"}, 2, "want 0 names, found 1 extra"},
		{[]string{"check", "--config", bad}, 1, "listne: unknown key; did you mean listen?"},
		{[]string{"eval"}, 1, "--qrels is missing"},
		{[]string{"eval", "--qrels", qrels}, 1, "--queries is missing: --qrels does not hold"},
		{[]string{"eval", "--queries", "/nowhere.tsv", "--qrels", "x"}, 1, "--queries: open /nowhere.tsv"},
		{[]string{"model"}, 2, "usage: resift model"},
		{[]string{"model", "info"}, 2, "want 1 names, found 0"},
		{[]string{"model", "info", "/nowhere"}, 1, "/nowhere"},
		{[]string{"model", "bench", "--lengths", "9,x", "/nowhere"}, 1, "want whole numbers above 0"},
		{[]string{"demo", "--load-only"}, 1, "--load-only: --engine is missing"},
		{[]string{"demo", "--load-only", "--engine", "http://127.0.0.1:1"}, 1, "connection refused"},
		{[]string{"demo", "--port", "0", "--model", "nothing"}, 1, "--model nothing: no built-in model (resift-tiny, resift-small), no directory, and no model in "},
		{[]string{"demo", "--port", "0", "--model", "."}, 1, "model directory: stat model.onnx"},
	} {
		code, stdout, stderr := call(t, c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("resift %s: exit code %d, want %d\nstdout %q\nstderr %q\nwant %q", strings.Join(c.args, " "), code, c.code, stdout, stderr, c.want)
		}
		if strings.Contains(stderr, "goroutine ") {
			t.Errorf("resift %s prints a stack trace", strings.Join(c.args, " "))
		}
	}
}

func TestVersionAndHelp(t *testing.T) {
	if code, stdout, _ := call(t, "version"); code != 0 || !strings.HasPrefix(stdout, "resift "+version+" ") {
		t.Errorf("%d %q", code, stdout)
	}
	if code, stdout, _ := call(t, "help"); code != 0 || stdout != usage {
		t.Errorf("%d %q", code, stdout)
	}
	if code, _, stderr := call(t, "serve", "-h"); code != 0 || !strings.Contains(stderr, "-config file") {
		t.Errorf("%d %q", code, stderr)
	}
}

func TestCheckPrintsTheEffectiveConfiguration(t *testing.T) {
	file := filepath.Join(t.TempDir(), "resift.yaml")
	if err := os.WriteFile(file, []byte("engine: {urls: [http://127.0.0.1:9200]}\nreranker: {backend: tei, url: http://h:80, token: hunter2}\nindices: [{match: '*', fields: [text]}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	code, stdout, stderr := call(t, "check", "--config", file)
	if code != 0 || stderr != "" || !strings.Contains(stdout, "window: 100") || strings.Contains(stdout, "hunter2") {
		t.Errorf("%d\n%s\n%s", code, stdout, stderr)
	}
}
