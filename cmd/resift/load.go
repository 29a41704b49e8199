package main

import (
	"context"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/resift/resift/eval"
	"github.com/resift/resift/reranker"
)

// benchQuery has queryTokens tokens in English vocabularies.
const (
	benchQuery    = "how does a search engine work on text"
	queryTokens   = 8
	specialTokens = 3
)

// benchWords are one token each in English vocabularies.
const benchWords = "the of and to in is was for that on as with by at from this which or are be it an not have had all they one more we can said there would about their time some other"

// load is requests of so many pairs, so many at the same time.
type load struct {
	name               string
	pairs, concurrency int
	words              func(draw) int // tokens of the next passage
	beside             *load          // another load that runs meanwhile, with a row of its own
}

type draw interface{ NormFloat64() float64 }

// webPassage is the length of a passage as in web search: lognormal with median 72 and sigma 0.38, from 15 to 200 tokens.
func webPassage(r draw) int {
	return int(min(200, max(15, math.Round(72*math.Exp(0.38*r.NormFloat64())))))
}

// mixedLoads are what a server sees: large and small requests, alone, together and beside each other.
func mixedLoads() []load {
	web := func(name string, pairs, concurrency int) load {
		return load{name: name, pairs: pairs, concurrency: concurrency, words: webPassage}
	}
	stream := web("… the 1,000 beside", 1000, 1)
	beside := web("10 pairs beside 1,000", 10, 1)
	beside.beside = &stream
	return []load{
		web("1,000 pairs", 1000, 1), web("1,000 pairs × 4", 1000, 4), web("100 pairs × 16", 100, 16),
		web("100 pairs alone", 100, 1), web("10 pairs alone", 10, 1), beside,
	}
}

// loadRow is the outcome of a load: rates a second, latencies of a request in milliseconds.
type loadRow struct {
	name          string
	requests      int
	pairs, tokens float64
	p50, p99      float64
	batch         float64 // tokens of a batch, on average over all that ran meanwhile
}

// run keeps a load up for some time and gives its row, and that of the load beside it.
func (l load) run(ctx context.Context, r *reranker.Reranker, lasting time.Duration) ([]loadRow, error) {
	rows := make([]loadRow, 1)
	// Texts are made before the clock runs, and requests use them in turn. The first request warms the sessions up.
	requests := l.requests()
	if _, err := r.Score(ctx, benchQuery, requests[0]); err != nil {
		return nil, err
	}
	var wg sync.WaitGroup
	var besideErr error
	before, start := r.Stats(), time.Now()
	stop := start.Add(lasting)
	if l.beside != nil {
		texts := l.beside.requests()
		wg.Go(func() {
			var row loadRow
			row, besideErr = l.beside.keepUp(ctx, r, texts, stop)
			rows = append(rows, row)
		})
		time.Sleep(min(lasting/10, 100*time.Millisecond)) // until it is under way
	}
	row, err := l.keepUp(ctx, r, requests, stop)
	wg.Wait()
	if err == nil {
		err = besideErr
	}
	rows[0] = row
	after := r.Stats()
	for i := range rows {
		rows[i].batch = float64(after.Tokens-before.Tokens) / float64(max(1, after.Batches-before.Batches))
	}
	return rows, err
}

// keepUp sends requests until the time is up; each goroutine sends at least one.
func (l load) keepUp(ctx context.Context, r *reranker.Reranker, requests [][]string, stop time.Time) (loadRow, error) {
	var mu sync.Mutex
	var took []time.Duration
	var tokens int
	var failed error
	var wg sync.WaitGroup
	start := time.Now()
	for worker := range l.concurrency {
		wg.Go(func() {
			for n := worker; n == worker || time.Now().Before(stop); n++ {
				begin := time.Now()
				result, err := r.Score(ctx, benchQuery, requests[n%len(requests)])
				elapsed := time.Since(begin)
				mu.Lock()
				took = append(took, elapsed)
				tokens += result.Tokens
				if err != nil {
					failed = err
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start).Seconds()
	slices.Sort(took)
	return loadRow{
		name: l.name, requests: len(took), pairs: float64(len(took)*l.pairs) / elapsed, tokens: float64(tokens) / elapsed,
		p50: eval.Percentile(took, .5), p99: eval.Percentile(took, .99),
	}, failed
}

// requests are the passages of some requests; equal loads get equal texts.
func (l load) requests() [][]string {
	const distinct = 8
	words := strings.Fields(benchWords)
	rng := rand.New(rand.NewPCG(uint64(l.pairs), 7))
	requests := make([][]string, distinct)
	for n := range requests {
		for range l.pairs {
			var passage strings.Builder
			for range l.words(rng) {
				passage.WriteString(words[rng.IntN(len(words))])
				passage.WriteByte(' ')
			}
			requests[n] = append(requests[n], passage.String())
		}
	}
	return requests
}
