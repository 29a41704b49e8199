package reranker

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestEveryPairGetsItsOwnScore(t *testing.T) {
	const requests, minFill = 20, 0.8
	runners := []runner{&instant{}, &instant{}, &instant{}}
	var mu sync.Mutex
	var seen []BatchStats
	s := startScheduler(t, schedulerOptions{
		runners: runners, batchTokens: 400, minFill: minFill,
		onBatch: func(b BatchStats) { mu.Lock(); seen = append(seen, b); mu.Unlock() },
	})
	rng := rand.New(rand.NewPCG(1, 2))
	var wg sync.WaitGroup
	want, wantTokens := 0, 0
	for range requests {
		lengths := make([]int, 1+rng.IntN(150))
		tokens := 0
		for i := range lengths {
			lengths[i] = 1 + rng.IntN(500) // some pairs are longer than a batch's bound
			tokens += lengths[i]
		}
		want += len(lengths)
		wantTokens += tokens
		wg.Go(func() {
			told := make([]float32, len(lengths))
			var calls atomic.Int64
			r, err := s.score(t.Context(), "q", passages(lengths...), func(i int, score float32) { told[i] = score; calls.Add(1) })
			if !slices.Equal(told, r.Scores) || int(calls.Load()) != len(lengths) {
				t.Errorf("told %d scores of %d", calls.Load(), len(lengths))
			}
			if n := checkScores(t, r); err != nil || n != len(lengths) || r.Tokens != tokens {
				t.Errorf("scored %d of %d pairs, %d of %d tokens: %v", n, len(lengths), r.Tokens, tokens, err)
			}
		})
	}
	wg.Wait()
	for _, r := range runners {
		for _, b := range r.(*instant).ran() {
			longest := slices.Max(b.lengths)
			if len(b.lengths) > 1 && longest*len(b.lengths) > 400 {
				t.Errorf("batch of %v is over the budget of 400", b.lengths)
			}
			if shortest := slices.Min(b.lengths); float64(shortest) < minFill*float64(longest) {
				t.Errorf("batch joins %d with %d tokens", shortest, longest)
			}
		}
	}
	stats := s.stats()
	if int(stats.Pairs) != want || int(stats.Tokens) != wantTokens || stats.QueuePairs != 0 || stats.Busy != 0 || stats.Requests != requests {
		t.Errorf("stats %+v, want %d pairs, %d tokens, nothing queued", stats, want, wantTokens)
	}
	pairs, padded := 0, 0
	for _, b := range seen {
		pairs += b.Pairs
		padded += b.Padded
	}
	if pairs != want || padded != int(stats.Padded) || len(seen) != int(stats.Batches) {
		t.Errorf("call-backs tell of %d pairs, %d padded tokens in %d batches; stats %+v", pairs, padded, len(seen), stats)
	}
}

func TestPairsBoundKeepsPairsAlone(t *testing.T) {
	run := &instant{}
	s := startScheduler(t, schedulerOptions{runners: []runner{run}, batchPairs: 1})
	r, err := s.score(t.Context(), "q", passages(5, 5, 5, 5, 5, 5), nil)
	if checkScores(t, r) != 6 || err != nil {
		t.Fatalf("%v, %v", r, err)
	}
	if n := len(run.ran()); n != 6 {
		t.Errorf("%d batches for 6 pairs that must be alone", n)
	}
}

func TestFailedBatchFailsItsRequest(t *testing.T) {
	broken := errors.New("broken")
	cases := map[string]struct {
		fail func(*batch) error
		want error
	}{
		"error": {func(*batch) error { return broken }, broken},
		"NaN":   {func(b *batch) error { b.scores[0] = float32(math.NaN()); return nil }, errNotANumber},
		"Inf":   {func(b *batch) error { b.scores[0] = float32(math.Inf(-1)); return nil }, errNotANumber},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			n := 0
			run := &instant{fail: func(b *batch) error {
				if n++; n == 2 || n == 3 {
					return c.fail(b)
				}
				return nil
			}}
			encode := func(query string) encodePair {
				if query == "health" {
					return func(_ string, dst []int32) ([]int32, int) { return append(dst, 1, 2, 3), 1 }
				}
				return encodeFake(query)
			}
			s := startScheduler(t, schedulerOptions{runners: []runner{run}, batchTokens: 10, trancheTokens: 10, encode: encode})
			r, err := s.score(t.Context(), "q", passages(10, 10, 10), nil)
			var failure *BackendError
			if !errors.As(err, &failure) || !errors.Is(err, c.want) || checkScores(t, r) != 1 {
				t.Fatalf("%v with %d scores, want a BackendError after one", err, r.Scored())
			}
			if err := s.healthy(); !errors.Is(err, c.want) {
				t.Errorf("healthy says %v after a failed batch", err)
			}
			backend := &onnx{scheduler: s} // its health check tries a pair, the third batch and then the fourth
			if err := backend.healthy(); !errors.Is(err, c.want) {
				t.Errorf("health check says %v although its own pair fails", err)
			}
			if err := backend.healthy(); err != nil {
				t.Errorf("health check says %v although its own pair is scored", err)
			}
			if err := s.healthy(); err != nil {
				t.Errorf("healthy says %v after a batch that worked", err)
			}
			if got := s.stats(); got.Failed != 2 || got.QueuePairs != 0 {
				t.Errorf("stats %+v", got)
			}
		})
	}
}

func TestCloseEndsRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startScheduler(t, schedulerOptions{runners: []runner{&instant{perToken: time.Hour}}})
		done := make(chan error)
		for range 3 {
			go func() {
				_, err := s.score(t.Context(), "q", passages(10, 10, 10), nil)
				done <- err
			}()
		}
		synctest.Wait()
		s.close()
		for range 3 {
			if err := <-done; !errors.Is(err, ErrClosed) {
				t.Errorf("open request ended with %v", err)
			}
		}
		if _, err := s.score(t.Context(), "q", passages(1), nil); !errors.Is(err, ErrClosed) {
			t.Errorf("request after close: %v", err)
		}
		if err := s.healthy(); !errors.Is(err, ErrClosed) {
			t.Errorf("healthy after close: %v", err)
		}
		if got := s.stats().QueuePairs; got != 0 {
			t.Errorf("%d pairs still queued", got)
		}
	})
}

func TestNothingToScore(t *testing.T) {
	s := startScheduler(t, schedulerOptions{runners: []runner{&instant{}}})
	if r, err := s.score(t.Context(), "q", nil, nil); err != nil || len(r.Scores) != 0 {
		t.Errorf("%v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := s.score(ctx, "q", passages(1, 2), nil); !errors.Is(err, context.Canceled) || r.Scored() != 0 || len(r.Scores) != 2 {
		t.Errorf("%v, %v", r, err)
	}
}
