package reranker

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// tinyCopy is a copy of the tiny model directory, to be spoilt.
func tinyCopy(t testing.TB) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{ModelFile, "tokenizer.json", MetadataFile} {
		copyFile(t, filepath.Join(tinyModel, name), filepath.Join(dir, name))
	}
	return dir
}

// edit changes keys of resift.json; a nil value removes one.
func edit(t testing.TB, dir string, changes map[string]any) {
	t.Helper()
	path := filepath.Join(dir, MetadataFile)
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var m map[string]any
	if err := json.Unmarshal(text, &m); err != nil {
		t.Fatal(err)
	}
	for key, value := range changes {
		if value == nil {
			delete(m, key)
		} else {
			m[key] = value
		}
	}
	if text, err = json.Marshal(m); err != nil {
		t.Fatal(err)
	}
	write(t, path, text)
}

func write(t testing.TB, path string, text []byte) {
	t.Helper()
	if err := os.WriteFile(path, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestReadDirectory(t *testing.T) {
	d, err := ReadDirectory(tinyModel)
	if err != nil {
		t.Fatal(err)
	}
	if !d.Declared || d.MaxTokens != 128 || d.Output != "logits" || len(d.Inputs) != 3 || d.BatchPairs != 0 || d.License != "Apache-2.0" {
		t.Errorf("read %+v", d.Metadata)
	}
	digests, err := d.Verify()
	if err != nil || digests[ModelFile] != d.Files[ModelFile] {
		t.Errorf("verify: %v, %v", digests, err)
	}
}

func TestUnusableDirectoryIsRefusedByName(t *testing.T) {
	digest := strings.Repeat("0", 64)
	cases := map[string]struct {
		spoil func(t *testing.T, dir string) string // returns the path to open
		want  []string
	}{
		"missing":  {func(_ *testing.T, dir string) string { return filepath.Join(dir, "nowhere") }, []string{"nowhere", "no such file"}},
		"a file":   {func(_ *testing.T, dir string) string { return filepath.Join(dir, ModelFile) }, []string{"is a file", "name the folder"}},
		"no model": {func(t *testing.T, dir string) string { remove(t, dir, ModelFile); return dir }, []string{ModelFile, "no such file"}},
		"no tokenizer": {func(t *testing.T, dir string) string {
			remove(t, dir, "tokenizer.json")
			edit(t, dir, map[string]any{"files": map[string]string{ModelFile: digest}})
			return dir
		}, []string{"neither tokenizer.json nor vocab.txt"}},
		"empty model":     {func(t *testing.T, dir string) string { write(t, filepath.Join(dir, ModelFile), nil); return dir }, []string{ModelFile, "is empty"}},
		"truncated model": {func(t *testing.T, dir string) string { halve(t, filepath.Join(dir, ModelFile)); return dir }, []string{ModelFile, "truncated"}},
		"text as model": {func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, ModelFile), []byte("version https://git-lfs.github.com/spec/v1\n"))
			return dir
		}, []string{ModelFile, "not an ONNX model"}},
		"bad JSON": {func(t *testing.T, dir string) string {
			write(t, filepath.Join(dir, MetadataFile), []byte("{"))
			return dir
		}, []string{MetadataFile, "unexpected EOF"}},
		"two objects": {func(t *testing.T, dir string) string { appendTo(t, filepath.Join(dir, MetadataFile), "{}"); return dir }, []string{MetadataFile, "after the JSON object"}},
		"unknown key": {spoilt(map[string]any{"max_length": 12}), []string{MetadataFile, "max_length"}},
		"many problems": {spoilt(map[string]any{"layout": LayoutPacked, "max_tokens": 0, "output": "", "inputs": map[string]string{"a": AttentionMask}}),
			[]string{"max_tokens 0", "output is missing", `unknown meaning "attention_mask"`, `none means "input_ids"`, `none means "token_offset"`}},
		"unknown layout":   {spoilt(map[string]any{"layout": "diagonal"}), []string{`layout "diagonal" is not supported: want "padded" or "packed"`}},
		"two inputs alike": {spoilt(map[string]any{"inputs": map[string]string{"a": InputIDs, "b": InputIDs, "c": AttentionMask}}), []string{`a and b both mean "input_ids"`}},
		"escaping path":    {spoilt(map[string]any{"files": map[string]string{ModelFile: digest, "../secret": digest}}), []string{`"../secret" leaves`}},
		"absolute path":    {spoilt(map[string]any{"files": map[string]string{ModelFile: digest, "/etc/passwd": digest}}), []string{`"/etc/passwd" leaves`}},
		"no digest":        {spoilt(map[string]any{"files": map[string]string{ModelFile: "abc"}}), []string{ModelFile, "not a sha256"}},
		"model not listed": {spoilt(map[string]any{"files": map[string]string{}}), []string{"does not list " + ModelFile}},
		"link outside": {func(t *testing.T, dir string) string {
			outside := filepath.Join(t.TempDir(), "model.onnx")
			copyFile(t, filepath.Join(tinyModel, ModelFile), outside)
			remove(t, dir, ModelFile)
			if err := os.Symlink(outside, filepath.Join(dir, ModelFile)); err != nil {
				t.Fatal(err)
			}
			return dir
		}, []string{ModelFile, "outside the directory"}},
		"missing input in graph": {spoilt(map[string]any{"inputs": map[string]string{
			"input_ids": InputIDs, "attention_mask": AttentionMask, "segments": TokenTypeIDs}}), []string{ModelFile, `wants an input "token_type_ids"`}},
		"other output": {spoilt(map[string]any{"output": "scores"}), []string{ModelFile, `no output "scores"`}},
		"embedding":    {readyGraph("embedding"), []string{ModelFile, "not a cross-encoder", "[-1 3]"}},
		"image input":  {readyGraph("extra_input"), []string{ModelFile, `"pixel_values"`}},
		"no mask":      {readyGraph("no_mask"), []string{ModelFile, `none means "attention_mask"`}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := ReadDirectory(c.spoil(t, tinyCopy(t)))
			if err == nil {
				t.Fatal("it was accepted")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func spoilt(changes map[string]any) func(*testing.T, string) string {
	return func(t *testing.T, dir string) string { edit(t, dir, changes); return dir }
}

func readyGraph(name string) func(*testing.T, string) string {
	return func(t *testing.T, _ string) string { return readyModel(t, name) }
}

func remove(t testing.TB, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}

func halve(t testing.TB, path string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, text[:len(text)/2])
}

func appendTo(t testing.TB, path, more string) {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	write(t, path, append(text, more...))
}

func TestOpenRefusesWhatOnlyHashesOrRunsTell(t *testing.T) {
	requireLibrary(t)
	altered := tinyCopy(t)
	model, err := os.ReadFile(filepath.Join(altered, ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	model[len(model)/2] ^= 1 // inside a weight: the graph still loads
	write(t, filepath.Join(altered, ModelFile), model)
	cases := map[string]struct {
		o    Options
		want []string
	}{
		"altered model":    {Options{Model: altered}, []string{ModelFile, "truncated or altered"}},
		"hidden embedding": {Options{Model: readyModel(t, "hidden_embedding")}, []string{ModelFile, "not a cross-encoder", "[2 3]"}},
		"no directory":     {Options{}, []string{"needs a model: "}},
		"unknown backend":  {Options{Backend: "torch"}, []string{`"torch"`, `"onnx"`, `"tei"`}},
		"no room for text": {Options{Model: tinyModel, MaxTokens: 3}, []string{"max_tokens 3"}},
		"unknown device":   {Options{Model: tinyModel, Device: "tpu"}, []string{`"tpu"`, "cuda:0"}},
		"CUDA without it":  {Options{Model: tinyModel, Device: "cuda:0"}, []string{"cuda:0", "CUDA"}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if c.o.Device == "" {
				c.o.Device = "cpu"
			}
			r, err := Open(c.o)
			if err == nil {
				_ = r.Close()
				t.Fatal("it was opened")
			}
			for _, want := range c.want {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestWriteDirectory(t *testing.T) {
	dir := tinyCopy(t)
	declared, err := ReadDirectory(dir)
	if err != nil {
		t.Fatal(err)
	}
	remove(t, dir, MetadataFile)
	m := declared.Metadata
	m.Files = nil
	m.Source = "a test"
	written, err := WriteDirectory(dir, m)
	if err != nil {
		t.Fatal(err)
	}
	if !written.Declared || written.Source != "a test" || written.Files[ModelFile] != declared.Files[ModelFile] || len(written.Files) != 2 {
		t.Errorf("wrote %+v", written.Metadata)
	}
	if _, err := written.Verify(); err != nil {
		t.Error(err)
	}
	m.MaxTokens = 0
	if _, err := WriteDirectory(dir, m); err == nil {
		t.Error("a description without max_tokens was written")
	}
	if again, err := ReadDirectory(dir); err != nil || again.MaxTokens != 128 {
		t.Errorf("a failed write spoilt the directory: %v", err)
	}
}

func TestReadyDirectoryTakesLimitsFromItsConfiguration(t *testing.T) {
	cases := map[string]struct {
		config, tokenizer string
		tokens, pad       int
	}{
		"nothing":        {"", "", 512, 0},
		"bert":           {`{"architectures": ["BertForSequenceClassification"], "max_position_embeddings": 256}`, "", 256, 0},
		"roberta":        {`{"model_type": "xlm-roberta", "max_position_embeddings": 514, "pad_token_id": 1}`, "", 512, 1},
		"shorter":        {`{"max_position_embeddings": 512}`, `{"model_max_length": 128}`, 128, 0},
		"unknown length": {`{"max_position_embeddings": 512}`, `{"model_max_length": 1000000000000000019884624838656}`, 512, 0},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := readyModel(t, "flat_int32")
			if c.config != "" {
				write(t, filepath.Join(dir, "config.json"), []byte(c.config))
			}
			if c.tokenizer != "" {
				write(t, filepath.Join(dir, "tokenizer_config.json"), []byte(c.tokenizer))
			}
			d, err := ReadDirectory(dir)
			if err != nil {
				t.Fatal(err)
			}
			if d.Declared || d.MaxTokens != c.tokens || d.PadToken != c.pad {
				t.Errorf("inferred %+v", d.Metadata)
			}
		})
	}
}

func TestSignature(t *testing.T) {
	s, err := readSignature(filepath.Join(tinyModel, ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	if len(s.inputs) != 3 || s.inputs[0].name != "input_ids" || s.inputs[0].kind != kindInt64 || len(s.inputs[0].dims) != 2 {
		t.Errorf("inputs %+v", s.inputs)
	}
	if len(s.outputs) != 1 || s.outputs[0].name != "logits" || s.outputs[0].dims[1] != 1 {
		t.Errorf("outputs %+v", s.outputs)
	}
	if s.operators["LayerNormalization"] != 5 || s.operators["Softmax"] != 2 || s.initializers["pooler.weight"] == nil || s.precision != "fp32" {
		t.Errorf("operators %v, precision %q", s.operators, s.precision)
	}
}

func FuzzSignature(f *testing.F) {
	for _, pattern := range []string{"testdata/graphs/*.onnx", filepath.Join(tinyModel, ModelFile)} {
		paths, err := filepath.Glob(pattern)
		if err != nil {
			f.Fatal(err)
		}
		for _, path := range paths {
			file, err := os.ReadFile(path)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(file)
		}
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s, err := scanSignature(bytes.NewReader(file), int64(len(file)))
		if err == nil && len(s.outputs) == 0 {
			t.Error("a graph without outputs was accepted")
		}
	})
}

func FuzzMetadata(f *testing.F) {
	text, err := os.ReadFile(filepath.Join(tinyModel, MetadataFile))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"layout": "padded", "files": {"..\\model.onnx": ""}}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		m, err := parseMetadata(text)
		if err != nil {
			return
		}
		for name := range m.Files {
			if rel, err := filepath.Rel("/model", filepath.Join("/model", name)); err != nil || strings.HasPrefix(rel, "..") {
				t.Errorf("file %q leaves the directory", name)
			}
		}
	})
}
