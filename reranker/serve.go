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
		ctx, ok := s.next(&b, run)
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
				Pairs: len(b.pairs), Requests: b.requests, Tokens: b.tokens, Padded: s.computed(&b),
				Wait: begun.Sub(s.started) - b.oldest, Run: ended.Sub(begun), Device: run.device(), Err: err,
			})
		}
		s.finish(&b, run, err, begun, ended)
		if err != nil && !s.recover(run, err) {
			return
		}
	}
}

func notFinite(score float32) bool {
	return math.IsNaN(float64(score)) || math.IsInf(float64(score), 0)
}

// next waits for work and composes a batch. The context ends when none of the batch's requests is waited for.
func (s *scheduler) next(b *batch, run runner) (context.Context, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.reset()
	s.idle++
	for !s.closed && (s.readyPairs == 0 || s.yields(run) || s.gathering() || s.grow()) {
		s.work.Wait()
	}
	if s.closed {
		s.idle--
		return nil, false
	}
	s.fill(b)
	s.idle--
	s.counters.Busy++
	s.load[run.device()]++
	if s.readyPairs > 0 && s.idle > 0 {
		s.work.Broadcast() // another runner may have left the batch to this one, or waited for its leader
	}
	ctx, cancel := context.WithCancel(context.Background())
	b.cancel = cancel
	return ctx, true
}

// yields tells whether a free runner leaves the next batch to a runner of a device that is less busy.
func (s *scheduler) yields(run runner) bool {
	mine := s.load[run.device()]
	if mine == 0 {
		return false
	}
	for _, other := range s.runners {
		if s.load[other.device()] < mine {
			return true
		}
	}
	return false
}

// gathering tells whether a free runner waits for the tokenizer: while the request that comes next has passages to encode and
// there is less than a full batch. On a GPU a batch of a few pairs takes nearly as long as one of a hundred, and the
// tokenizer needs less time for those than the GPU.
func (s *scheduler) gathering() bool {
	if !s.gather || s.readyTokens >= s.batchTokens {
		return false
	}
	lead := s.lead()
	return lead.encoded < len(lead.pairs)
}

// grow tells whether a free runner lets a small batch grow a little longer: only while another runner is busy, not past
// delay for the pair that waits longest, and not for a request that came when all were free: that one shall use them all.
func (s *scheduler) grow() bool {
	if s.delay == 0 || s.counters.Busy == 0 || s.readyTokens >= s.batchTokens/2 {
		return false
	}
	now := time.Since(s.started)
	oldest := now
	for _, r := range s.active {
		if r.alone {
			return false
		}
		for _, queued := range [][]pair{r.tranche, r.ready()} {
			for _, p := range queued {
				oldest = min(oldest, p.at)
			}
		}
	}
	left := s.delay - (now - oldest)
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
func (s *scheduler) finish(b *batch, run runner, err error, begun, ended time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	b.cancel()
	s.counters.Busy--
	s.load[run.device()]--
	s.counters.QueuePairs -= len(b.pairs)
	s.count(b, err)
	s.learn(b, err, ended.Sub(begun))
	for from := 0; from < len(b.pairs); {
		r, to := b.pairs[from].request, from+1
		for to < len(b.pairs) && b.pairs[to].request == r {
			to++
		}
		if !r.gone.Load() {
			s.deliver(r, b, from, to, err, begun, ended)
		}
		from = to
	}
	if s.delay > 0 || s.lanes > 1 {
		s.work.Broadcast() // a runner that let its batch grow, or left it to another device, may be the only one now
	}
}

// deliver hands one request the scores of its pairs, b.pairs[from:to].
func (s *scheduler) deliver(r *request, b *batch, from, to int, err error, begun, ended time.Time) {
	if r.modelBegun.IsZero() || begun.Before(r.modelBegun) {
		r.modelBegun = begun
	}
	r.modelAt = ended
	r.batches = slices.DeleteFunc(r.batches, func(other *batch) bool { return other == b })
	failed := err != nil && !errors.Is(err, errNotANumber)
	for i := from; i < to; i++ {
		score := b.scores[i]
		if failed || (err != nil && notFinite(score)) {
			s.endLocked(r, &BackendError{Backend: BackendONNX, Err: err})
			return
		}
		p := &b.pairs[i]
		r.result.Scores[p.index] = score
		if r.each != nil {
			r.each(int(p.index), score)
		}
		r.result.Tokens += len(p.ids)
		r.left--
	}
	if r.left == 0 {
		s.endLocked(r, nil)
	}
}

// learn updates the time a token takes: a moving average over some ten batches.
func (s *scheduler) learn(b *batch, err error, took time.Duration) {
	if err != nil || b.longest == 0 {
		return
	}
	now := float64(took) / float64(s.computed(b))
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
	s.counters.Padded += uint64(s.computed(b))
}
