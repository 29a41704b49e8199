package onnxgraph

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Files of a model directory that Convert reads and writes.
const (
	ModelFile     = "model.onnx"
	TokenizerFile = "tokenizer.json"
	NoticeFile    = "NOTICE"
	LicenseFile   = "LICENSE"
)

// Options of Convert.
type Options struct {
	Precision Precision // FP32 if empty
	Source    string    // where the weights came from, for the NOTICE and the metadata
	License   string    // SPDX identifier of the weights
}

// Metadata describes a converted model, for the description of the model directory.
type Metadata struct {
	Architecture string            // class name in Transformers
	Inputs       map[string]string // graph input → its meaning, which is the same word here
	Output       string            // [pairs, 1], a logit
	MaxTokens    int               // of a pair, special tokens included
	PadToken     int
	Packed       bool // the layout of BuildPacked, without padding
	Precision    string
	Source       string
	License      string
	Files        []string // written, each of which a score depends on
}

// Convert rewrites the dynamically quantised BERT cross-encoder in the folder src (model.onnx, tokenizer.json, and LICENSE
// and NOTICE if it has them) into the folder dst, which is made if needed: a graph whose scores do not depend on the
// batch, the tokenizer, the licence, and a NOTICE that states the change. Each file is written whole or not at all; equal
// sources give equal bytes.
// The graph is written from the weights as they are: it needs memory for the source and one written matrix.
func Convert(src, dst string, o Options) (Metadata, error) {
	if o.Precision == "" {
		o.Precision = FP32
	}
	tokenizer, err := os.ReadFile(filepath.Join(src, TokenizerFile))
	if err != nil {
		return Metadata{}, fmt.Errorf("convert: %w", err)
	}
	c, err := readSource(filepath.Join(src, ModelFile))
	if err != nil {
		return Metadata{}, fmt.Errorf("convert: %w", err)
	}
	notice, err := notice(filepath.Join(src, NoticeFile), o)
	if err != nil {
		return Metadata{}, fmt.Errorf("convert: %w", err)
	}
	if err := c.fits(o.Precision); err != nil {
		return Metadata{}, fmt.Errorf("convert: %w", err)
	}
	if err := os.MkdirAll(dst, 0o755); err != nil {
		return Metadata{}, fmt.Errorf("convert: %w", err)
	}
	err = errors.Join(
		copyIfThere(filepath.Join(dst, LicenseFile), filepath.Join(src, LicenseFile)),
		replaceFile(filepath.Join(dst, NoticeFile), text([]byte(notice))),
		replaceFile(filepath.Join(dst, TokenizerFile), text(tokenizer)),
		replaceFile(filepath.Join(dst, ModelFile), func(w io.Writer) error { return Write(w, c, o.Precision) }),
	)
	if err != nil {
		return Metadata{}, fmt.Errorf("convert: %w", err)
	}
	m := c.Describe("BertForSequenceClassification", o)
	m.Files = []string{ModelFile, TokenizerFile}
	return m, nil
}

// readSource keeps the parsed file no longer than its weights are being read.
func readSource(path string) (*CrossEncoder, error) {
	file, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	g, err := Read(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	c, err := Unquantize(g)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return c, nil
}

// fits tells why no graph of the precision can be written from c.
func (c *CrossEncoder) fits(p Precision) error {
	if p != FP32 && p != FP16 && p != Int8 {
		return fmt.Errorf("precision %q: want %s, %s or %s", p, FP32, FP16, Int8)
	}
	return c.check()
}

// Describe tells what Write writes of c with o.
func (c *CrossEncoder) Describe(architecture string, o Options) Metadata {
	m := Metadata{
		Architecture: architecture,
		Inputs:       map[string]string{},
		Output:       Logits,
		MaxTokens:    c.Position.Rows,
		Packed:       o.Precision == FP16,
		Precision:    string(o.Precision),
		Source:       o.Source,
		License:      o.License,
	}
	inputs := []string{InputIDs, AttentionMask}
	if m.Packed {
		inputs = []string{InputIDs, PositionIDs, CumulativeLengths, TokenOffset}
	}
	if c.TokenType.Rows > 0 {
		inputs = append(inputs, TokenTypeIDs)
	}
	for _, name := range inputs {
		m.Inputs[name] = name
	}
	return m
}

// notice states where the weights are from, their licence, and that they were changed, as section 4 of the Apache
// licence asks; the source's own NOTICE follows.
func notice(path string, o Options) (string, error) {
	own, err := os.ReadFile(path)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	text := fmt.Sprintf("The weights in this folder come from: %s\nLicence: %s\n\n"+
		"%s was changed by resift: the source's int8 graph, which quantises activations of a whole batch\n"+
		"together, was rewritten as a graph of ONNX Runtime's fused operators (%s). The weights' values are the source's.\n",
		o.Source, o.License, ModelFile, o.Precision)
	if len(own) > 0 {
		text += "\nThe NOTICE of the source:\n\n" + string(own)
	}
	return text, nil
}

func copyIfThere(dst, src string) error {
	content, err := os.ReadFile(src)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return replaceFile(dst, text(content))
}

func text(content []byte) func(io.Writer) error {
	return func(w io.Writer) error {
		_, err := w.Write(content)
		return err
	}
}

// replaceFile writes a file whole or not at all.
func replaceFile(path string, write func(io.Writer) error) error {
	tmp, err := os.CreateTemp(filepath.Dir(path), ".resift-*")
	if err != nil {
		return err
	}
	defer os.Remove(tmp.Name()) // gone already after the rename
	if err = errors.Join(write(tmp), tmp.Chmod(0o644), tmp.Close()); err != nil {
		return err
	}
	return os.Rename(tmp.Name(), path)
}
