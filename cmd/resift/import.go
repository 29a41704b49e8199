package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/resift/resift/reranker"
	"github.com/resift/resift/reranker/onnxgraph"
)

// modelImport makes a model directory of a folder with a ready ONNX cross-encoder and its tokenizer. A BERT graph that
// quantises activations of a whole batch together is rewritten: its scores would depend on who else is in the batch.
func (p *program) modelImport(args []string) error {
	f := p.flags("model import", "model import DIR -o OUT [--precision fp32|int8] [--source TEXT] [--license ID]")
	out := f.String("o", "", "model `directory` to make; must not exist")
	precision := f.String("precision", string(onnxgraph.FP32), "of a rewritten graph: fp32, or int8 (weights and, by rows, activations)")
	source := f.String("source", "", "where the weights come from, for resift.json and NOTICE; empty: DIR")
	license := f.String("license", "", "SPDX identifier of the weights' licence")
	names, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	if *out == "" {
		return errors.New("-o is missing: the model directory to make")
	}
	if _, err := os.Stat(*out); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists already", *out)
	}
	if *source == "" {
		*source = names[0]
	}
	d, err := reranker.ReadDirectory(names[0])
	if err != nil {
		return err
	}
	// Built beside its place and renamed: a model directory is there whole or not at all.
	if err := os.MkdirAll(filepath.Dir(filepath.Clean(*out)), 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(filepath.Clean(*out)), ".import-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	note, err := fill(tmp, d, onnxgraph.Options{Precision: onnxgraph.Precision(*precision), Source: *source, License: *license})
	if err != nil {
		return err
	}
	if err := errors.Join(os.Chmod(tmp, 0o755), os.Rename(tmp, *out)); err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s: %s\n", *out, note)
	return nil
}

// fill writes the model directory dir from d, and says in a few words what it did.
func fill(dir string, d *reranker.Directory, o onnxgraph.Options) (string, error) {
	if !d.BatchDependent() {
		return "the graph as it is", copyModel(dir, d, o)
	}
	m, err := onnxgraph.Convert(d.Path, dir, o)
	if err != nil {
		return "", err
	}
	meta := reranker.Metadata{
		Architecture: m.Architecture, Inputs: m.Inputs, Output: m.Output, MaxTokens: m.MaxTokens, PadToken: m.PadToken,
		Precision: m.Precision, Layout: reranker.LayoutPadded, Source: m.Source, License: m.License, Files: map[string]string{},
	}
	for _, name := range m.Files {
		meta.Files[name] = ""
	}
	_, err = reranker.WriteDirectory(dir, meta)
	return fmt.Sprintf("the graph rewritten in %s, so that a score depends on its pair alone", m.Precision), err
}

// copyModel copies what a ready ONNX consists of, and describes it.
func copyModel(dir string, d *reranker.Directory, o onnxgraph.Options) error {
	entries, err := os.ReadDir(d.Path)
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && belongs(e.Name()) {
			if err := copyFile(filepath.Join(dir, e.Name()), filepath.Join(d.Path, e.Name())); err != nil {
				return err
			}
		}
	}
	m := d.Metadata
	m.Source, m.License = o.Source, o.License
	_, err = reranker.WriteDirectory(dir, m)
	return err
}

// belongs tells whether a file of a ready ONNX's folder is part of the model: the graph with its external data, the
// tokenizer with its settings, and what the licence asks to keep. Weights in other formats are not.
func belongs(name string) bool {
	switch filepath.Ext(name) {
	case ".onnx", ".onnx_data", ".data", ".txt":
		return true
	case ".json":
		return name != reranker.MetadataFile
	}
	return strings.HasPrefix(name, "NOTICE") || strings.HasPrefix(name, "LICENSE")
}

func copyFile(to, from string) error {
	r, err := os.Open(from)
	if err != nil {
		return err
	}
	defer r.Close()
	w, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(w, r)
	return errors.Join(err, w.Close())
}
