package reranker

import (
	"slices"
	"sync/atomic"
	"time"
)

// encodePair turns one passage of a request into token ids, appended to dst. passageStart is the position of the
// passage's first token, which is where token type 1 begins.
type encodePair func(passage string, dst []int32) (ids []int32, passageStart int)

// chunkPairs is how many pairs of a request a worker tokenizes at a time: few enough that the model can start early and
// that requests take turns, enough that the lock does not matter.
const chunkPairs = 16

// pair is one tokenized (query, passage).
type pair struct {
	request *request
	ids     []int32       // [tokens]
	at      time.Duration // when it was tokenized, since the scheduler's start
	index   int32         // of the passage in the request
	start   int32         // position of the passage's first token
}

// request is one call of Score on its way through the scheduler. All fields below `passages` are guarded by the
// scheduler's lock, but for gone, and for pairs that are not encoded yet: those belong to the worker that has their chunk.
type request struct {
	passages []string
	encode   encodePair
	each     Each // may be nil
	begun    time.Time
	deadline time.Time // zero: none
	alone    bool      // no session was busy when it came

	gone atomic.Bool   // nobody waits for it any more: finished, failed or left
	done chan struct{} // closed with gone
	err  error

	nextChunk int    // first chunk that no worker took
	finished  []bool // by chunk: tokenized
	frontier  int    // chunks in front of it are tokenized: their pairs are encoded

	pairs   []pair // of all passages, in the engine's order; those before taken are in the tranche, in a batch, or scored
	taken   int
	encoded int    // pairs before it are encoded
	tranche []pair // the part of pairs before taken that is in no batch, longest first; unused where batches are packed
	served  int64  // virtual tokens computed for it: the fair share

	waiting int      // pairs in no batch yet, tokenized or not
	left    int      // pairs not scored yet
	batches []*batch // running, with pairs of this request

	result                         Result
	encodedAt, modelBegun, modelAt time.Time
}

// ready are the encoded pairs that are in no tranche and no batch.
func (r *request) ready() []pair { return r.pairs[r.taken:r.encoded] }

func chunkCount(pairs int) int { return (pairs + chunkPairs - 1) / chunkPairs }

// chunk is the range of passages in chunk i.
func (r *request) chunk(i int) (from, to int) {
	return i * chunkPairs, min((i+1)*chunkPairs, len(r.passages))
}

// refill makes a tranche of the next pairs in the engine's order, up to so many tokens, once the last is used up: pairs
// at the top are in an earlier tranche, so that a deadline cuts off the bottom, and inside a tranche pairs can be sorted.
func (r *request) refill(tokens int) {
	ready := r.ready()
	if len(r.tranche) > 0 || len(ready) == 0 {
		return
	}
	n, sum := 0, 0
	for n < len(ready) && (n == 0 || sum+len(ready[n].ids) <= tokens) {
		sum += len(ready[n].ids)
		n++
	}
	r.tranche = ready[:n:n]
	r.taken += n
	slices.SortStableFunc(r.tranche, func(a, b pair) int { return len(b.ids) - len(a.ids) })
}

// take moves pairs of the tranche no longer than longest into b until it has room pairs; it stops at pairs much shorter
// than longest, which are cheaper in a batch of their own.
func (r *request) take(b *batch, longest, room int, minFill float64) {
	from, _ := slices.BinarySearchFunc(r.tranche, longest, func(p pair, n int) int { return n - len(p.ids) })
	to := from
	for to < len(r.tranche) && len(b.pairs) < room && float64(len(r.tranche[to].ids)) >= minFill*float64(longest) {
		b.add(r.tranche[to])
		to++
	}
	n := to - from
	if n == 0 {
		return
	}
	r.tranche = slices.Delete(r.tranche, from, to)
	r.join(b, n, n*longest)
}

// takeNext moves pairs into b in the engine's order until it has so many tokens or pairs; a batch has at least one pair.
func (r *request) takeNext(b *batch, tokens, pairs int) {
	before, n := b.tokens, 0
	for _, p := range r.ready() {
		if len(b.pairs) > 0 && (b.tokens+len(p.ids) > tokens || len(b.pairs) >= pairs) {
			break
		}
		b.add(p)
		n++
	}
	if n == 0 {
		return
	}
	r.taken += n
	r.join(b, n, b.tokens-before)
}

// join books that n pairs went into b, at a cost in tokens.
func (r *request) join(b *batch, n, tokens int) {
	r.served += int64(tokens)
	r.waiting -= n
	r.batches = append(r.batches, b)
	b.owners++
	b.requests++
}

// timings are the durations of a Result, as far as they are known now.
func (r *request) timings(now time.Time) (tokenize, queue, model time.Duration) {
	encoded := r.encodedAt
	if encoded.IsZero() {
		encoded = now
	}
	tokenize = encoded.Sub(r.begun)
	if r.modelBegun.IsZero() {
		return tokenize, now.Sub(encoded), 0
	}
	end := r.modelAt
	if end.IsZero() {
		end = now
	}
	return tokenize, max(0, r.modelBegun.Sub(encoded)), end.Sub(r.modelBegun)
}
