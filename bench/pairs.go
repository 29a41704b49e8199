package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"path/filepath"
	"runtime"
	"time"

	"github.com/resift/resift/reranker"
	"github.com/resift/resift/reranker/tokenizer"
)

// run is one pass over a pairSet.
type run struct {
	Seconds float64     `json:"seconds"` // by the clock
	CPU     float64     `json:"cpu"`     // seconds of CPU time, of all threads
	Pairs   int         `json:"pairs"`
	Tokens  int         `json:"tokens"`
	Scores  [][]float32 `json:"scores"` // by request
}

// scoreInGo is the pass as a search does it: one request at a time through tokenizer, scheduler and ONNX Runtime.
func scoreInGo(ctx context.Context, r *reranker.Reranker, requests []request) (run, error) {
	var out run
	used, err := cpuTime()
	if err != nil {
		return out, err
	}
	begun := time.Now()
	for _, q := range requests {
		result, err := r.Score(ctx, q.query, q.passages)
		if err != nil {
			return out, err
		}
		out.Pairs += len(q.passages)
		out.Tokens += result.Tokens
		out.Scores = append(out.Scores, result.Scores)
	}
	out.Seconds = time.Since(begun).Seconds()
	now, err := cpuTime()
	out.CPU = (now - used).Seconds()
	return out, err
}

// duel are the passes of both contenders over one set, taken in turns.
type duel struct {
	goRuns, pyRuns []run
}

// fight warms both up, then lets them take turns.
func fight(ctx context.Context, r *reranker.Reranker, p *python, set pairSet, rounds int) (duel, error) {
	var d duel
	for i := range rounds + 1 {
		requests := set.requests
		if i > 0 {
			requests = nil // it has them
		}
		g, err := scoreInGo(ctx, r, set.requests)
		if err != nil {
			return d, err
		}
		q, err := p.score(requests)
		if err != nil {
			return d, err
		}
		if g.Pairs != q.Pairs || g.Tokens != q.Tokens {
			return d, fmt.Errorf("%s: Go scored %d pairs of %d tokens, Python %d of %d", set.name, g.Pairs, g.Tokens, q.Pairs, q.Tokens)
		}
		if i > 0 {
			d.goRuns, d.pyRuns = append(d.goRuns, g), append(d.pyRuns, q)
		}
	}
	return d, nil
}

// rates are the medians of pairs a second: by the clock, and by CPU time.
func rates(runs []run) (clock, cpu float64) {
	var clocks, cpus []float64
	for _, r := range runs {
		clocks = append(clocks, float64(r.Pairs)/r.Seconds)
		cpus = append(cpus, float64(r.Pairs)/r.CPU)
	}
	return median(clocks), median(cpus)
}

// apart is the largest difference between the two scores of a pair.
func (d duel) apart() float64 {
	most := 0.
	for i, scores := range d.goRuns[0].Scores {
		for j, s := range scores {
			most = max(most, math.Abs(float64(s-d.pyRuns[0].Scores[i][j])))
		}
	}
	return most
}

// pairs is the topic of scoring.
func (b *bench) pairs(ctx context.Context) error {
	index, err := newLexicalIndex()
	if err != nil {
		return err
	}
	tok, err := tokenizer.OpenDir(b.fp32)
	if err != nil {
		return err
	}
	sets := []pairSet{index.dictionarySet(5, 50)}
	for _, tokens := range []int{96, 256} {
		set, err := index.fixedSet(tok, tokens, 64)
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	t := b.table("Scoring: pairs/s, text to logits, Go beside Python, the same model file",
		"precision", "pairs", "tokens a pair", "Go", "Python", "ratio", "Go /cpu-s", "Python /cpu-s", "ratio", "scores apart")
	for _, name := range []string{b.fp32, b.int8} {
		if err := b.duels(ctx, t, name, sets); err != nil {
			return err
		}
	}
	return t.flush()
}

// duels adds the rows of one model.
func (b *bench) duels(ctx context.Context, t *table, model string, sets []pairSet) (err error) {
	o := b.scorer
	o.Model, o.Device = model, "cpu"
	r, err := reranker.Open(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	p, err := startPython(ctx, b.python, model, runtime.GOMAXPROCS(0), b.pythonBatch)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.close()) }()
	info := r.Info()
	b.say("%s: Go with %d session(s) × %d thread(s), batches of %d tokens, ONNX Runtime %s; %s, %d threads, batches of %d pairs",
		filepath.Base(model), info.Sessions, info.Threads, info.BatchTokens, info.LibraryVersion, p.versions, runtime.GOMAXPROCS(0), b.pythonBatch)
	for _, set := range sets {
		d, err := fight(ctx, r, p, set, b.rounds)
		if err != nil {
			return err
		}
		goClock, goCPU := rates(d.goRuns)
		pyClock, pyCPU := rates(d.pyRuns)
		t.row(info.Precision, set.name, fmt.Sprintf("%.0f", float64(d.goRuns[0].Tokens)/float64(set.pairs())),
			fmt.Sprintf("%.1f", goClock), fmt.Sprintf("%.1f", pyClock), fmt.Sprintf("%.2f×", goClock/pyClock),
			fmt.Sprintf("%.1f", goCPU), fmt.Sprintf("%.1f", pyCPU), fmt.Sprintf("%.2f×", goCPU/pyCPU), fmt.Sprintf("%.1g", d.apart()))
	}
	return nil
}
