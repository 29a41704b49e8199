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
	"github.com/resift/resift/reranker/checkpoint"
	"github.com/resift/resift/reranker/onnxgraph"
)

// importOptions tell how a model directory is made.
type importOptions struct {
	from, to        string
	precision       onnxgraph.Precision // empty: FP32, or FP16 for cuda
	device          string              // cpu or cuda; empty: what the precision is for
	name            string              // of the model; empty: the directory's
	source, license string
}

// modelImport makes a model directory of published files.
func (p *program) modelImport(args []string) error {
	f := p.flags("model import", "model import DIR -o OUT [--precision fp32|int8] [--device cpu|cuda] [--name NAME] [--source TEXT] [--license ID]")
	var o importOptions
	f.StringVar(&o.to, "o", "", "model `directory` to make; must not exist")
	f.Func("precision", "of a written graph: fp32 (the default), int8 (weights and, by rows, activations), or fp16 for cuda", func(s string) error {
		o.precision = onnxgraph.Precision(s)
		return nil
	})
	f.StringVar(&o.device, "device", "", "what the graph is for: cpu, or cuda (fp16, pairs end to end without padding)")
	f.StringVar(&o.name, "name", "", "the model's name, for resift.json and the answers' X-Resift-Model; empty: the directory's")
	f.StringVar(&o.source, "source", "", "where the weights come from, for resift.json and NOTICE; empty: DIR")
	f.StringVar(&o.license, "license", "", "SPDX identifier of the weights' licence")
	names, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	if o.to == "" {
		return errors.New("-o is missing: the model directory to make")
	}
	o.from = names[0]
	return p.importModel(o)
}

// importModel makes the model directory o.to from a folder with a checkpoint of Hugging Face, or a ready ONNX and its
// tokenizer, and prints what it did. A BERT graph that quantises activations of a whole batch together is rewritten: its
// scores would depend on who else is in the batch.
func (p *program) importModel(o importOptions) error {
	if err := o.settle(); err != nil {
		return err
	}
	var note string
	err := newFolder(o.to, func(dir string) (err error) {
		note, err = o.fill(dir)
		return err
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(p.stdout, "%s: %s\n", o.to, note)
	return nil
}

// newFolder makes the folder to, which must not exist. It is built beside its place and renamed: it is there whole or not at all.
func newFolder(to string, fill func(dir string) error) error {
	if _, err := os.Stat(to); !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s exists already", to)
	}
	parent := filepath.Dir(filepath.Clean(to))
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(parent, ".import-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := fill(tmp); err != nil {
		return err
	}
	return errors.Join(os.Chmod(tmp, 0o755), os.Rename(tmp, to))
}

// settle fills what was left open, and refuses what no graph is for.
func (o *importOptions) settle() error {
	if o.source == "" {
		o.source = o.from
	}
	if o.device == "" && o.precision == onnxgraph.FP16 {
		o.device = "cuda"
	}
	switch o.device {
	case "cuda":
		if o.precision == "" {
			o.precision = onnxgraph.FP16
		}
		if o.precision != onnxgraph.FP16 {
			return fmt.Errorf("--device cuda is for --precision fp16, not %s; a graph in fp32 runs there too: import it without --device", o.precision)
		}
	case "", "cpu":
		if o.precision == "" {
			o.precision = onnxgraph.FP32
		}
		if o.precision != onnxgraph.FP32 && o.precision != onnxgraph.Int8 {
			return fmt.Errorf("--precision %s is not for a CPU: want fp32 or int8, or fp16 with --device cuda", o.precision)
		}
	default:
		return fmt.Errorf("--device %s: want cpu or cuda", o.device)
	}
	return nil
}

// fill writes the model directory dir, and says in a few words what it did.
func (o *importOptions) fill(dir string) (string, error) {
	_, err := os.Stat(filepath.Join(o.from, reranker.ModelFile))
	if errors.Is(err, fs.ErrNotExist) && checkpoint.Is(o.from) {
		return o.writeCheckpoint(dir)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%s is no model: it has neither %s nor config.json with model.safetensors or pytorch_model.bin", o.from, reranker.ModelFile)
	}
	d, err := reranker.ReadDirectory(o.from)
	if err != nil {
		return "", err
	}
	if d.BatchDependent() {
		return o.convert(dir)
	}
	if o.precision == onnxgraph.FP16 {
		return "", fmt.Errorf("%s is a ready graph: fp16 for cuda is written from weights (config.json with model.safetensors or pytorch_model.bin)", filepath.Join(o.from, reranker.ModelFile))
	}
	return "the graph as it is", o.copyModel(dir, d)
}

// writeCheckpoint writes the graph of published weights.
func (o *importOptions) writeCheckpoint(dir string) (string, error) {
	c, err := checkpoint.Read(o.from)
	if err != nil {
		return "", err
	}
	if err := writeGraph(filepath.Join(dir, reranker.ModelFile), c.Encoder, o.precision); err != nil {
		return "", err
	}
	files := map[string]string{reranker.ModelFile: ""}
	entries, err := os.ReadDir(o.from)
	if err != nil {
		return "", err
	}
	for _, e := range entries {
		tokenizer := e.Name() == "tokenizer.json" || e.Name() == "vocab.txt" || e.Name() == "tokenizer_config.json"
		if e.IsDir() || !tokenizer && !isLicense(e.Name()) {
			continue
		}
		if err := copyFile(filepath.Join(dir, e.Name()), filepath.Join(o.from, e.Name())); err != nil {
			return "", err
		}
		if tokenizer {
			files[e.Name()] = ""
		}
	}
	m := o.metadata(c.Encoder.Describe(c.Architecture, o.graph()))
	m.PadToken, m.MaxTokens, m.Files = c.PadToken, c.MaxTokens, files
	if _, err := reranker.WriteDirectory(dir, m); err != nil {
		return "", err
	}
	note := fmt.Sprintf("%s, %d layers of width %d, written in %s (%s)", c.Architecture, len(c.Encoder.Layers), c.Encoder.Width(), m.Precision, m.Layout)
	if c.Vocabulary != c.Encoder.Word.Rows {
		note += fmt.Sprintf("; the tokenizer has %d tokens for embeddings of %d: make sure that it is this model's", c.Vocabulary, c.Encoder.Word.Rows)
	}
	return note, nil
}

func writeGraph(path string, c *onnxgraph.CrossEncoder, p onnxgraph.Precision) error {
	w, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
	if err != nil {
		return err
	}
	return errors.Join(onnxgraph.Write(w, c, p), w.Close())
}

// convert rewrites a graph that quantises a whole batch together.
func (o *importOptions) convert(dir string) (string, error) {
	m, err := onnxgraph.Convert(o.from, dir, o.graph())
	if err != nil {
		return "", err
	}
	_, err = reranker.WriteDirectory(dir, o.metadata(m))
	return fmt.Sprintf("the graph rewritten in %s, so that a score depends on its pair alone", m.Precision), err
}

func (o *importOptions) graph() onnxgraph.Options {
	return onnxgraph.Options{Precision: o.precision, Source: o.source, License: o.license}
}

func (o *importOptions) metadata(m onnxgraph.Metadata) reranker.Metadata {
	out := reranker.Describe(m)
	out.Name = o.name
	return out
}

// copyModel copies what a ready ONNX consists of, and describes it.
func (o *importOptions) copyModel(dir string, d *reranker.Directory) error {
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
	m.Name, m.Source, m.License = o.name, o.source, o.license
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
	return isLicense(name)
}

func isLicense(name string) bool {
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
