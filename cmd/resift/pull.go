package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/resift/resift/reranker"
	"github.com/resift/resift/reranker/hub"
	"github.com/resift/resift/reranker/onnxgraph"
)

// pullOptions are what to download, and what to make of it.
type pullOptions struct {
	importOptions
	name, revision string
	tokenizer      string // a model's name, if its tokenizer is to be used
	format         hub.Format
	endpoint       string
	maxGB          float64
	keep           bool
}

// modelPull downloads a model from a hub and imports it.
func (p *program) modelPull(ctx context.Context, args []string) error {
	f := p.flags("model pull", "model pull NAME [-o OUT] [--revision REV] [flags of model import]")
	var o pullOptions
	f.StringVar(&o.to, "o", "", "model `directory` to make; empty: models/OWNER--NAME in the cache folder")
	f.Func("precision", "of the graph, as for model import", func(s string) error {
		o.precision = onnxgraph.Precision(s)
		return nil
	})
	f.StringVar(&o.device, "device", "", "what the graph is for, as for model import: cpu or cuda")
	f.StringVar(&o.license, "license", "", "SPDX identifier of the weights' licence; empty: what the model card states")
	f.StringVar(&o.revision, "revision", "main", "branch, tag or commit")
	f.StringVar(&o.tokenizer, "tokenizer", "", "`name` of the model whose tokenizer it uses, if it has none of its own")
	f.Func("format", "weights to take: safetensors, pytorch or onnx; auto (the default) takes the first of these that is there", func(s string) error {
		o.format = hub.Format(s)
		return nil
	})
	f.StringVar(&o.endpoint, "endpoint", "", "`address` of the hub; empty: HF_ENDPOINT, else "+hub.DefaultEndpoint+". A token is read from HF_TOKEN")
	f.Float64Var(&o.maxGB, "max-gb", 8, "a model whose files are more `gigabytes` in all is refused; 0: none is")
	f.BoolVar(&o.keep, "keep", false, "keep the downloaded files after the import")
	names, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	o.name = names[0]
	if o.endpoint == "" {
		o.endpoint = p.getenv("HF_ENDPOINT")
	}
	if o.to == "" {
		o.to = filepath.Join(p.cacheDir(), "models", hub.FolderName(o.name))
	}
	checked := o.importOptions // what an import would refuse is refused before a download
	if err := errors.Join(hub.CheckName(o.name), checked.settle()); err != nil {
		return err
	}
	err = p.pull(ctx, o)
	if err != nil && ctx.Err() != nil {
		return errors.New("interrupted; what arrived is kept, and the same command goes on from there")
	}
	return err
}

// pull takes its turn, downloads into the cache folder, and imports from there.
func (p *program) pull(ctx context.Context, o pullOptions) error {
	show := &pullProgress{progress: p.progress()}
	c, err := hub.New(hub.Options{
		Endpoint: o.endpoint, Token: p.getenv("HF_TOKEN"), UserAgent: "resift/" + version, MaxBytes: int64(o.maxGB * 1e9), Report: show.event,
	})
	if err != nil {
		return err
	}
	defer c.Close()
	defer show.clear()
	folder := filepath.Join(p.cacheDir(), "hub", hub.FolderName(o.name))
	unlock, err := hub.Lock(ctx, folder+".lock", func() { show.done("another resift downloads " + o.name + "; waiting for it") })
	if err != nil {
		return err
	}
	defer unlock()
	request, err := o.resolve(ctx, c)
	if err != nil {
		return err
	}
	if done, err := o.made(request); done || err != nil {
		if done {
			fmt.Fprintf(p.stdout, "%s: is %s already\n", o.to, request.Model.Source())
		}
		return err
	}
	show.done(request.Model.Source())
	request.Folder = filepath.Join(folder, request.Model.Commit)
	d, err := c.Download(ctx, request)
	if err != nil {
		return err
	}
	o.from, o.source = request.Folder, source(request.Model, d.Tokenizer)
	if o.license == "" {
		o.license = request.Model.License
	}
	show.done("making the model directory")
	o.importOptions.name = o.name
	if err := p.importModel(o.importOptions); err != nil {
		return fmt.Errorf("downloaded to %s, but not imported: %w", request.Folder, err)
	}
	if o.keep {
		return nil
	}
	err = os.RemoveAll(request.Folder)
	os.Remove(folder) // stays if other commits are there
	return err
}

// resolve finds the commits.
func (o *pullOptions) resolve(ctx context.Context, c *hub.Client) (hub.Request, error) {
	r := hub.Request{Format: o.format}
	var err error
	if r.Model, err = c.Resolve(ctx, o.name, o.revision); err != nil {
		return r, err
	}
	if o.tokenizer != "" {
		r.Tokenizer, err = c.Resolve(ctx, o.tokenizer, "")
	}
	return r, err
}

// made tells whether the model directory is there already, of the same source and, if that was asked for, precision. Anything
// else in its place is an error: it is not overwritten.
func (o *pullOptions) made(r hub.Request) (bool, error) {
	if _, err := os.Stat(o.to); errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	d, err := reranker.ReadDirectory(o.to)
	if err != nil {
		return false, fmt.Errorf("%s exists already; name another with -o, or remove it (%w)", o.to, err)
	}
	want := source(r.Model, r.Tokenizer)
	same := d.Source == want || r.Tokenizer == nil && strings.HasPrefix(d.Source, want+", ")
	if same && (o.precision == "" || d.Precision == string(o.precision)) {
		return true, nil
	}
	return false, fmt.Errorf("%s exists already, in %s from %s; name another with -o, or remove it", o.to, d.Precision, d.Source)
}

// source is what resift.json says about where a model came from. The tokenizer is a part of it where it is another model's.
func source(m, tokenizer *hub.Model) string {
	if tokenizer == nil || tokenizer.Source() == m.Source() {
		return m.Source()
	}
	return m.Source() + ", tokenizer of " + tokenizer.Source()
}
