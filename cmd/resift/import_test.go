package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/resift/resift/reranker"
)

const (
	checkpoints = "../../reranker/checkpoint/testdata"
	readyONNX   = "../../reranker/testdata/tiny"
)

// publishedFolder is a checkpoint of testdata with one of its two files of weights.
func publishedFolder(t *testing.T, name, weights string) string {
	t.Helper()
	dir := t.TempDir()
	entries, err := os.ReadDir(filepath.Join(checkpoints, name))
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if ext := filepath.Ext(e.Name()); (ext == ".safetensors" || ext == ".bin") && e.Name() != weights {
			continue
		}
		if err := copyFile(filepath.Join(dir, e.Name()), filepath.Join(checkpoints, name, e.Name())); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, weights)); err != nil {
		t.Fatal(err)
	}
	return dir
}

// The golden scores are PyTorch's, by testdata/make_golden.py. Each precision is held to verify's own bounds; fp16 where
// RESIFT_TEST_CUDA tells that there is a CUDA device.
func TestPublishedWeightsScoreAsPyTorch(t *testing.T) {
	precisions, devices := []string{"fp32", "int8"}, map[string]string{"fp32": "cpu", "int8": "cpu", "fp16": "cuda:0"}
	if os.Getenv("RESIFT_TEST_CUDA") != "" {
		precisions = append(precisions, "fp16")
	}
	files := map[string][]string{"bert-words8": {"model.safetensors"}, "bert-int8": {"model.safetensors"}}
	for _, name := range []string{"cat", "bert", "distilbert"} {
		files[name] = []string{"model.safetensors", "pytorch_model.bin"}
	}
	for name, all := range files {
		for _, weights := range all {
			for _, precision := range precisions {
				t.Run(name+"/"+weights+"/"+precision, func(t *testing.T) {
					from, out := publishedFolder(t, name, weights), filepath.Join(t.TempDir(), "model")
					code, stdout, stderr := call(t, "model", "import", from, "-o", out, "--precision", precision, "--license", "MIT", "--source", "a test")
					if code != 0 {
						t.Fatalf("import: %s", stderr)
					}
					if !strings.Contains(stdout, "2 layers of width 32, written in "+precision) {
						t.Errorf("import says %q", stdout)
					}
					d, err := reranker.ReadDirectory(out)
					if err != nil {
						t.Fatal(err)
					}
					if d.License != "MIT" || d.Source != "a test" || d.Precision != precision || d.MaxTokens != 64 || len(d.Files) != 2 {
						t.Errorf("resift.json: %+v", d.Metadata)
					}
					code, stdout, stderr = call(t, "model", "verify", out, "--reference", filepath.Join(checkpoints, name, "golden.jsonl"), "--device", devices[precision])
					if code != 0 || !strings.Contains(stdout, "passed") || !strings.Contains(stdout, "32 of 4 queries") {
						t.Errorf("verify: %d\n%s%s", code, stdout, stderr)
					}
					t.Log(stdout)
				})
			}
		}
	}
}

func TestImportForCUDADescribesThePackedGraph(t *testing.T) {
	for name, types := range map[string]bool{"cat": false, "bert": true} {
		out := filepath.Join(t.TempDir(), "model")
		if code, _, stderr := call(t, "model", "import", publishedFolder(t, name, "model.safetensors"), "-o", out, "--device", "cuda"); code != 0 {
			t.Fatal(stderr)
		}
		d, err := reranker.ReadDirectory(out) // which holds the description against the graph
		if err != nil {
			t.Fatal(err)
		}
		_, has := d.Inputs[reranker.TokenTypeIDs]
		if d.Layout != reranker.LayoutPacked || d.Precision != "fp16" || has != types {
			t.Errorf("%s: %+v", name, d.Metadata)
		}
	}
}

func TestInfoTellsTheName(t *testing.T) {
	folder := filepath.Join(t.TempDir(), "my model")
	for _, c := range []struct {
		args []string
		want string
	}{
		{nil, "my-model@"},
		{[]string{"--name", "acme/own"}, "acme/own@"},
	} {
		if err := os.RemoveAll(folder); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := call(t, append([]string{"model", "import", readyONNX, "-o", folder}, c.args...)...); code != 0 {
			t.Fatal(stderr)
		}
		code, stdout, stderr := call(t, "model", "info", folder, "--device", "cpu")
		if line, _, _ := strings.Cut(stdout, "\n"); code != 0 || !regexp.MustCompile("^name +"+c.want+"[0-9a-f]{8}$").MatchString(line) {
			t.Errorf("%v: %q\n%s", c.args, line, stderr)
		}
	}
}

func TestFindModel(t *testing.T) {
	home := t.TempDir()
	cached := filepath.Join(home, ".cache", "resift", "models", "own")
	if err := os.MkdirAll(cached, 0o755); err != nil {
		t.Fatal(err)
	}
	p := &program{env: []string{"HOME=" + home}}
	for name, want := range map[string]string{"own": cached, home: home, "resift-tiny": "resift-tiny"} {
		if got, err := p.findModel(name); got != want || err != nil {
			t.Errorf("%s: %q (%v), want %q", name, got, err, want)
		}
	}
}

func TestImportRefuses(t *testing.T) {
	missing := publishedFolder(t, "cat", "model.safetensors")
	if err := os.Remove(filepath.Join(missing, "vocab.txt")); err != nil {
		t.Fatal(err)
	}
	there := t.TempDir()
	for _, c := range []struct {
		from string
		args []string
		want string
	}{
		{readyONNX, []string{"-o", there}, "exists already"},
		{readyONNX, nil, "-o is missing"},
		{readyONNX, []string{"-o", "OUT", "--name", "a b"}, `name "a b" has other characters`},
		{readyONNX, []string{"-o", "OUT", "--precision", "fp8"}, "want fp32 or int8, or fp16 with --device cuda"},
		{readyONNX, []string{"-o", "OUT", "--precision", "fp16", "--device", "cpu"}, "fp16 is not for a CPU"},
		{readyONNX, []string{"-o", "OUT", "--precision", "int8", "--device", "cuda"}, "is for --precision fp16"},
		{readyONNX, []string{"-o", "OUT", "--device", "tpu"}, "want cpu or cuda"},
		{readyONNX, []string{"-o", "OUT", "--device", "cuda"}, "is a ready graph"},
		{missing, []string{"-o", "OUT"}, `the model uses the tokenizer of "distilbert-base-uncased"`},
		{t.TempDir(), []string{"-o", "OUT"}, "it has neither model.onnx nor config.json"},
	} {
		parent := t.TempDir()
		args := []string{"model", "import", c.from}
		for _, a := range c.args {
			args = append(args, strings.Replace(a, "OUT", filepath.Join(parent, "out"), 1))
		}
		code, _, stderr := call(t, args...)
		if code != 1 || !strings.Contains(stderr, c.want) {
			t.Errorf("%v: %d %q, want %q", c.args, code, stderr, c.want)
		}
		if left, _ := os.ReadDir(parent); len(left) > 0 {
			t.Errorf("%v: %s is left", c.args, left[0].Name())
		}
	}
}

func TestImportOfAReadyGraphCopiesIt(t *testing.T) {
	out := filepath.Join(t.TempDir(), "model")
	if code, stdout, stderr := call(t, "model", "import", readyONNX, "-o", out); code != 0 || !strings.Contains(stdout, "the graph as it is") {
		t.Fatalf("%d %s %s", code, stdout, stderr)
	}
	from, err := os.ReadFile(filepath.Join(readyONNX, "model.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	to, err := os.ReadFile(filepath.Join(out, "model.onnx"))
	if err != nil || string(from) != string(to) {
		t.Errorf("the graph changed (%v)", err)
	}
}

// tinyReference writes the golden scores of the tiny model as a reference file, each changed by change.
func tinyReference(t *testing.T, change func(i int, score float64) float64) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(readyONNX, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var golden []struct {
		Query    string
		Passages []string
		Scores   []float64
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	var lines strings.Builder
	for _, g := range golden {
		for i, passage := range g.Passages {
			line, err := json.Marshal(map[string]any{"query": g.Query, "passage": passage, "score": change(i, g.Scores[i])})
			if err != nil {
				t.Fatal(err)
			}
			lines.Write(append(line, '\n'))
		}
	}
	file := filepath.Join(t.TempDir(), "reference.jsonl")
	if err := os.WriteFile(file, []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

func TestVerify(t *testing.T) {
	same := func(_ int, score float64) float64 { return score }
	for _, c := range []struct {
		name   string
		change func(int, float64) float64
		args   []string
		code   int
		want   []string
	}{
		{"equal", same, nil, 0, []string{"passed", "the reference's for every query", "bound 0.0001"}},
		{"one score is off by a hundredth", func(i int, score float64) float64 {
			if i == 2 {
				return score + 0.01
			}
			return score
		}, nil, 1, []string{"FAILED", "at most 0.01", "worst query"}},
		{"which may be allowed", func(_ int, score float64) float64 { return score + 0.01 }, []string{"--tolerance", "0.02"}, 0,
			[]string{"passed", "bound 0.02"}},
		{"the other way round", func(_ int, score float64) float64 { return -score }, []string{"--tolerance", "100"}, 0,
			[]string{"the reference's for 0 of 4 queries", "changed places"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := append([]string{"model", "verify", readyONNX, "--device", "cpu", "--reference", tinyReference(t, c.change)}, c.args...)
			code, stdout, stderr := call(t, args...)
			if code != c.code {
				t.Errorf("exit code %d\n%s%s", code, stdout, stderr)
			}
			for _, want := range c.want {
				if !strings.Contains(stdout, want) {
					t.Errorf("no %q in\n%s", want, stdout)
				}
			}
		})
	}
	if code, stdout, stderr := call(t, "model", "verify", readyONNX, "--device", "cpu"); code != 0 || !strings.Contains(stdout, "in a batch") {
		t.Errorf("without a reference: %d\n%s%s", code, stdout, stderr)
	}
}

func TestVerifyRefusesReferences(t *testing.T) {
	for text, want := range map[string]string{
		"":                               "holds no pair",
		"{\"query\": \"a\"}":             "pair 1: query, passage or score is missing",
		"[]":                             "pair 1",
		"{\"query\": \"a\", \"score\":}": "pair 1",
	} {
		file := filepath.Join(t.TempDir(), "reference.jsonl")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if code, _, stderr := call(t, "model", "verify", readyONNX, "--device", "cpu", "--reference", file); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%q: %d %q, want %q", text, code, stderr, want)
		}
	}
}

// widestSwap against the definition, on orders of every kind.
func TestWidestSwap(t *testing.T) {
	for _, c := range []struct {
		want []float64
		got  []float32
		gap  float64
	}{
		{[]float64{4, 3, 2, 1}, []float32{4, 3, 2, 1}, 0},
		{[]float64{4, 3, 2, 1}, []float32{4, 2, 3, 1}, 1},
		{[]float64{4, 3, 2, 1}, []float32{1, 2, 3, 4}, 3},
		{[]float64{4, 3, 2, 1}, []float32{3, 9, 1, 2}, 1},
		{[]float64{4, 3, 2, 1}, []float32{2, 9, 1, 3}, 3},
		{[]float64{2, 2}, []float32{1, 5}, 0},
		{[]float64{1}, []float32{1}, 0},
	} {
		order := make([]int, len(c.want))
		for i := range order {
			order[i] = i
		}
		if gap := widestSwap(c.want, c.got, order); gap != c.gap {
			t.Errorf("%v by %v: %v, want %v", c.want, c.got, gap, c.gap)
		}
	}
}
