package hub

import (
	"encoding/json"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
)

// Format is the kind of weights to download.
type Format string

// The formats. Auto takes the first of the others that the repository has, in this order.
const (
	Auto        Format = "auto"
	Safetensors Format = "safetensors"
	PyTorch     Format = "pytorch"
	ONNX        Format = "onnx"
)

// Files that more than one place knows.
const (
	configFile    = "config.json"
	tokenizerFile = "tokenizer.json"
	vocabFile     = "vocab.txt"
	indexSuffix   = ".index.json" // of weights in several files: which tensor is in which
)

// weights names a format's file, of which there may be an index with shards instead.
func weights() []struct {
	format Format
	paths  []string
} {
	return []struct {
		format Format
		paths  []string
	}{
		{Safetensors, []string{"model.safetensors", "model.safetensors" + indexSuffix}},
		{PyTorch, []string{"pytorch_model.bin", "pytorch_model.bin" + indexSuffix}},
		{ONNX, []string{"model.onnx", "onnx/model.onnx"}},
	}
}

// chosen is what an import needs of a repository.
type chosen struct {
	small   []File // configuration, tokenizer, model card and licence
	index   *File  // of weights in several files
	weights []File // without those that index names
}

// choose picks the files that an import needs.
func (m *Model) choose(format Format) (*chosen, error) {
	c := &chosen{}
	if err := m.chooseWeights(c, format); err != nil {
		return nil, err
	}
	if _, ok := m.file(configFile); !ok && !c.isGraph() {
		return nil, fmt.Errorf("%s has no %s: its architecture is not told", m.Source(), configFile)
	}
	for _, f := range m.Files {
		if f.Path == configFile || tokenizes(f.Path) || describes(f.Path) {
			c.small = append(c.small, f)
		}
	}
	return c, nil
}

func (m *Model) chooseWeights(c *chosen, format Format) error {
	known := format == "" || format == Auto
	for _, w := range weights() {
		known = known || format == w.format
		if format != w.format && format != Auto && format != "" {
			continue
		}
		for _, p := range w.paths {
			f, ok := m.file(p)
			switch {
			case !ok:
				continue
			case strings.HasSuffix(p, indexSuffix):
				c.index = &f
			default:
				c.weights = append([]File{f}, m.external(f)...)
			}
			return nil
		}
	}
	if !known {
		return fmt.Errorf("format %q is unknown: want %s, %s, %s or %s", format, Auto, Safetensors, PyTorch, ONNX)
	}
	var looked []string
	for _, w := range weights() {
		if format == w.format || format == Auto || format == "" {
			looked = append(looked, w.paths...)
		}
	}
	return fmt.Errorf("%s has no weights that resift reads: looked for %s", m.Source(), strings.Join(looked, ", "))
}

// isGraph tells whether the weights are a graph, which tells its architecture itself.
func (c *chosen) isGraph() bool {
	return len(c.weights) > 0 && strings.HasSuffix(c.weights[0].Path, ".onnx")
}

// external are the files that hold an ONNX graph's tensors, by the names that exporters give them.
func (m *Model) external(graph File) []File {
	var out []File
	for _, p := range []string{graph.Path + "_data", graph.Path + ".data"} {
		if f, ok := m.file(p); ok && strings.HasSuffix(graph.Path, ".onnx") {
			out = append(out, f)
		}
	}
	return out
}

// tokenizes tells whether a file belongs to the tokenizer.
func tokenizes(p string) bool {
	switch p {
	case vocabFile, tokenizerFile, "tokenizer_config.json", "special_tokens_map.json", "added_tokens.json":
		return true
	}
	return false
}

// describes tells whether a file is the model card or asked for by a licence.
func describes(p string) bool {
	if strings.Contains(p, "/") || checkLocal(p) != nil {
		return false
	}
	upper := strings.ToUpper(strings.TrimSuffix(p, path.Ext(p)))
	return upper == "README" || strings.HasPrefix(upper, "LICENSE") || strings.HasPrefix(upper, "LICENCE") || strings.HasPrefix(upper, "NOTICE")
}

// hasTokenizer tells whether the repository can tokenize.
func (m *Model) hasTokenizer() bool {
	_, own := m.file(tokenizerFile)
	_, vocab := m.file(vocabFile)
	return own || vocab
}

// shards are the files that an index names: each must be in the repository, beside the index.
func (m *Model) shards(index []byte) ([]File, error) {
	var w struct {
		Map map[string]string `json:"weight_map"` // tensor → file
	}
	if err := json.Unmarshal(index, &w); err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for _, name := range w.Map {
		names[name] = true
	}
	if len(names) == 0 {
		return nil, fmt.Errorf("names no files")
	}
	var out []File
	for _, name := range slices.Sorted(maps.Keys(names)) {
		f, ok := m.file(name)
		if err := checkLocal(name); err != nil {
			return nil, err
		} else if !ok {
			return nil, fmt.Errorf("names %q, which is not in the repository", name)
		}
		out = append(out, f)
	}
	return out, nil
}
