package reranker

import (
	"cmp"
	"context"
	"math"
	"time"
)

// batch is what a session runs at once. A session reuses one batch; nothing refers to it between two runs.
type batch struct {
	pairs   []pair
	longest int       // tokens of the longest pair: the padded width
	tokens  int       // of all pairs, without padding
	scores  []float32 // [len(pairs)], filled by the runner

	requests int // distinct requests
	owners   int // those of them that still wait for it
	cancel   context.CancelFunc
	oldest   time.Duration // when the first of its pairs was tokenized, since the scheduler's start
}

func (b *batch) reset() {
	clear(b.pairs) // lets finished requests go
	*b = batch{pairs: b.pairs[:0], scores: b.scores[:0]}
}

func (b *batch) add(p pair) {
	if len(b.pairs) == 0 || p.at < b.oldest {
		b.oldest = p.at
	}
	b.pairs = append(b.pairs, p)
	b.longest = max(b.longest, len(p.ids))
	b.tokens += len(p.ids)
}

// fill composes the next batch; the caller holds the lock and knows that pairs are ready.
//
// The request that was served least leads; pairs of other requests join until the batch is worth running, and are
// charged to their own requests. So a request's share of the model does not depend on its size: a new small one leads the
// next batch, whatever a large one has queued.
func (s *scheduler) fill(b *batch) {
	lead := s.lead()
	s.virtual = max(s.virtual, lead.served)
	if s.packed {
		s.fillPacked(b, lead)
	} else {
		s.fillPadded(b, lead)
	}
	s.readyPairs -= len(b.pairs)
	s.readyTokens -= b.tokens
	s.retire()
	b.scores = append(b.scores[:0], make([]float32, len(b.pairs))...)
}

// lead is the request that was served least of those with encoded pairs.
func (s *scheduler) lead() *request {
	var lead *request
	for _, r := range s.active {
		if len(r.tranche)+len(r.ready()) > 0 && (lead == nil || r.served < lead.served) {
			lead = r
		}
	}
	return lead
}

// fillPadded starts with the longest pairs of the leader's tranche; only pairs nearly as long join.
func (s *scheduler) fillPadded(b *batch, lead *request) {
	for _, r := range s.active {
		r.refill(s.trancheTokens)
	}
	longest := len(lead.tranche[0].ids)
	room := s.room(s.budget(longest), longest)
	if left, bounded := s.tokensLeft(lead); bounded {
		room = min(room, s.room(left, longest))
	}
	lead.take(b, longest, room, s.minFill)
	room = min(room, s.room(s.joinTokens, longest))
	for _, r := range s.active {
		if r != lead && len(b.pairs) < room {
			r.take(b, longest, room, s.minFill)
		}
	}
}

// fillPacked takes pairs of any length in the engine's order: without padding, length does not matter.
func (s *scheduler) fillPacked(b *batch, lead *request) {
	room, pairs := s.budget(0), cmp.Or(s.batchPairs, math.MaxInt)
	if left, bounded := s.tokensLeft(lead); bounded {
		room = min(room, left)
	}
	lead.takeNext(b, room, pairs)
	room = min(room, s.joinTokens)
	for _, r := range s.active {
		if r != lead {
			r.takeNext(b, room, pairs)
		}
	}
}

// computed is how many tokens the model computes for a batch.
func (s *scheduler) computed(b *batch) int {
	if s.packed {
		return b.tokens
	}
	return len(b.pairs) * b.longest
}

// tokensLeft is how many tokens, with padding, a session computes before the request's deadline, going by the batches before: a
// batch that the deadline cuts off is lost whole.
func (s *scheduler) tokensLeft(r *request) (tokens int, bounded bool) {
	if r.deadline.IsZero() || s.perToken == 0 {
		return 0, false
	}
	return int(float64(time.Until(r.deadline)) / s.perToken), true
}

// room is how many pairs of a length make so many padded tokens, at least one.
func (s *scheduler) room(tokens, length int) int {
	pairs := max(1, tokens/max(1, length))
	if s.batchPairs > 0 {
		return min(pairs, s.batchPairs)
	}
	return pairs
}

// budget is the number of tokens, with padding, for the next batch: what is ready is shared out among what is free, so that a
// lone request uses all of it.
func (s *scheduler) budget(longest int) int {
	free := s.free()
	share := (s.readyTokens + free - 1) / free
	return min(s.batchTokens, max(share, longest, s.minBatchTokens))
}

// free counts the runners without a batch, or the devices if those have several lanes each: lanes of one GPU do not add up.
func (s *scheduler) free() int {
	if s.lanes == 1 {
		return max(1, s.idle)
	}
	free := 0
	for _, runners := range s.load {
		if runners == 0 {
			free++
		}
	}
	return max(1, free)
}

// retire takes requests without waiting pairs off the active list, keeping its order.
func (s *scheduler) retire() {
	kept := s.active[:0]
	for _, r := range s.active {
		if r.waiting > 0 {
			kept = append(kept, r)
		}
	}
	clear(s.active[len(kept):])
	s.active = kept
}
