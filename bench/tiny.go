package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/resift/resift/reranker"
	"github.com/resift/resift/reranker/builtin"
	"github.com/resift/resift/reranker/tokenizer"
)

const (
	tinyTokens    = 96          // of a pair
	tinyTurn      = time.Second // of a model, or longer for one request
	tinyQuestions = 74          // all of the demo's
)

// tiny is the topic of the built-in models: how fast they score beside the model that taught them, how soon they are there, and
// what a search of the demo takes with them.
func (b *bench) tiny(ctx context.Context) error {
	if err := b.tinyRates(ctx); err != nil {
		return err
	}
	return b.tinySearches(ctx)
}

// opened is a model and the turns it took.
type opened struct {
	*reranker.Reranker
	after       time.Duration // that it was there
	clocks, cpu []float64     // pairs a second by turn, by the clock and by CPU time
}

// tinyRates lets all models score the same request in turns: 100 pairs, the scheduler spreads them over its sessions.
func (b *bench) tinyRates(ctx context.Context) (err error) {
	index, err := newLexicalIndex()
	if err != nil {
		return err
	}
	tok, err := tokenizer.OpenDir(b.fp32) // its vocabulary is that of the built-in ones
	if err != nil {
		return err
	}
	set, err := index.fixedSet(tok, tinyTokens, benchWindow)
	if err != nil {
		return err
	}
	var all []*opened
	defer func() {
		for _, m := range all {
			err = errors.Join(err, m.Close())
		}
	}()
	for _, model := range append(builtin.Names(), b.int8, b.fp32) {
		o := b.options
		o.Model, o.Device = model, "cpu"
		begun := time.Now()
		r, err := reranker.Open(o)
		if err != nil {
			return err
		}
		all = append(all, &opened{Reranker: r, after: time.Since(begun)})
	}
	for turn := range b.rounds + 1 { // the first warms up
		for _, m := range all {
			b.say("turn %d of %d: %s", turn, b.rounds, m.Name())
			if err := m.turn(ctx, set.requests[0], turn > 0); err != nil {
				return err
			}
		}
	}
	last := all[len(all)-1]
	t := b.table(fmt.Sprintf("Built-in models: %d pairs of %d tokens a request, from text to logits, beside their teacher; opened: from nothing to ready", benchWindow, tinyTokens),
		"model", "precision", "opened ms", "pairs/s", "pairs/cpu-s", "of the teacher's in fp32")
	for _, m := range all {
		t.row(m.Info().Name, m.Info().Precision, milliseconds(m.after), fmt.Sprintf("%.0f", median(m.clocks)), fmt.Sprintf("%.0f", median(m.cpu)),
			fmt.Sprintf("%.1f×", median(m.cpu)/median(last.cpu)))
	}
	return t.flush()
}

func (m *opened) turn(ctx context.Context, q request, counts bool) error {
	used, err := cpuTime()
	if err != nil {
		return err
	}
	begun, pairs := time.Now(), 0
	for pairs == 0 || time.Since(begun) < tinyTurn {
		if _, err := m.Score(ctx, q.query, q.passages); err != nil {
			return err
		}
		pairs += len(q.passages)
	}
	elapsed := time.Since(begun)
	now, err := cpuTime()
	if err != nil || !counts {
		return err
	}
	m.clocks = append(m.clocks, float64(pairs)/elapsed.Seconds())
	m.cpu = append(m.cpu, float64(pairs)/(now-used).Seconds())
	return nil
}

// tinySearches asks all of the demo's questions, with nothing in the cache, beside the engine itself.
func (b *bench) tinySearches(ctx context.Context) error {
	if err := b.startEngine(ctx); err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	t := b.table(fmt.Sprintf("A page of 10 for each of the demo's %d questions, the top %d re-ranked, no score known, ms of one client", tinyQuestions, benchWindow),
		"from", "p50", "p99", "of it the engine, p50", "the model, p50")
	for _, size := range []int{10, benchWindow} {
		var took []time.Duration
		for turn := range 2 { // the first warms up
			for _, q := range questions(tinyQuestions) {
				_, _, d, err := search(b.engine.URL, q, size, "", nil).send(ctx, client)
				if err != nil {
					return err
				}
				if turn > 0 {
					took = append(took, d)
				}
			}
		}
		t.row(fmt.Sprintf("the engine, %d hits", size), milliseconds(median(took)), milliseconds(quantile(took, .99)), "", "")
	}
	for _, model := range builtin.Names() {
		times, err := b.searchesOf(ctx, model, tinyQuestions)
		if err != nil {
			return err
		}
		client := times["client"]
		t.row("resift with "+model, milliseconds(median(client)), milliseconds(quantile(client, .99)), milliseconds(median(times["engine"])), milliseconds(median(times["score"])))
	}
	return t.flush()
}
