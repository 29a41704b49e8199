package hub

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestParseModel(t *testing.T) {
	commit := strings.Repeat("ab", 20)
	sum := strings.Repeat("cd", 32)
	for _, c := range []struct{ text, want string }{
		{`{"sha":"` + commit + `","siblings":[{"rfilename":"config.json"}]}`, ""},
		{`{"sha":"` + commit + `"}`, ""},
		{`{"sha":"main"}`, `sha "main" is not a commit`},
		{`{}`, `is not a commit`},
		{`[]`, "cannot unmarshal array"},
		{`<html>`, "invalid character"},
		{`{"sha":"` + commit + `"} {}`, "text after"},
		{`{"sha":"` + commit + `","siblings":[{"rfilename":"a"},{"rfilename":"a"}]}`, `file "a": is listed twice`},
		{`{"sha":"` + commit + `","siblings":[{"rfilename":""}]}`, "has no name"},
		{`{"sha":"` + commit + `","siblings":[{"rfilename":"a","size":-1}]}`, "negative"},
		{`{"sha":"` + commit + `","siblings":[{"rfilename":"a","size":1e99}]}`, "cannot unmarshal number"},
		{`{"sha":"` + commit + `","siblings":[{"rfilename":"a","blobId":"xyz"}]}`, `"xyz" is no git blob id`},
		{`{"sha":"` + commit + `","siblings":[{"rfilename":"a","lfs":{"sha256":"` + commit + `"}}]}`, "is no sha256"},
	} {
		_, err := parseModel("a/b", []byte(c.text))
		if got := errorText(err); !strings.Contains(got, c.want) || c.want == "" && err != nil {
			t.Errorf("%s: %v, want %q", c.text, err, c.want)
		}
	}
	m, err := parseModel("a/b", []byte(`{"sha":"`+commit+`","tags":["x","license:mit"],"cardData":{"license":["mit","bsd"]},"siblings":[
		{"rfilename":"config.json","size":7,"blobId":"`+commit+`"},
		{"rfilename":"model.safetensors","size":130,"blobId":"`+commit+`","lfs":{"sha256":"`+sum+`","size":9000,"pointerSize":130}},
		{"rfilename":"vocab.txt"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	want := []File{{Path: "config.json", Size: 7, BlobID: commit}, {Path: "model.safetensors", Size: 9000, SHA256: sum}, {Path: "vocab.txt", Size: -1}}
	for i, f := range m.Files {
		if f != want[i] {
			t.Errorf("%+v, want %+v", f, want[i])
		}
	}
	if m.License != "mit" {
		t.Errorf("license %q", m.License)
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func TestChoose(t *testing.T) {
	const safe, bin, onnx = "model.safetensors", "pytorch_model.bin", "model.onnx"
	for _, c := range []struct {
		files  string
		format Format
		want   string // the weights, with the index; or the error
	}{
		{"config.json " + safe + " " + bin + " onnx/model.onnx", "", safe},
		{"config.json " + safe + " " + bin, Auto, safe},
		{"config.json " + safe + " " + safe + ".index.json", Auto, safe},
		{"config.json " + bin + " onnx/model.onnx", Auto, bin},
		{"config.json " + safe + " " + bin, PyTorch, bin},
		{"config.json " + safe + ".index.json " + bin, Auto, safe + ".index.json"},
		{"config.json " + bin + ".index.json", Auto, bin + ".index.json"},
		{"config.json " + safe + " onnx/model.onnx onnx/model.onnx_data onnx/model_quantized.onnx", ONNX, "onnx/model.onnx onnx/model.onnx_data"},
		{"config.json model.onnx model.onnx.data onnx/model.onnx", ONNX, "model.onnx model.onnx.data"},
		{onnx, Auto, onnx},
		{safe, Auto, "has no config.json"},
		{"config.json tf_model.h5", Auto, "has no weights that resift reads: looked for model.safetensors, model.safetensors.index.json, pytorch_model.bin"},
		{"config.json " + safe, ONNX, "looked for model.onnx, onnx/model.onnx"},
		{"config.json " + safe, "gguf", `format "gguf" is unknown: want auto, safetensors, pytorch or onnx`},
		{"", Auto, "has no weights"},
	} {
		m := &Model{Name: "a/b", Commit: "c"}
		for _, name := range strings.Fields(c.files) {
			m.Files = append(m.Files, File{Path: name})
		}
		got, err := m.choose(c.format)
		if err != nil {
			if !strings.Contains(err.Error(), c.want) {
				t.Errorf("%s, %s: %v, want %q", c.files, c.format, err, c.want)
			}
			continue
		}
		var names []string
		if got.index != nil {
			names = append(names, got.index.Path)
		}
		for _, f := range got.weights {
			names = append(names, f.Path)
		}
		if strings.Join(names, " ") != c.want {
			t.Errorf("%s, %s: %q, want %q", c.files, c.format, names, c.want)
		}
	}
}

func TestNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"bert-base-uncased": true, "cross-encoder/ms-marco-MiniLM-L6-v2": true, "a/b.c_d": true, "_x/y": true,
		"": false, "a/b/c": false, "/a": false, "a/": false, "../a": false, "a/..": false, "a..b": false, "a--b": false, ".a": false, "a/.b": false,
		"a b": false, "a/b.git": false, "a?b": false, "a%2fb": false, "a\nb": false, "é": false, "-a": false, "a-": false, strings.Repeat("a", 97): false,
	} {
		if err := CheckName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	if got := FolderName("a/b"); got != "a--b" {
		t.Error(got)
	}
	for name, ok := range map[string]bool{
		"config.json": true, "model-00001-of-00002.safetensors": true, "LICENSE": true,
		"": false, ".": false, "..": false, "../x": false, "/x": false, "a/b": false, `a\b`: false, "c:x": false, ".hidden": false, "a\x00b": false, "a\nb": false,
		"x.partial": false, "x.partial.json": false, strings.Repeat("a", 201): false,
	} {
		if err := checkLocal(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestSize(t *testing.T) {
	for n, want := range map[int64]string{0: "0 B", 999: "999 B", 1000: "1 kB", 90_900_000: "90.9 MB", 999_600: "1 MB", 438_000_123: "438 MB", 1_340_000_000: "1.34 GB"} {
		if got := Size(n); got != want {
			t.Errorf("%d: %s, want %s", n, got, want)
		}
	}
}

// FuzzParseModel: whatever a hub answers, what is chosen from it has a commit for a name and stays inside the folder.
func FuzzParseModel(f *testing.F) {
	for _, name := range []string{"bert.json", "sharded.json", "plain.json"} {
		text, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, []byte(`{"weight_map":{"a":"model-00001-of-00002.safetensors"}}`))
	}
	f.Add([]byte(`{"sha":"0123456789012345678901234567890123456789","siblings":[{"rfilename":"../x"},{"rfilename":"config.json"},{"rfilename":"model.safetensors"}]}`), []byte(`{"weight_map":{"a":"../x"}}`))
	f.Fuzz(func(t *testing.T, text, index []byte) {
		m, err := parseModel("a/b", text)
		if err != nil {
			return
		}
		if !commitName.MatchString(m.Commit) {
			t.Fatalf("commit %q", m.Commit)
		}
		for _, format := range []Format{Auto, Safetensors, PyTorch, ONNX} {
			c, err := m.choose(format)
			if err != nil {
				continue
			}
			files := append(c.small, c.weights...)
			shards, err := m.shards(index)
			if err == nil {
				files = append(files, shards...)
			}
			for _, f := range files {
				if err := checkLocal(f.name()); err != nil || f.Size < -1 {
					t.Fatalf("%+v: %v", f, err)
				}
				if f.SHA256 != "" && !sha256Hex.MatchString(f.SHA256) || f.BlobID != "" && !commitName.MatchString(f.BlobID) {
					t.Fatalf("%+v", f)
				}
			}
		}
	})
}
