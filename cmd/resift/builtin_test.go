package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/resift/resift/configs"
	"github.com/resift/resift/reranker"
	"github.com/resift/resift/reranker/builtin"
)

func TestTheDefaultModelIsBuiltIn(t *testing.T) {
	if _, ok := builtin.Find(configs.BuiltIn); !ok {
		t.Errorf("%s is none of %v", configs.BuiltIn, builtin.Names())
	}
}

func TestInfoOfABuiltInModelPrintsItsCard(t *testing.T) {
	for _, name := range builtin.Names() {
		code, stdout, stderr := call(t, "model", "info", name, "--device", "cpu")
		if code != 0 || !regexp.MustCompile(`^name +`+name+`@[0-9a-f]{8}\n`).MatchString(stdout) || !strings.Contains(stdout, "# "+name+"\n") ||
			!strings.Contains(stdout, "## Limits\n") || !regexp.MustCompile(`(?m)^license +Apache-2\.0$`).MatchString(stdout) {
			t.Errorf("%d\n%s\n%s", code, stdout, stderr)
		}
	}
	code, stdout, stderr := call(t, "model", "info", "resift-tiny", "--device", "cpu", "--json")
	var about struct{ Name, Model, Revision, Precision, Card string }
	if err := json.Unmarshal([]byte(stdout), &about); err != nil || code != 0 || about.Model != "resift-tiny" || len(about.Revision) != 64 || about.Card == "" {
		t.Errorf("%d %v %+v\n%s", code, err, about, stderr)
	}
}

// An exported model, imported again in fp32, gives the scores that the built-in gives within int8's rounding.
func TestExportedModelsScoreAsTheBuiltInDoes(t *testing.T) {
	dir := t.TempDir()
	for _, name := range builtin.Names() {
		weights, exact := filepath.Join(dir, name), filepath.Join(dir, name+"-fp32")
		for _, args := range [][]string{{"export", name, "-o", weights}, {"import", weights, "-o", exact, "--license", "Apache-2.0"}} {
			if code, _, stderr := call(t, append([]string{"model"}, args...)...); code != 0 {
				t.Fatal(stderr)
			}
		}
		reference := filepath.Join(dir, name+".jsonl")
		if err := os.WriteFile(reference, scoresOf(t, exact), 0o644); err != nil {
			t.Fatal(err)
		}
		code, stdout, stderr := call(t, "model", "verify", name, "--device", "cpu", "--reference", reference)
		if code != 0 || !strings.Contains(stdout, "passed") {
			t.Errorf("%s: %d\n%s%s", name, code, stdout, stderr)
		}
		if code, _, stderr := call(t, "model", "export", name, "-o", weights); code != 1 || !strings.Contains(stderr, "exists already") {
			t.Errorf("%d %s", code, stderr)
		}
	}
	for want, args := range map[string][]string{
		"-o is missing": {"resift-tiny"}, "no built-in model is called x; there are resift-tiny, resift-small": {"x", "-o", filepath.Join(dir, "x")},
	} {
		if code, _, stderr := call(t, append([]string{"model", "export"}, args...)...); code != 1 || !strings.Contains(stderr, want) {
			t.Errorf("%v: %d %s, want %q", args, code, stderr, want)
		}
	}
}

// scoresOf is a reference file of what a model gives to pairs of very different lengths.
func scoresOf(t *testing.T, model string) []byte {
	t.Helper()
	r, err := reranker.Open(reranker.Options{Model: model, Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var lines bytes.Buffer
	for _, q := range companions() {
		got, err := r.Score(t.Context(), q.query, q.passages)
		if err != nil {
			t.Fatal(err)
		}
		for i, passage := range q.passages {
			line, err := json.Marshal(map[string]any{"query": q.query, "passage": passage, "score": got.Scores[i]})
			if err != nil {
				t.Fatal(err)
			}
			lines.Write(append(line, '\n'))
		}
	}
	return lines.Bytes()
}
