package cache

import (
	"context"
	"math"
	"sync"
)

// Claim is one request's view of its pairs: known scores were filled in at once, Mine are to be scored by this request,
// the rest are in another request's work.
//
// Score and Put what is Mine before Wait: two requests that wait for each other first would wait for ever. Who claims
// must Release, whatever happens. Put may be called from any goroutine, the rest from one at a time; scores may be read
// once the Puts are over.
type Claim struct {
	cache  *Cache
	keys   []Key
	scores []float32
	mine   []int
	theirs []waiting

	mu    sync.Mutex
	done  []bool        // [len(keys)] settled: Put or given up; nil while nothing is mine
	given []float32     // [len(keys)] what was Put; NaN when given up
	wake  chan struct{} // closed and replaced when something settles while somebody waits; nil while nobody does
}

// waiting is a pair of this claim that another claim scores.
type waiting struct {
	i     int
	other place
}

// Claim fills scores[i] with the known score of keys[i], and NaN where there is none yet; len(scores) must equal
// len(keys). A key that stands twice in keys is scored once.
func (c *Cache) Claim(keys []Key, scores []float32) *Claim {
	cl := &Claim{cache: c, keys: keys, scores: scores}
	now := c.now()
	var hits uint64
	for i, k := range keys {
		s := c.of(k)
		s.mu.Lock()
		if score, ok := c.get(s, k, now); ok {
			scores[i] = score
			hits++
		} else if p, ok := s.work[k]; ok {
			scores[i] = float32(math.NaN())
			cl.theirs = append(cl.theirs, waiting{i, p})
		} else {
			scores[i] = float32(math.NaN())
			cl.own(s, i)
		}
		s.mu.Unlock()
	}
	c.hits.Add(hits)
	c.misses.Add(uint64(len(keys)) - hits)
	c.shared.Add(uint64(len(cl.theirs)))
	return cl
}

// own makes pair i this claim's work. The shard is locked.
func (cl *Claim) own(s *shard, i int) {
	cl.mu.Lock()
	if cl.done == nil {
		cl.done = make([]bool, len(cl.keys))
		cl.given = make([]float32, len(cl.keys))
	}
	cl.done[i] = false
	cl.mu.Unlock()
	s.work[cl.keys[i]] = place{cl, i}
	cl.mine = append(cl.mine, i)
}

// Mine returns the indexes, ascending, of the pairs that this request is to score.
func (cl *Claim) Mine() []int { return cl.mine }

// Put publishes the score of pair i, one of Mine: to the cache, to scores[i] and to all who wait. A NaN gives the pair up.
func (cl *Claim) Put(i int, score float32) {
	k := cl.keys[i]
	s := cl.cache.of(k)
	s.mu.Lock()
	if p, ok := s.work[k]; !ok || p.claim != cl || p.i != i {
		s.mu.Unlock()
		return // settled before
	}
	delete(s.work, k)
	cl.cache.put(s, k, score)
	s.mu.Unlock()

	cl.mu.Lock()
	cl.done[i], cl.given[i] = true, score
	cl.scores[i] = score
	if cl.wake != nil {
		close(cl.wake)
		cl.wake = nil
	}
	cl.mu.Unlock()
}

// Release gives up every pair of Mine that was not Put; those who wait for them wake without a score.
func (cl *Claim) Release() {
	for _, i := range cl.mine {
		cl.mu.Lock()
		done := cl.done[i]
		cl.mu.Unlock()
		if !done {
			cl.Put(i, float32(math.NaN()))
		}
	}
}

// Wait blocks until every pair that others had in work is settled, and fills its score in, or until ctx ends: then it
// returns ctx's error and what is unsettled stays NaN. A pair that was given up by the other request becomes this
// request's own: Retry tells which.
func (cl *Claim) Wait(ctx context.Context) error {
	for n, w := range cl.theirs {
		score, err := w.other.claim.wait(ctx, w.other.i)
		if err != nil {
			cl.theirs = cl.theirs[n:]
			return err
		}
		cl.scores[w.i] = score
	}
	return nil
}

// Retry claims again what others gave up (their client left, their deadline struck), and returns the pairs that are now
// this request's own. Call it after Wait returned nil, until it returns nothing and Wait has nothing left to wait for.
func (cl *Claim) Retry() []int {
	before := cl.theirs
	cl.theirs = nil
	first := len(cl.mine)
	now := cl.cache.now()
	for _, w := range before {
		if !math.IsNaN(float64(cl.scores[w.i])) {
			continue
		}
		k := cl.keys[w.i]
		s := cl.cache.of(k)
		s.mu.Lock()
		if score, ok := cl.cache.get(s, k, now); ok {
			cl.scores[w.i] = score
		} else if p, ok := s.work[k]; ok {
			cl.theirs = append(cl.theirs, waiting{w.i, p})
		} else {
			cl.own(s, w.i)
		}
		s.mu.Unlock()
	}
	return cl.mine[first:]
}

// Waiting reports how many pairs others still have in work.
func (cl *Claim) Waiting() int { return len(cl.theirs) }

// wait blocks until pair i of cl is settled and returns its score, NaN if it was given up.
func (cl *Claim) wait(ctx context.Context, i int) (float32, error) {
	for {
		cl.mu.Lock()
		if cl.done[i] {
			defer cl.mu.Unlock()
			return cl.given[i], nil
		}
		if cl.wake == nil {
			cl.wake = make(chan struct{})
		}
		wake := cl.wake
		cl.mu.Unlock()
		select {
		case <-wake:
		case <-ctx.Done():
			return 0, ctx.Err()
		}
	}
}
