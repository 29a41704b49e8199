package reranker

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"
	"time"
)

// runner computes the scores of a batch: one session of a model.
type runner interface {
	// run fills b.scores. When ctx ends it returns early with an error.
	run(ctx context.Context, b *batch) error
	device() string
}

type schedulerOptions struct {
	encode  func(query string) encodePair // called once a request
	workers int                           // goroutines that tokenize
	runners []runner                      // one goroutine each

	queuePairs     int           // bound of pairs admitted and unfinished
	batchTokens    int           // bound of a batch, with its padding
	batchPairs     int           // bound of a batch in pairs; 0: none
	minBatchTokens int           // a batch is not split below this to use idle sessions
	joinTokens     int           // other requests' pairs join a batch while it is smaller than this
	trancheTokens  int           // pairs of a request that may be reordered by length
	minFill        float64       // shortest pair of a batch, relative to the longest
	packed         bool          // batches have no padding, and pairs keep the engine's order
	gather         bool          // a batch waits for the tokenizer where it would be small; see gathering
	lanes          int           // runners of one device; 0: 1
	delay          time.Duration // see Options.BatchDelay
	onBatch        func(BatchStats)
}

// scheduler brings the pairs of all requests to the runners. Workers tokenize, each runner's goroutine fetches its next
// batch by itself; both sleep on conditions of the one lock, under which all choices are made.
type scheduler struct {
	schedulerOptions
	started time.Time
	stopped chan struct{} // closed with closed

	mu       sync.Mutex
	work     *sync.Cond // for runners: pairs became ready, or closed
	texts    *sync.Cond // for workers: passages to tokenize, or closed
	routines sync.WaitGroup

	closed      bool
	requests    map[*request]struct{} // unfinished
	encoding    []*request            // with chunks that no worker took; served in turn
	active      []*request            // with waiting pairs, tokenized or not
	virtual     int64                 // virtual tokens of the request served last: where a new request starts
	readyPairs  int                   // tokenized and in no batch
	readyTokens int                   // of those
	perToken    float64               // nanoseconds a session takes for a padded token, lately
	idle        int                   // runners that wait for work
	load        map[string]int        // by device: runners that run a batch, or that have failed
	growing     bool                  // a timer of delay is set

	counters Stats
	failure  error // of the last batch; nil after one that worked
}

func newScheduler(o schedulerOptions) *scheduler {
	s := &scheduler{
		schedulerOptions: o, started: time.Now(), stopped: make(chan struct{}), requests: map[*request]struct{}{}, load: map[string]int{},
	}
	s.lanes = max(1, s.lanes)
	s.work, s.texts = sync.NewCond(&s.mu), sync.NewCond(&s.mu)
	s.counters.QueueLimit, s.counters.Sessions = o.queuePairs, len(o.runners)
	for range o.workers {
		s.routines.Go(s.tokenize)
	}
	for _, r := range o.runners {
		s.load[r.device()] = 0
	}
	for _, r := range o.runners {
		s.routines.Go(func() { s.serve(r) })
	}
	return s
}

// score is Reranker.Score.
func (s *scheduler) score(ctx context.Context, query string, passages []string, each Each) (Result, error) {
	begun := time.Now()
	result := Result{Scores: make([]float32, len(passages))}
	for i := range result.Scores {
		result.Scores[i] = float32(math.NaN())
	}
	if err := ctx.Err(); err != nil || len(passages) == 0 {
		return result, err
	}
	if err := s.admit(len(passages)); err != nil {
		return result, err
	}
	r := &request{
		passages: passages, encode: s.encode(query), each: each, begun: begun, result: result, done: make(chan struct{}),
		pairs: make([]pair, len(passages)), finished: make([]bool, chunkCount(len(passages))), waiting: len(passages), left: len(passages),
	}
	r.deadline, _ = ctx.Deadline()
	if err := s.enqueue(r); err != nil {
		return result, err
	}
	select {
	case <-r.done:
	case <-ctx.Done():
		s.end(r, ctx.Err())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return r.result, r.err
}

// admit reserves room in the queue.
func (s *scheduler) admit(pairs int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.counters.Requests++
	if s.counters.Down == len(s.runners) {
		return &BackendError{Backend: BackendONNX, Err: s.failure}
	}
	if s.counters.QueuePairs+pairs > s.queuePairs {
		s.counters.Overloaded++
		return ErrOverloaded
	}
	s.counters.QueuePairs += pairs
	return nil
}

func (s *scheduler) enqueue(r *request) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		s.counters.QueuePairs -= len(r.passages)
		return ErrClosed
	}
	r.served, r.alone = s.virtual, s.counters.Busy == 0
	s.requests[r] = struct{}{}
	s.active = append(s.active, r)
	s.encoding = append(s.encoding, r)
	for range min(len(r.finished), s.workers) {
		s.texts.Signal()
	}
	return nil
}

// end finishes a request: nobody waits for it any more, because all is scored (err is nil), its caller left, a batch
// failed or the scheduler closes. What it has queued is dropped; a running batch is stopped if no other request needs it.
func (s *scheduler) end(r *request, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.endLocked(r, err)
}

func (s *scheduler) endLocked(r *request, err error) {
	if r.gone.Load() {
		return
	}
	r.result.Tokenize, r.result.Queue, r.result.Model = r.timings(time.Now())
	r.err = err
	r.gone.Store(true)
	close(r.done)
	delete(s.requests, r)
	for _, b := range r.batches {
		if b.owners--; b.owners == 0 {
			b.cancel()
		}
	}
	for _, queued := range [][]pair{r.ready(), r.tranche} {
		s.readyPairs -= len(queued)
		for _, p := range queued {
			s.readyTokens -= len(p.ids)
		}
	}
	s.counters.QueuePairs -= r.waiting
	s.counters.Dropped += uint64(r.left)
	r.waiting, r.taken, r.tranche, r.batches = 0, r.encoded, nil, nil
	if s.readyPairs > 0 && s.idle > 0 {
		s.work.Broadcast() // runners may have waited for this request's passages
	}
	if r.nextChunk < len(r.finished) {
		s.encoding = slices.DeleteFunc(s.encoding, func(other *request) bool { return other == r })
	}
	s.retire()
}

// stats returns the counters and gauges.
func (s *scheduler) stats() Stats {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.counters
}

// healthy tells why the last batch failed.
func (s *scheduler) healthy() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if s.counters.Down == len(s.runners) {
		return fmt.Errorf("no device works, each is being opened again: %w", s.failure)
	}
	if s.failure != nil {
		return fmt.Errorf("the last batch failed: %w", s.failure)
	}
	return nil
}

// close ends all requests with ErrClosed and returns when every goroutine has stopped.
func (s *scheduler) close() {
	s.mu.Lock()
	if !s.closed {
		close(s.stopped)
	}
	s.closed = true
	for r := range s.requests {
		s.endLocked(r, ErrClosed)
	}
	s.work.Broadcast()
	s.texts.Broadcast()
	s.mu.Unlock()
	s.routines.Wait()
}
