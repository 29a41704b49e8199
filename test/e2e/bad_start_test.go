package e2e

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

// outcome is how a command of the binary ended.
type outcome struct {
	code           int
	stdout, stderr string
}

// command runs the binary to its end.
func command(t *testing.T, env []string, args ...string) outcome {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), rig.StartLimit)
	defer cancel()
	cmd := exec.CommandContext(ctx, shared.binary, args...)
	cmd.Env = rig.Environment(env...)
	var stdout, stderr strings.Builder
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	err := cmd.Run()
	if ctx.Err() != nil {
		t.Fatalf("%v still runs after %v: %s", args, rig.StartLimit, stderr.String())
	}
	if cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return outcome{cmd.ProcessState.ExitCode(), stdout.String(), stderr.String()}
}

// holdMessage holds a failed start to a code, to words that help, and to no more than those.
func holdMessage(t *testing.T, o outcome, code int, words ...string) {
	t.Helper()
	if o.code != code {
		t.Errorf("exit code %d, want %d", o.code, code)
	}
	for _, w := range words {
		if !strings.Contains(o.stderr, w) {
			t.Errorf("stderr lacks %q", w)
		}
	}
	for _, bad := range []string{"goroutine ", "panic", ".go:", "0x", "SIGSEGV"} {
		if strings.Contains(o.stderr, bad) {
			t.Errorf("stderr has %q", bad)
		}
	}
	if o.stdout != "" {
		t.Errorf("stdout has %q", o.stdout)
	}
	if t.Failed() {
		t.Logf("stderr:\n%s", o.stderr)
	}
}

// TestBadConfiguration starts resift on configurations that cannot be: every problem is told at once, by its path.
func TestBadConfiguration(t *testing.T) {
	const good = "engine: {urls: [\"http://127.0.0.1:1\"]}\nreranker: {backend: tei, url: \"http://127.0.0.1:1\"}\nindices: [{match: \"*\", fields: [title]}]\nlisten: 127.0.0.1:0\nadmin: {listen: \"127.0.0.1:0\"}\n"
	cases := []struct {
		name, yaml string
		words      []string
	}{
		{"empty", "", []string{"engine.urls", "indices"}},
		{"unknown keys", good + "enginee: {}\nlimits: {bodyy: 1MiB}\n", []string{"enginee", "limits.bodyy"}},
		{"the same key twice", good + "listen: 127.0.0.1:9\n", []string{"listen"}},
		{"backends mixed", strings.Replace(good, "backend: tei,", "backend: tei, model: /m,", 1), []string{"reranker.model", "onnx"}},
		{"the same port twice", strings.ReplaceAll(good, "127.0.0.1:0", "127.0.0.1:9280"), []string{"admin.listen"}},
		{"password in the engine's URL", strings.Replace(good, "http://127", "http://user:secret-word@127", 1), []string{"engine.urls[0]"}},
		{"wrong kinds", strings.Replace(good, "indices: [", "indices: {x: [", 1) + "}\n", []string{"yaml", "line"}},
		{"a rule that can never match", good[:strings.Index(good, "indices")] + "indices: [{match: \"*\", fields: [a]}, {match: x, fields: [a]}]\n", []string{"indices[1]"}},
		{"a time without a unit", good + "limits: {drain_time: 30}\n", []string{"limits.drain_time"}},
		{"not YAML", "{{{{", []string{"line"}},
		{"binary", "\x00\x01\x02", nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "resift.yaml")
			writeFile(t, file, c.yaml)
			o := command(t, nil, "serve", "--config", file)
			holdMessage(t, o, 1, c.words...)
			checked := command(t, nil, "check", "--config", file)
			if checked.code != 1 {
				t.Errorf("resift check ends with %d", checked.code)
			}
			if strings.Contains(o.stderr+checked.stderr+checked.stdout, "secret-word") {
				t.Errorf("a password is told: %s", o.stderr)
			}
		})
	}
	t.Run("no file", func(t *testing.T) {
		holdMessage(t, command(t, nil, "serve", "--config", "/nowhere/resift.yaml"), 1, "/nowhere/resift.yaml", "no such file")
	})
	t.Run("no flag", func(t *testing.T) {
		o := command(t, nil, "serve")
		if o.code == 0 || !strings.Contains(o.stderr, "--config") {
			t.Errorf("code %d: %s", o.code, o.stderr)
		}
	})
	t.Run("unknown command", func(t *testing.T) {
		if o := command(t, nil, "sreve"); o.code != 2 || !strings.Contains(o.stderr, "sreve") {
			t.Errorf("code %d: %s", o.code, o.stderr)
		}
	})
}

// TestPortInUse has another program on each of the two ports.
func TestPortInUse(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	c := withScorer(&engine{url: "http://127.0.0.1:1"}, rig.NewScorer(t, rig.KeepOrder))
	for _, key := range []string{"LISTEN", "ADMIN_LISTEN"} {
		file := filepath.Join(t.TempDir(), "resift.yaml")
		writeFile(t, file, c.yaml())
		o := command(t, []string{"RESIFT_" + key + "=" + l.Addr().String()}, "serve", "--config", file)
		holdMessage(t, o, 1, strings.ToLower(strings.ReplaceAll(key, "_", "."))+": "+l.Addr().String()+" is in use")
	}
}

// TestBadModel starts resift on model directories that are none.
func TestBadModel(t *testing.T) {
	model := modelDirectory(t)
	copied := func(t *testing.T, change func(dir string)) string {
		dir := filepath.Join(t.TempDir(), "model")
		if err := os.CopyFS(dir, os.DirFS(model)); err != nil {
			t.Fatal(err)
		}
		change(dir)
		return dir
	}
	must := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	cases := []struct {
		name  string
		dir   func(t *testing.T) string
		words []string
	}{
		{"missing", func(*testing.T) string { return "/nowhere/model" }, []string{"/nowhere/model"}},
		{"a file", func(t *testing.T) string { return shared.binary }, []string{shared.binary}},
		{"empty", func(t *testing.T) string { return t.TempDir() }, []string{"model"}},
		{"without the graph", func(t *testing.T) string {
			return copied(t, func(d string) { must(os.Remove(filepath.Join(d, "model.onnx"))) })
		}, []string{"model.onnx"}},
		{"without a tokenizer", func(t *testing.T) string {
			return copied(t, func(d string) {
				must(os.Remove(filepath.Join(d, "tokenizer.json")))
				os.Remove(filepath.Join(d, "vocab.txt")) // not every model has one
			})
		}, []string{"tokenizer"}},
		{"a truncated graph", func(t *testing.T) string {
			return copied(t, func(d string) { must(os.Truncate(filepath.Join(d, "model.onnx"), 1<<20)) })
		}, []string{"model.onnx"}},
		{"a truncated tokenizer", func(t *testing.T) string {
			return copied(t, func(d string) { must(os.Truncate(filepath.Join(d, "tokenizer.json"), 1<<10)) })
		}, []string{"tokenizer.json"}},
		{"a graph that is another file", func(t *testing.T) string {
			return copied(t, func(d string) { writeFile(t, filepath.Join(d, "model.onnx"), "<html>not found</html>") })
		}, []string{"model.onnx"}},
		{"a description that is malformed", func(t *testing.T) string {
			return copied(t, func(d string) { writeFile(t, filepath.Join(d, "resift.json"), `{"format":`) })
		}, []string{"resift.json"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "resift.yaml")
			writeFile(t, file, settings{engine: "http://127.0.0.1:1", reranker: fmt.Sprintf("{model: %q}", c.dir(t))}.yaml())
			holdMessage(t, command(t, nil, "serve", "--config", file), 1, append(c.words, "reranker")...)
		})
	}
}

// oldLibrary is a library with ONNX Runtime's entry point that knows no API of this age.
const oldLibrary = `
struct base { const void *(*get)(unsigned version); const char *(*version)(void); };
static const void *get(unsigned version) { return 0; }
static const char *version(void) { return "1.4.0"; }
static const struct base it = { get, version };
const struct base *OrtGetApiBase(void) { return &it; }
`

// TestBadLibrary starts resift on native libraries that are missing, something else, or too old.
func TestBadLibrary(t *testing.T) {
	model, dir := "resift-tiny", t.TempDir()
	text := filepath.Join(dir, "text.so")
	writeFile(t, text, "this is no library")
	compile := func(name, source string) string {
		file, out := filepath.Join(dir, name+".c"), filepath.Join(dir, name+".so")
		writeFile(t, file, source)
		flag := "-shared"
		if runtime.GOOS == "darwin" {
			flag = "-dynamiclib"
		}
		if msg, err := exec.CommandContext(t.Context(), "cc", flag, "-fPIC", "-o", out, file).CombinedOutput(); err != nil {
			t.Fatalf("cc: %v\n%s", err, msg)
		}
		return out
	}
	for name, c := range map[string]struct {
		library string
		words   []string
	}{
		"missing":         {filepath.Join(dir, "none.so"), []string{"none.so", "make build"}},
		"a folder":        {dir, []string{dir, "make build"}},
		"no library":      {text, []string{"text.so"}},
		"another library": {compile("other", "int nothing(void) { return 0; }"), []string{"other.so", "not an ONNX Runtime library"}},
		"too old":         {compile("old", oldLibrary), []string{"old.so", "too old"}},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "resift.yaml")
			writeFile(t, file, settings{engine: "http://127.0.0.1:1", reranker: fmt.Sprintf("{model: %q, library: %q}", model, c.library)}.yaml())
			begin := time.Now()
			holdMessage(t, command(t, nil, "serve", "--config", file), 1, append(c.words, "reranker")...)
			if took := time.Since(begin); took > rig.StartLimit/2 {
				t.Errorf("took %v", took)
			}
		})
	}
}
