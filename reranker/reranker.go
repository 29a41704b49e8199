package reranker

import (
	"context"
	"fmt"
	"time"
)

// healthLimit bounds what Healthy may try.
const healthLimit = 2 * time.Second

// backend is one way to score pairs.
type backend interface {
	score(ctx context.Context, query string, passages []string, each Each) (Result, error)
	windows(text string, maxTokens, overlap int) []string
	overlong(query string, passages []string) (i, tokens int)
	reach(query, passage string) int
	info() Info
	stats() Stats
	healthy() error
	close() error
}

// Reranker scores pairs. It is safe for concurrent use.
type Reranker struct {
	backend backend
}

// Open loads the model, or asks the server what it runs, and starts the workers. Errors name the file or address at fault.
func Open(o Options) (*Reranker, error) {
	var b backend
	var err error
	switch o.Backend {
	case "", BackendONNX:
		b, err = openONNX(o)
	case BackendTEI:
		b, err = openTEI(o)
	default:
		err = fmt.Errorf("unknown backend %q: want %q or %q", o.Backend, BackendONNX, BackendTEI)
	}
	if err != nil {
		return nil, err
	}
	return &Reranker{backend: b}, nil
}

// Score scores each passage against the query. Passages come in the engine's order: when the context ends early, those
// at the front were scored first. Errors: ErrOverloaded, ErrClosed, the context's and *BackendError. With an error some
// scores are NaN, often all; those that are not hold.
func (r *Reranker) Score(ctx context.Context, query string, passages []string) (Result, error) {
	return r.backend.score(ctx, query, passages, nil)
}

// Each hears of scores as they come, before Score returns and never after: i is the index of the passage. It is called from
// the goroutines that run the model, maybe from several at once, and must be quick.
type Each func(i int, score float32)

// ScoreEach is Score that also tells each score at once, so that others who wait for it need not wait for the rest.
func (r *Reranker) ScoreEach(ctx context.Context, query string, passages []string, each Each) (Result, error) {
	return r.backend.score(ctx, query, passages, each)
}

// Windows cuts text into substrings of at most maxTokens tokens, each sharing about overlap tokens with the one before.
// A short text is its own only window. The tei backend, which has no tokenizer, counts three words as four tokens.
func (r *Reranker) Windows(text string, maxTokens, overlap int) []string {
	return r.backend.windows(text, maxTokens, overlap)
}

// Revision is the hex sha256 over everything that decides a score; equal revisions give equal scores.
func (r *Reranker) Revision() string { return r.backend.info().Revision }

// Name is the model's name and the first eight digits of its revision, such as resift-tiny@1f3a9c04: what people tell models
// apart by.
func (r *Reranker) Name() string {
	info := r.backend.info()
	return info.Name + "@" + info.Revision[:8]
}

// Info tells what was opened.
func (r *Reranker) Info() Info { return r.backend.info() }

// Stats returns the counters.
func (r *Reranker) Stats() Stats { return r.backend.stats() }

// Healthy returns why scoring does not work at the moment, nil if it does. After a failure it tries a
// pair (onnx) or asks the server (tei), for at most two seconds.
func (r *Reranker) Healthy() error { return r.backend.healthy() }

// Close refuses new requests, ends those under way with ErrClosed, stops all goroutines and frees the model.
func (r *Reranker) Close() error { return r.backend.close() }
