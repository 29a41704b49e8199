package reranker

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/resift/resift/reranker/onnxgraph"
)

// Files of a model directory.
const (
	ModelFile    = "model.onnx"
	MetadataFile = "resift.json"
)

// Bounds of Metadata.MaxTokens.
const (
	minMaxTokens   = 8
	maxTokensLimit = 1 << 15
)

// Metadata is the content of resift.json.
type Metadata struct {
	Name         string            `json:"name,omitempty"`        // see cleanName; "": the directory's
	Architecture string            `json:"architecture"`          // such as BertForSequenceClassification; for people
	Inputs       map[string]string `json:"inputs"`                // graph input → what it means to the layout, such as InputIDs
	Output       string            `json:"output"`                // graph output: [pairs, 1] or [pairs], a logit
	MaxTokens    int               `json:"max_tokens"`            // of a pair, special tokens included
	PadToken     int               `json:"pad_token,omitempty"`   // id that fills shorter pairs
	Precision    string            `json:"precision"`             // such as fp32, fp16, int8; for people
	Layout       string            `json:"layout"`                // LayoutPadded or LayoutPacked
	BatchPairs   int               `json:"batch_pairs,omitempty"` // most pairs a batch may have; 0: no bound but tokens
	Files        map[string]string `json:"files"`                 // every file a score depends on → hex sha256
	Source       string            `json:"source,omitempty"`      // where the weights came from
	License      string            `json:"license,omitempty"`     // SPDX identifier
}

// Directory is a model directory whose description was read and found sound. Its files were not hashed yet: see Verify.
type Directory struct {
	Path string
	Metadata
	// Declared is false for a ready ONNX: a directory without resift.json, whose description was inferred.
	Declared bool

	signature signature
	graph     []byte // model.onnx of a built-in model, which has no folder; nil: it is in Path
}

// Describe is the description of a graph that onnxgraph wrote; names of files without their digests.
func Describe(m onnxgraph.Metadata) Metadata {
	out := Metadata{
		Architecture: m.Architecture, Inputs: m.Inputs, Output: m.Output, MaxTokens: m.MaxTokens, PadToken: m.PadToken,
		Precision: m.Precision, Layout: LayoutPadded, Source: m.Source, License: m.License, Files: map[string]string{},
	}
	if m.Packed {
		out.Layout = LayoutPacked
	}
	for _, name := range m.Files {
		out.Files[name] = ""
	}
	return out
}

// ReadDirectory reads the description of a model directory and checks the graph against it. A directory without
// resift.json works if it has model.onnx and a tokenizer: see inferMetadata for what is assumed. Errors name the file.
func ReadDirectory(dir string) (*Directory, error) {
	if info, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("model directory: %w", err)
	} else if !info.IsDir() {
		return nil, fmt.Errorf("model directory %s is a file; name the folder that holds %s", dir, ModelFile)
	}
	d := &Directory{Path: dir, Declared: true}
	text, err := os.ReadFile(filepath.Join(dir, MetadataFile))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		d.Declared = false
	case err != nil:
		return nil, fmt.Errorf("model directory: %w", err)
	default:
		if d.Metadata, err = parseMetadata(text); err != nil {
			return nil, fmt.Errorf("%s: %w", filepath.Join(dir, MetadataFile), err)
		}
	}
	if err := d.checkFiles(); err != nil {
		return nil, err
	}
	model := filepath.Join(dir, ModelFile)
	if d.signature, err = readSignature(model); err != nil {
		return nil, fmt.Errorf("%s: %w", model, err)
	}
	if !d.Declared {
		if d.Metadata, err = inferMetadata(dir, d.signature); err != nil {
			return nil, fmt.Errorf("%s: %w", model, err)
		}
	}
	if err := d.accept(); err != nil {
		return nil, fmt.Errorf("%s: %w", model, err)
	}
	return d, nil
}

// accept holds the description against the graph.
func (d *Directory) accept() error {
	if err := d.signature.matches(d.Metadata); err != nil {
		return err
	}
	if err := errors.Join(checkInputs(d.Layout, d.Inputs)...); err != nil {
		return err
	}
	if d.BatchPairs == 0 && d.signature.batchDependent() {
		d.BatchPairs = 1
	}
	return nil
}

// BatchDependent tells whether the graph quantises activations with one scale for a whole batch: a pair's score would depend
// on its neighbours, so such a graph runs one pair at a time.
func (d *Directory) BatchDependent() bool { return d.signature.batchDependent() }

// WriteDirectory completes a folder that already holds model.onnx and a tokenizer: it hashes m.Files' names (all regular
// files of the folder but resift.json if there are none) and writes resift.json. It returns what it wrote.
func WriteDirectory(dir string, m Metadata) (*Directory, error) {
	names := slices.Sorted(maps.Keys(m.Files))
	if len(names) == 0 {
		entries, err := os.ReadDir(dir)
		if err != nil {
			return nil, fmt.Errorf("model directory: %w", err)
		}
		for _, e := range entries {
			if e.Type().IsRegular() && e.Name() != MetadataFile {
				names = append(names, e.Name())
			}
		}
	}
	m.Files = map[string]string{}
	for _, name := range names {
		m.Files[name] = ""
	}
	digests, err := hashFiles(dir, m.Files)
	if err != nil {
		return nil, err
	}
	m.Files = digests
	text, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, err
	}
	if _, err := parseMetadata(text); err != nil {
		return nil, fmt.Errorf("%s: %w", MetadataFile, err)
	}
	if err := replaceFile(filepath.Join(dir, MetadataFile), append(text, '\n')); err != nil {
		return nil, err
	}
	return ReadDirectory(dir)
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, text []byte) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".resift-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone already after the rename
	_, err = tmp.Write(text)
	err = errors.Join(err, tmp.Chmod(0o644), tmp.Close())
	if err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}

// parseMetadata reads resift.json strictly: an unknown key is an error, because ignoring it could change scores.
func parseMetadata(text []byte) (Metadata, error) {
	var m Metadata
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&m); err != nil {
		return Metadata{}, err
	}
	if dec.More() {
		return Metadata{}, errors.New("text after the JSON object")
	}
	return m, m.check()
}

// check finds every problem of a description.
func (m Metadata) check() error {
	var problems []error
	problem := func(format string, args ...any) { problems = append(problems, fmt.Errorf(format, args...)) }
	if m.Name != cleanName(m.Name) {
		problem("name %.100q has other characters than letters, digits and ._-/, or more than %d", m.Name, maxNameBytes)
	}
	if layoutInputs(m.Layout) == nil {
		problem("layout %q is not supported: want %q or %q", m.Layout, LayoutPadded, LayoutPacked)
	}
	if m.MaxTokens < minMaxTokens || m.MaxTokens > maxTokensLimit {
		problem("max_tokens %d is not between %d and %d", m.MaxTokens, minMaxTokens, maxTokensLimit)
	}
	if m.PadToken < 0 {
		problem("pad_token %d is negative", m.PadToken)
	}
	if m.BatchPairs < 0 {
		problem("batch_pairs %d is negative", m.BatchPairs)
	}
	if m.Output == "" {
		problem("output is missing")
	}
	problems = append(problems, checkInputs(m.Layout, m.Inputs)...)
	if _, ok := m.Files[ModelFile]; !ok {
		problem("files does not list %s", ModelFile)
	}
	for _, name := range slices.Sorted(maps.Keys(m.Files)) {
		if !filepath.IsLocal(name) || strings.ContainsAny(name, `\:`) {
			problem("files: %q leaves the model directory", name)
		}
		if !isDigest(m.Files[name]) {
			problem("files: %s: %q is not a sha256 in hex", name, m.Files[name])
		}
	}
	return errors.Join(problems...)
}

func isDigest(s string) bool {
	return len(s) == 64 && strings.Trim(s, "0123456789abcdef") == ""
}

// checkFiles sees that what the directory needs is there, before anything large is read.
func (d *Directory) checkFiles() error {
	needed := slices.Sorted(maps.Keys(d.Files))
	if !slices.Contains(needed, ModelFile) {
		needed = append(needed, ModelFile)
	}
	for _, name := range needed {
		path := filepath.Join(d.Path, name)
		info, err := os.Stat(path)
		if err != nil {
			return fmt.Errorf("model directory: %w", err)
		}
		if !info.Mode().IsRegular() {
			return fmt.Errorf("model directory: %s is not a regular file", path)
		}
		if info.Size() == 0 {
			return fmt.Errorf("model directory: %s is empty", path)
		}
		if err := d.inside(path); err != nil {
			return err
		}
	}
	for _, name := range []string{"tokenizer.json", "vocab.txt"} {
		if _, err := os.Stat(filepath.Join(d.Path, name)); err == nil {
			return nil
		}
	}
	return fmt.Errorf("model directory %s has neither tokenizer.json nor vocab.txt", d.Path)
}

// inside refuses a declared file that a link leads out of the directory: what is hashed must be what is shipped. Hub
// caches, whose files are all links, have no resift.json.
func (d *Directory) inside(path string) error {
	if !d.Declared {
		return nil
	}
	root, err := filepath.EvalSymlinks(d.Path)
	if err != nil {
		return fmt.Errorf("model directory: %w", err)
	}
	target, err := filepath.EvalSymlinks(path)
	if err != nil {
		return fmt.Errorf("model directory: %w", err)
	}
	if rel, err := filepath.Rel(root, target); err != nil || !filepath.IsLocal(rel) {
		return fmt.Errorf("model directory: %s links to %s, outside the directory", path, target)
	}
	return nil
}
