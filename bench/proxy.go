package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"
)

const (
	benchQuestions = 8
	benchWindow    = 100
	benchClients   = 8                      // at the same time, where requests a second are measured
	benchTurn      = 500 * time.Millisecond // of one contender
)

// way is one way to an answer, and what it came to.
type way struct {
	name  string
	calls []call
	usage func() (usage, error) // of the proxy that the calls go to, or of one beside it

	took    []time.Duration // one client
	rates   []float64       // requests a second of benchClients, by turn
	used    usage           // for the requests of benchClients
	request int             // their number
}

// proxy is the topic of overhead: the same request at the engine and through resift before it, in turns.
func (b *bench) proxy(ctx context.Context) (err error) {
	if err := b.startEngine(ctx); err != nil {
		return err
	}
	p, err := b.startResift(ctx, b.int8, "*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * benchClients, DisableCompression: true}}
	defer client.CloseIdleConnections()

	ways := b.ways(p)
	b.say("scoring %d windows of %d for the cache", benchQuestions, benchWindow)
	for _, c := range ways[len(ways)-1].calls {
		if _, _, _, err := c.send(ctx, client); err != nil {
			return err
		}
	}
	if err := b.takeTurns(ctx, client, ways); err != nil {
		return err
	}
	return b.showWays(ways)
}

// takeTurns measures all ways, one after the other, as often as there are rounds.
func (b *bench) takeTurns(ctx context.Context, client *http.Client, ways []way) error {
	b.say("%d turns of %d ways", b.rounds+1, len(ways))
	for turn := range b.rounds + 1 { // the first warms up
		for i := range ways {
			if err := ways[i].turn(ctx, client); err != nil {
				return err
			}
		}
		if turn == 0 {
			for i := range ways {
				ways[i] = way{name: ways[i].name, calls: ways[i].calls, usage: ways[i].usage}
			}
		}
	}
	return nil
}

// ways in pairs: at the engine, then through resift.
func (b *bench) ways(p *process) []way {
	off := http.Header{"X-Resift-Mode": {"off"}}
	document := func(url, status string) call {
		return call{method: http.MethodGet, url: url + "/" + benchIndex + "/_doc/c"}
	}
	var page, window, bypassed, reranked []call
	for _, q := range questions(benchQuestions) {
		page = append(page, search(b.engine.URL, q, 10, "", nil))
		window = append(window, search(b.engine.URL, q, benchWindow, "", nil))
		bypassed = append(bypassed, search(p.url, q, 10, "bypassed", off))
		reranked = append(reranked, search(p.url, q, 10, "reranked", nil))
	}
	return []way{
		{name: "a document, from the engine", calls: []call{document(b.engine.URL, "")}, usage: p.usage},
		{name: "a document, passed through", calls: []call{document(p.url, "")}, usage: p.usage},
		{name: "10 hits, from the engine", calls: page, usage: p.usage},
		{name: "10 hits, a bypassed search", calls: bypassed, usage: p.usage},
		{name: "100 hits, from the engine", calls: window, usage: p.usage},
		{name: "10 of 100 hits, re-ranked from cache", calls: reranked, usage: p.usage},
	}
}

// turn measures a way once more: latencies of one client, then the rate of several.
func (w *way) turn(ctx context.Context, client *http.Client) error {
	took, _, err := drive(ctx, client, w.calls, 1, benchTurn)
	if err != nil {
		return err
	}
	w.took = append(w.took, took...)
	before, err := w.usage()
	if err != nil {
		return err
	}
	took, elapsed, err := drive(ctx, client, w.calls, benchClients, benchTurn)
	if err != nil {
		return err
	}
	after, err := w.usage()
	if err != nil {
		return err
	}
	// Reading the metrics costs something too: what it does by itself is taken off.
	idle, err := w.usage()
	if err != nil {
		return err
	}
	used := after.minus(before).minus(idle.minus(after))
	w.used.cpuSeconds += used.cpuSeconds
	w.used.allocations += used.allocations
	w.used.bytes += used.bytes
	w.request += len(took)
	w.rates = append(w.rates, float64(len(took))/elapsed.Seconds())
	return nil
}

func (b *bench) showWays(ways []way) error {
	t := b.table(fmt.Sprintf("Proxy: latency of one client, requests/s of %d clients, and what a request costs resift", benchClients),
		"request", "p50 ms", "p99 ms", "p50 added", "requests/s", "CPU ms", "allocations", "KB allocated")
	for i, w := range ways {
		cells := []string{w.name, milliseconds(median(w.took)), milliseconds(quantile(w.took, .99)), "", fmt.Sprintf("%.0f", median(w.rates)), "", "", ""}
		if i%2 == 1 {
			n := float64(w.request)
			cells[3] = milliseconds(median(w.took) - median(ways[i-1].took))
			cells[5] = fmt.Sprintf("%.2f", w.used.cpuSeconds/n*1000)
			cells[6] = fmt.Sprintf("%.0f", w.used.allocations/n)
			cells[7] = fmt.Sprintf("%.0f", w.used.bytes/n/1000)
		}
		t.row(cells...)
	}
	return t.flush()
}

func milliseconds(d time.Duration) string { return fmt.Sprintf("%.2f", d.Seconds()*1000) }
