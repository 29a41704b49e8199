package main

import (
	"context"
	"net/http"
	"time"

	"github.com/resift/resift/demo"
	"github.com/resift/resift/demo/corpus"
	"github.com/resift/resift/engines"
)

// benchIndex is the demo's corpus in the engine.
const benchIndex = "resift-demo-foldoc"

// startEngine boots a real engine and fills it with the demo's corpus, once for all topics. With the heap of a test it would answer
// 429 to eight clients that fetch documents of 1 MB.
func (b *bench) startEngine(ctx context.Context) error {
	if b.engine != nil {
		return nil
	}
	e, err := engines.Start(ctx, engines.Options{Heap: "2g", Progress: func(step string) { b.say("%s", step) }})
	if err != nil {
		return err
	}
	b.engine = e
	b.say("indexing FOLDOC in %s %s", e.Name, e.Version)
	x := demo.Index{URL: e.URL, Name: benchIndex, Client: &http.Client{Timeout: time.Minute}}
	return x.Load(ctx, demo.Corpus(), corpus.Count(), func(int) {})
}

// stopEngine ends what startEngine began.
func (b *bench) stopEngine() error {
	if b.engine == nil {
		return nil
	}
	return b.engine.Stop()
}
