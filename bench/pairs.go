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

// run is one pass over the requests of a pairSet.
type run struct {
	Seconds float64     `json:"seconds"` // by the clock
	CPU     float64     `json:"cpu"`     // seconds of CPU time, of all threads
	Pairs   int         `json:"pairs"`
	Tokens  int         `json:"tokens"`
	Scores  [][]float32 `json:"scores"` // by request
}

// scorer is one way to make a run.
type scorer struct {
	name  string
	score func(context.Context, []request) (run, error)
	runs  []run
}

// scoreInGo is the pass as a search does it: one request at a time through tokenizer, scheduler and ONNX Runtime.
func scoreInGo(r *reranker.Reranker) func(context.Context, []request) (run, error) {
	return func(ctx context.Context, requests []request) (run, error) {
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
}

// score lets the scorers take turns over a set, after each has warmed up on its first request.
func (s pairSet) score(ctx context.Context, scorers []scorer, rounds int) error {
	for turn := range rounds + 1 {
		requests := s.requests
		if turn == 0 {
			requests = requests[:1]
		}
		for i := range scorers {
			r, err := scorers[i].score(ctx, requests)
			if err != nil {
				return fmt.Errorf("%s: %w", scorers[i].name, err)
			}
			if turn == 0 {
				scorers[i].runs = nil
				continue
			}
			scorers[i].runs = append(scorers[i].runs, r)
			if first := scorers[0].runs[0]; r.Pairs != first.Pairs || r.Tokens != first.Tokens {
				return fmt.Errorf("%s scored %d pairs of %d tokens, %s %d of %d", scorers[i].name, r.Pairs, r.Tokens, scorers[0].name, first.Pairs, first.Tokens)
			}
		}
	}
	return nil
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

// apart is the largest difference between two scores of a pair.
func apart(a, b run) float64 {
	most := 0.
	for i, scores := range a.Scores {
		for j, s := range scores {
			most = max(most, math.Abs(float64(s-b.Scores[i][j])))
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
	sets := []pairSet{index.dictionarySet(5, 30)}
	for _, tokens := range []int{96, 256} {
		set, err := index.fixedSet(tok, tokens, 32)
		if err != nil {
			return err
		}
		sets = append(sets, set)
	}
	t := b.table("Scoring: pairs a second from text to logits, the same pairs and the same model file; ratio: resift to each",
		"precision", "pairs", "by", "pairs/s", "ratio", "pairs/cpu-s", "ratio", "scores apart")
	for _, model := range []string{b.fp32, b.int8} {
		if err := b.scoreSets(ctx, t, model, sets); err != nil {
			return err
		}
	}
	return t.flush()
}

// scoreSets adds the rows of one model.
func (b *bench) scoreSets(ctx context.Context, t *table, model string, sets []pairSet) (err error) {
	o := b.options
	o.Model, o.Device = model, "cpu"
	r, err := reranker.Open(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	scorers := []scorer{{name: "resift", score: scoreInGo(r)}}
	info, threads := r.Info(), runtime.GOMAXPROCS(0)
	b.say("%s: resift with %d session(s) × %d thread(s), batches of %d tokens, ONNX Runtime %s",
		filepath.Base(model), info.Sessions, info.Threads, info.BatchTokens, info.LibraryVersion)
	for _, way := range []string{"usual", "tuned"} {
		p, err := startPython(ctx, b.python, model, threads, way)
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, p.close()) }()
		b.say("%s: Python, %s, 1 session × %d threads, %s", filepath.Base(model), way, threads, p.versions)
		scorers = append(scorers, scorer{name: "Python, " + way, score: p.score})
	}
	for _, set := range sets {
		if err := set.score(ctx, scorers, b.rounds); err != nil {
			return fmt.Errorf("%s: %w", set.name, err)
		}
		b.showScorers(t, info.Precision, set, scorers)
	}
	return nil
}

func (b *bench) showScorers(t *table, precision string, set pairSet, scorers []scorer) {
	clock, cpu := rates(scorers[0].runs)
	name := fmt.Sprintf("%s of %.0f tokens", set.name, float64(scorers[0].runs[0].Tokens)/float64(set.pairs()))
	for _, s := range scorers {
		c, u := rates(s.runs)
		t.row(precision, name, s.name, fmt.Sprintf("%.1f", c), fmt.Sprintf("%.2f", clock/c), fmt.Sprintf("%.1f", u), fmt.Sprintf("%.2f", cpu/u),
			fmt.Sprintf("%.1g", apart(scorers[0].runs[0], s.runs[0])))
		b.say("%s, %s, %s: %.1f pairs/s", precision, name, s.name, c)
	}
}
