package reranker

import (
	"context"
	"errors"
	"math"
	"slices"
	"time"
)

// errNotANumber is the failure of a model whose output is NaN or infinite.
var errNotANumber = errors.New("the model's output is not a number")

// serve is the goroutine of one runner.
func (s *scheduler) serve(run runner) {
	var b batch
	for {
		ctx, ok := s.next(&b)
		if !ok {
			return
		}
		begun := time.Now()
		err := run.run(ctx, &b)
		ended := time.Now()
		if err == nil && slices.ContainsFunc(b.scores, notFinite) {
			err = errNotANumber
		}
		if s.onBatch != nil {
			s.onBatch(BatchStats{
				Pairs: len(b.pairs), Requests: b.requests, Tokens: b.tokens, Padded: len(b.pairs) * b.longest,
				Wait: begun.Sub(b.oldest), Run: ended.Sub(begun), Device: run.device(), Err: err,
			})
		}
		s.finish(&b, err, begun, ended)
	}
}

func notFinite(score float32) bool {
	return math.IsNaN(float64(score)) || math.IsInf(float64(score), 0)
}

// next waits for work and composes a batch. The context ends when none of the batch's requests is waited for.
func (s *scheduler) next(b *batch) (context.Context, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.reset()
	s.idle++
	for !s.closed && (s.readyPairs == 0 || s.grow()) {
		s.work.Wait()
	}
	if s.closed {
		s.idle--
		return nil, false
	}
	s.fill(b)
	s.idle--
	s.counters.Busy++
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	return ctx, true
}

// grow tells whether a free runner lets a small batch grow a little longer: only while another runner is busy, not past
// delay for the pair that waits longest, and not for a request that came when all were free: that one shall use them all.
func (s *scheduler) grow() bool {
	if s.delay == 0 || s.counters.Busy == 0 || s.readyTokens >= s.batchTokens/2 {
		return false
	}
	var oldest time.Time
	for _, r := range s.active {
		if r.alone {
			return false
		}
		for _, queued := range [][]pair{r.tranche, r.ready} {
			for _, p := range queued {
				if oldest.IsZero() || p.at.Before(oldest) {
					oldest = p.at
				}
			}
		}
	}
	left := s.delay - time.Since(oldest)
	if left <= 0 {
		return false
	}
	if !s.growing {
		s.growing = true
		time.AfterFunc(left, func() {
			s.mu.Lock()
			defer s.mu.Unlock()
			s.growing = false
			s.work.Broadcast()
		})
	}
	return true
}

// finish hands out the scores of a batch.
func (s *scheduler) finish(b *batch, err error, begun, ended time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.cancel()
	s.counters.Busy--
	s.counters.QueuePairs -= len(b.pairs)
	s.count(b, err)
	s.learn(b, err, ended.Sub(begun))
	for i, p := range b.pairs {
		r := p.request
		if r.gone.Load() {
			continue
		}
		if r.modelBegun.IsZero() || begun.Before(r.modelBegun) {
			r.modelBegun = begun
		}
		r.modelAt = ended
		r.batches = slices.DeleteFunc(r.batches, func(other *batch) bool { return other == b })
		if err != nil && (!errors.Is(err, errNotANumber) || notFinite(b.scores[i])) {
			s.endLocked(r, &BackendError{Backend: BackendONNX, Err: err})
			continue
		}
		r.result.Scores[p.index] = b.scores[i]
		if r.each != nil {
			r.each(p.index, b.scores[i])
		}
		r.result.Tokens += len(p.ids)
		if r.left--; r.left == 0 {
			s.endLocked(r, nil)
		}
	}
	if s.delay > 0 {
		s.work.Broadcast() // a runner that let its batch grow may be the only one now
	}
}

// learn updates the time a token takes: a moving average over some ten batches.
func (s *scheduler) learn(b *batch, err error, took time.Duration) {
	if err != nil || b.longest == 0 {
		return
	}
	now := float64(took) / float64(len(b.pairs)*b.longest)
	if s.perToken == 0 {
		s.perToken = now
		return
	}
	s.perToken += (now - s.perToken) / 10
}

// count books a finished batch. One that was stopped because nobody waited is no failure.
func (s *scheduler) count(b *batch, err error) {
	if b.owners == 0 && err != nil {
		return
	}
	s.failure = err
	if err != nil {
		s.counters.Failed++
		return
	}
	s.counters.Batches++
	s.counters.Pairs += uint64(len(b.pairs))
	s.counters.Tokens += uint64(b.tokens)
	s.counters.Padded += uint64(len(b.pairs) * b.longest)
}
