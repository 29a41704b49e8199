package reranker

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"

	"github.com/resift/resift/reranker/builtin"
	"github.com/resift/resift/reranker/checkpoint"
	"github.com/resift/resift/reranker/onnxgraph"
	"github.com/resift/resift/reranker/tokenizer"
)

// model is what Options.Model names.
type model interface {
	maxTokens() int
	openTokenizer() (tokenizer.Tokenizer, error)
	// on returns the model directory to run on a device.
	on(device string) (*Directory, error)
	// verify starts to hash the files, and returns a function that gives the digests of those of the directory that was opened
	// (nil: none was).
	verify() func(*Directory) (map[string]string, error)
}

// findModel reads the model that a name stands for: one of the binary, or else the directory at that path.
func findModel(name string) (model, error) {
	if b, ok := builtin.Find(name); ok {
		return readBuiltIn(b)
	}
	d, err := ReadDirectory(name)
	if errors.Is(err, fs.ErrNotExist) && filepath.Base(name) == name {
		return nil, fmt.Errorf("%w; built-in models are %s", err, strings.Join(builtin.Names(), ", "))
	}
	if err != nil {
		return nil, err
	}
	return folder{d}, nil
}

// folder is a model directory on disk: one graph for every device.
type folder struct{ *Directory }

func (f folder) maxTokens() int { return f.MaxTokens }

func (f folder) openTokenizer() (tokenizer.Tokenizer, error) { return tokenizer.OpenDir(f.Path) }

func (f folder) on(string) (*Directory, error) { return f.Directory, nil }

func (f folder) verify() func(*Directory) (map[string]string, error) {
	hashed := async(f.Verify)
	return func(*Directory) (map[string]string, error) { return hashed() }
}

// builtIn is a model of the binary. Its graph is written into memory, as `resift model import` would write it for the device.
type builtIn struct {
	builtin.Model
	weights *checkpoint.Checkpoint
	written map[onnxgraph.Precision]*Directory
}

func readBuiltIn(m builtin.Model) (*builtIn, error) {
	weights, err := checkpoint.ReadFS(m.Files())
	if err != nil {
		return nil, fmt.Errorf("built-in model %s: %w", m.Name, err)
	}
	return &builtIn{Model: m, weights: weights, written: map[onnxgraph.Precision]*Directory{}}, nil
}

func (b *builtIn) maxTokens() int { return b.weights.MaxTokens }

func (b *builtIn) openTokenizer() (tokenizer.Tokenizer, error) { return tokenizer.OpenFS(b.Files()) }

// verify has nothing to start: what is in memory was hashed when it was written.
func (b *builtIn) verify() func(*Directory) (map[string]string, error) {
	return func(d *Directory) (map[string]string, error) {
		if d == nil {
			return nil, nil
		}
		return d.Verify()
	}
}

func (b *builtIn) on(device string) (*Directory, error) {
	precision := onnxgraph.Precision(b.Precision)
	if device != deviceCPU {
		precision = onnxgraph.FP16
	}
	if d := b.written[precision]; d != nil {
		return d, nil
	}
	d, err := b.write(precision)
	if err != nil {
		return nil, fmt.Errorf("built-in model %s: %w", b.Name, err)
	}
	b.written[precision] = d
	return d, nil
}

// write makes the model directory of a precision.
func (b *builtIn) write(p onnxgraph.Precision) (*Directory, error) {
	var graph bytes.Buffer
	if err := onnxgraph.Write(&graph, b.weights.Encoder, p); err != nil {
		return nil, err
	}
	o := onnxgraph.Options{Precision: p, Source: b.Source, License: b.License}
	d := &Directory{Path: b.Name, Metadata: Describe(b.weights.Encoder.Describe(b.weights.Architecture, o)), Declared: true, graph: graph.Bytes()}
	d.Name, d.MaxTokens, d.PadToken = b.Name, b.weights.MaxTokens, b.weights.PadToken
	d.Files = map[string]string{ModelFile: digest(d.graph)}
	for _, name := range tokenizerFiles() {
		text, err := fs.ReadFile(b.Files(), name)
		if err == nil {
			d.Files[name] = digest(text)
		}
	}
	var err error
	if d.signature, err = scanSignature(bytes.NewReader(d.graph), int64(len(d.graph))); err != nil {
		return nil, err
	}
	return d, d.accept()
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
