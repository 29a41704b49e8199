package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/resift/resift/reranker/builtin"
)

// stages of a search as Server-Timing names them.
func stages() []string {
	return []string{"plan", "engine", "tokenize", "queue", "score", "answer", "total"}
}

// demo is the topic of a whole search of the demo with nothing in the cache: its stages, and the client's view.
func (b *bench) demo(ctx context.Context) error {
	if err := b.startEngine(ctx); err != nil {
		return err
	}
	t := b.table(fmt.Sprintf("A search of the demo, window %d, no score known: p50 ms of %d searches", benchWindow, benchQuestions),
		append([]string{"model"}, append(stages(), "client")...)...)
	for _, model := range append(builtin.Names(), b.int8, b.fp32) {
		times, err := b.searchesOf(ctx, model, benchQuestions)
		if err != nil {
			return err
		}
		cells := []string{filepath.Base(model)}
		for _, stage := range append(stages(), "client") {
			cells = append(cells, milliseconds(median(times[stage])))
		}
		t.row(cells...)
	}
	return t.flush()
}

// searchesOf sends count questions once to a fresh resift, and returns the times by stage.
func (b *bench) searchesOf(ctx context.Context, model string, count int) (times map[string][]time.Duration, err error) {
	p, err := b.startResift(ctx, model, "*")
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	times = map[string][]time.Duration{}
	for i, q := range append([]string{"warm up"}, questions(count)...) {
		header, _, took, err := search(p.url, q, 10, "reranked", nil).send(ctx, client)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			continue
		}
		for stage, d := range parseTiming(header.Get("Server-Timing")) {
			times[stage] = append(times[stage], d)
		}
		times["client"] = append(times["client"], took)
	}
	return times, nil
}

// parseTiming reads Server-Timing: "plan;dur=0.04, engine;dur=3.1".
func parseTiming(text string) map[string]time.Duration {
	times := map[string]time.Duration{}
	for part := range strings.SplitSeq(text, ", ") {
		name, value, _ := strings.Cut(part, ";dur=")
		if ms, err := strconv.ParseFloat(value, 64); err == nil {
			times[name] = time.Duration(ms * float64(time.Millisecond))
		}
	}
	return times
}
