package main

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/resift/resift/reranker"
	"github.com/resift/resift/reranker/hub/hubtest"
)

// published is the tiny model of the reranker's tests, as a repository with a ready graph has its files.
func published(t *testing.T) map[string]hubtest.File {
	t.Helper()
	files := map[string]hubtest.File{"README.md": {Content: []byte("# tiny")}, "LICENSE": {Content: []byte("a licence")}}
	for path, name := range map[string]string{"onnx/model.onnx": "model.onnx", "tokenizer.json": "tokenizer.json", "config.json": "config.json"} {
		content, err := os.ReadFile(filepath.Join("../../reranker/testdata/tiny", name))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		files[path] = hubtest.File{Content: content, LFS: path == "onnx/model.onnx"}
	}
	return files
}

// callPull runs a command with a home of its own, and returns that too.
func callPull(ctx context.Context, home string, h *hubtest.Hub, args ...string) (code int, stdout, stderr string) {
	var out, err bytes.Buffer
	p := &program{
		args: append([]string{"model", "pull"}, args...), stdout: &out, stderr: &err,
		env: []string{"HOME=" + home, "HF_ENDPOINT=" + h.URL, "HF_TOKEN=hf_secret"},
	}
	code = p.run(ctx)
	return code, out.String(), err.String()
}

func TestPull(t *testing.T) {
	h, home := hubtest.New(t), t.TempDir()
	commit := h.Add("someone/tiny", published(t))
	h.Private("someone/tiny", "hf_secret")
	code, stdout, stderr := callPull(t.Context(), home, h, "someone/tiny")
	out := filepath.Join(home, ".cache/resift/models/someone--tiny")
	if code != 0 || !strings.HasPrefix(stdout, out+": ") {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	if !strings.Contains(stderr, "model.onnx: ") || strings.Contains(stderr, "hf_secret") || strings.Contains(stderr, "\x1b") {
		t.Errorf("stderr %q", stderr)
	}
	d, err := reranker.ReadDirectory(out)
	if err != nil {
		t.Fatal(err)
	}
	if d.Source != "someone/tiny@"+commit || d.License != "apache-2.0" {
		t.Errorf("resift.json states the source %q and the licence %q", d.Source, d.License)
	}
	left, err := os.ReadDir(filepath.Join(home, ".cache/resift/hub"))
	if err != nil || len(left) != 1 || left[0].Name() != "someone--tiny.lock" {
		t.Errorf("the cache's hub folder holds %v, %v", left, err)
	}

	// Once more: nothing to do. Another commit is not put over it.
	if code, stdout, stderr = callPull(t.Context(), home, h, "someone/tiny"); code != 0 || !strings.Contains(stdout, "is someone/tiny@"+commit+" already") {
		t.Errorf("again: %d\n%s%s", code, stdout, stderr)
	}
	changed := published(t)
	changed["README.md"] = hubtest.File{Content: []byte("# tiny, changed")}
	h.Add("someone/tiny", changed)
	if code, _, stderr = callPull(t.Context(), home, h, "someone/tiny"); code != 1 || !strings.Contains(stderr, "exists already, in ") {
		t.Errorf("another commit: %d\n%s", code, stderr)
	}
	if code, stdout, stderr = callPull(t.Context(), home, h, "--revision", commit, "someone/tiny"); code != 0 {
		t.Errorf("the old commit: %d\n%s%s", code, stdout, stderr)
	}
	other := filepath.Join(home, "other")
	if code, _, stderr = callPull(t.Context(), home, h, "someone/tiny", "-o", other, "--keep", "--license", "MIT", "--format", "onnx"); code != 0 {
		t.Fatalf("another place: %d\n%s", code, stderr)
	}
	if d, err = reranker.ReadDirectory(other); err != nil || d.License != "MIT" {
		t.Errorf("%+v, %v", d, err)
	}
	kept, _ := filepath.Glob(filepath.Join(home, ".cache/resift/hub/someone--tiny/*/model.onnx"))
	if len(kept) != 1 {
		t.Errorf("--keep kept %v", kept)
	}
}

func TestPullGoesOnAfterAnInterruption(t *testing.T) {
	h, home := hubtest.New(t), t.TempDir()
	files := published(t)
	h.Add("someone/tiny", files)
	ctx, cancel := context.WithCancel(t.Context())
	graph := files["onnx/model.onnx"].Content
	h.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if !hubtest.IsCDN(r) || ctx.Err() != nil {
			return false
		}
		w.Write(graph[:len(graph)/2])
		w.(http.Flusher).Flush()
		cancel()
		<-r.Context().Done()
		return true
	})
	code, _, stderr := callPull(ctx, home, h, "someone/tiny")
	if code != 1 || !strings.Contains(stderr, "interrupted; what arrived is kept") {
		t.Fatalf("%d\n%s", code, stderr)
	}
	if code, _, stderr = callPull(t.Context(), home, h, "someone/tiny"); code != 0 {
		t.Fatalf("%d\n%s", code, stderr)
	}
	if _, err := os.Stat(filepath.Join(home, ".cache/resift/models/someone--tiny/resift.json")); err != nil {
		t.Error(err)
	}
}

func TestPullRefuses(t *testing.T) {
	h, home := hubtest.New(t), t.TempDir()
	h.Add("someone/tiny", published(t))
	broken := published(t)
	broken["onnx/model.onnx"] = hubtest.File{Content: []byte("no graph at all"), LFS: true}
	h.Add("someone/broken", broken)
	for _, c := range []struct {
		args []string
		code int
		want string
	}{
		{nil, 2, "want 1 names, found 0"},
		{[]string{"../tiny"}, 1, `"../tiny" is not the name of a model`},
		{[]string{"someone/nothing"}, 1, "someone/nothing does not exist at "},
		{[]string{"someone/tiny", "--revision", "v2"}, 1, `has no branch, tag or commit "v2"`},
		{[]string{"someone/tiny", "--endpoint", "nowhere"}, 1, "endpoint is not an address"},
		{[]string{"someone/tiny", "--precision", "fp8"}, 1, "--precision fp8"},
		{[]string{"someone/tiny", "--format", "gguf"}, 1, `format "gguf" is unknown`},
		{[]string{"someone/tiny", "--format", "pytorch"}, 1, "has no weights that resift reads"},
		{[]string{"someone/tiny", "--max-gb", "0.000001"}, 1, "the limit is 1 kB"},
		{[]string{"someone/tiny", "-o", home}, 1, "exists already; name another with -o"},
		{[]string{"someone/broken"}, 1, "but not imported: "},
	} {
		code, stdout, stderr := callPull(t.Context(), home, h, c.args...)
		if code != c.code || !strings.Contains(stderr, c.want) || stdout != "" {
			t.Errorf("pull %s: exit code %d\n%s%s\nwant %q", strings.Join(c.args, " "), code, stdout, stderr, c.want)
		}
	}
}
