package reranker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// instant is a runner of the tests: a token takes perToken, and a passage "n id" has n tokens and the score id.
type instant struct {
	perToken time.Duration
	fail     func(b *batch) error

	mu      sync.Mutex
	batches []ran
}

type ran struct {
	lengths []int
	ids     []int32
	queries []string
	begun   time.Time
	stopped bool
}

func (i *instant) device() string { return "test" }

func (i *instant) run(ctx context.Context, b *batch) error {
	done := ran{begun: time.Now()}
	for n, p := range b.pairs {
		b.scores[n] = float32(p.ids[0])
		done.lengths = append(done.lengths, len(p.ids))
		done.ids = append(done.ids, p.ids[0])
	}
	var err error
	if i.fail != nil {
		err = i.fail(b)
	}
	if i.perToken > 0 {
		select {
		case <-time.After(i.perToken * time.Duration(len(b.pairs)*b.longest)):
		case <-ctx.Done():
			done.stopped, err = true, ctx.Err()
		}
	}
	i.mu.Lock()
	defer i.mu.Unlock()
	i.batches = append(i.batches, done)
	return err
}

func (i *instant) ran() []ran {
	i.mu.Lock()
	defer i.mu.Unlock()
	return slices.Clone(i.batches)
}

// encodeFake reads passages "n id".
func encodeFake(string) encodePair {
	return func(passage string, dst []int32) ([]int32, int) {
		length, id, _ := strings.Cut(passage, " ")
		n, err := strconv.Atoi(length)
		if err != nil {
			panic(err)
		}
		v, err := strconv.Atoi(id)
		if err != nil {
			panic(err)
		}
		return append(dst, slices.Repeat([]int32{int32(v)}, n)...), 1
	}
}

func passages(lengths ...int) []string {
	ps := make([]string, len(lengths))
	for i, n := range lengths {
		ps[i] = fmt.Sprintf("%d %d", n, i)
	}
	return ps
}

func startScheduler(t testing.TB, o schedulerOptions) *scheduler {
	t.Helper()
	if o.encode == nil {
		o.encode = encodeFake
	}
	o.workers = cmp.Or(o.workers, 2)
	o.queuePairs = cmp.Or(o.queuePairs, 10_000)
	o.batchTokens = cmp.Or(o.batchTokens, 100)
	o.joinTokens = cmp.Or(o.joinTokens, o.batchTokens)
	o.trancheTokens = cmp.Or(o.trancheTokens, 8*o.batchTokens)
	s := newScheduler(o)
	t.Cleanup(s.close)
	return s
}

// checkScores wants id i as the score of passage i wherever there is one, and returns how many there are.
func checkScores(t *testing.T, r Result) int {
	t.Helper()
	for i, s := range r.Scores {
		if s == s && s != float32(i) {
			t.Errorf("passage %d has score %v, of another pair", i, s)
		}
	}
	return r.Scored()
}

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
			r, err := s.score(t.Context(), "q", passages(lengths...))
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
	r, err := s.score(t.Context(), "q", passages(5, 5, 5, 5, 5, 5))
	if checkScores(t, r) != 6 || err != nil {
		t.Fatalf("%v, %v", r, err)
	}
	if n := len(run.ran()); n != 6 {
		t.Errorf("%d batches for 6 pairs that must be alone", n)
	}
}

func TestFullQueueRefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startScheduler(t, schedulerOptions{runners: []runner{&instant{perToken: time.Millisecond}}, queuePairs: 10})
		defer s.close()
		done := make(chan error)
		go func() {
			_, err := s.score(t.Context(), "q", passages(10, 10, 10, 10, 10, 10, 10, 10))
			done <- err
		}()
		synctest.Wait()
		begun := time.Now()
		r, err := s.score(t.Context(), "q", passages(1, 1, 1))
		if !errors.Is(err, ErrOverloaded) || r.Scored() != 0 || time.Since(begun) != 0 {
			t.Errorf("3 pairs over the bound: %v, %d scored after %v", err, r.Scored(), time.Since(begun))
		}
		if r, err := s.score(t.Context(), "q", passages(1, 1)); err != nil || r.Scored() != 2 {
			t.Errorf("2 pairs that fit: %v", err)
		}
		if err := <-done; err != nil {
			t.Error(err)
		}
		if got := s.stats(); got.Overloaded != 1 || got.QueuePairs != 0 {
			t.Errorf("stats %+v", got)
		}
	})
}

func TestDeadlineScoresTheFrontFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := &instant{perToken: time.Millisecond}
		s := startScheduler(t, schedulerOptions{runners: []runner{run}, batchTokens: 20, trancheTokens: 80, minFill: 0.8})
		defer s.close()
		lengths := make([]int, 100)
		for i := range lengths {
			lengths[i] = 5 + i%11
		}
		ctx, cancel := context.WithTimeout(t.Context(), 505*time.Millisecond)
		defer cancel()
		begun := time.Now()
		r, err := s.score(ctx, "q", passages(lengths...))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) != 505*time.Millisecond {
			t.Errorf("%v after %v, want the deadline at 505ms", err, time.Since(begun))
		}
		n := checkScores(t, r)
		if n < 30 || n > 60 {
			t.Errorf("%d pairs scored in 500 ms of a millisecond a token", n)
		}
		first := slices.IndexFunc(r.Scores, func(s float32) bool { return s != s })
		for i, s := range r.Scores {
			if s == s && i > first+16 { // a tranche of 80 tokens has at most 16 pairs of 5
				t.Errorf("pair %d was scored, pair %d was not: further apart than a tranche", i, first)
			}
		}
		synctest.Wait()
		ran := run.ran()
		if last := ran[len(ran)-1]; !last.stopped {
			t.Error("the batch under way at the deadline was not stopped")
		}
		if got := s.stats(); got.QueuePairs != 0 || int(got.Dropped) != 100-n || got.Failed != 0 {
			t.Errorf("stats %+v after %d of 100 scored", got, n)
		}
	})
}

func TestDepartedCallerIsDroppedButNotItsNeighbours(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := &instant{perToken: time.Millisecond}
		s := startScheduler(t, schedulerOptions{runners: []runner{run}, batchTokens: 40})
		defer s.close()
		busy := make(chan struct{})
		go func() {
			defer close(busy)
			_, _ = s.score(t.Context(), "q", passages(10))
		}()
		synctest.Wait()
		leaving, leave := context.WithCancel(t.Context())
		left, stayed := make(chan Result), make(chan Result)
		go func() {
			r, err := s.score(leaving, "q", passages(10, 10, 10, 10, 10))
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			left <- r
		}()
		synctest.Wait()
		go func() {
			r, err := s.score(t.Context(), "q", passages(10, 10, 10))
			if err != nil {
				t.Error(err)
			}
			stayed <- r
		}()
		// At 10 ms the leaver leads a batch of four; at 50 ms the other leads one of three, with the leaver's fifth pair.
		time.Sleep(60 * time.Millisecond)
		leave()
		if r := <-left; checkScores(t, r) != 4 {
			t.Errorf("the leaver got %d scores, want those of its finished batch", r.Scored())
		}
		if r := <-stayed; checkScores(t, r) != 3 {
			t.Errorf("the other got %d of 3", r.Scored())
		}
		<-busy
		for _, b := range run.ran() {
			if b.stopped {
				t.Errorf("batch %v was stopped although somebody waited for it", b.lengths)
			}
		}
	})
}

func TestSmallRequestBesideALargeOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := &instant{perToken: time.Millisecond}
		s := startScheduler(t, schedulerOptions{runners: []runner{run}, batchTokens: 100, minFill: 0.8})
		defer s.close()
		large := make(chan time.Duration)
		begun := time.Now()
		go func() {
			r, err := s.score(t.Context(), "q", passages(slices.Repeat([]int{10}, 1000)...))
			if err != nil || checkScores(t, r) != 1000 {
				t.Error(err)
			}
			large <- time.Since(begun)
		}()
		time.Sleep(2*time.Second + time.Millisecond)
		for _, length := range []int{10, 20} { // fits into the large one's batches, and does not
			asked := time.Now()
			r, err := s.score(t.Context(), "q", passages(slices.Repeat([]int{length}, 10)...))
			if err != nil || checkScores(t, r) != 10 {
				t.Error(err)
			}
			// The batch under way, and its own work beside as much of the large one's.
			if limit := 100*time.Millisecond + 2*time.Duration(10*length)*time.Millisecond; time.Since(asked) > limit {
				t.Errorf("10 pairs of %d tokens took %v beside 1,000, want at most %v", length, time.Since(asked), limit)
			}
		}
		if took := <-large; took > 10300*time.Millisecond {
			t.Errorf("the large request took %v, its own work is 10 s and the small ones' 0.3 s", took)
		}
	})
}

func TestFreeSessionsShareALoneRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &instant{perToken: time.Millisecond}, &instant{perToken: time.Millisecond}
		s := startScheduler(t, schedulerOptions{runners: []runner{a, b}, batchTokens: 1000, delay: time.Second})
		defer s.close()
		synctest.Wait()
		begun := time.Now()
		r, err := s.score(t.Context(), "q", passages(10, 10, 10, 10, 10, 10, 10, 10))
		if err != nil || checkScores(t, r) != 8 || time.Since(begun) != 40*time.Millisecond {
			t.Errorf("80 tokens on two free sessions took %v, %v; want 40ms", time.Since(begun), err)
		}
		if len(a.ran()) != 1 || len(b.ran()) != 1 {
			t.Errorf("%d and %d batches, want one each", len(a.ran()), len(b.ran()))
		}
	})
}

func TestDelayLetsABatchGrowOnlyBesideABusySession(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &instant{perToken: time.Millisecond}, &instant{perToken: time.Millisecond}
		s := startScheduler(t, schedulerOptions{runners: []runner{a, b}, batchTokens: 1000, minBatchTokens: 1000, delay: 20 * time.Millisecond})
		defer s.close()
		synctest.Wait()
		begun := time.Now()
		var wg sync.WaitGroup
		ask := func(after, want time.Duration, lengths ...int) {
			wg.Go(func() {
				time.Sleep(after)
				r, err := s.score(t.Context(), "q", passages(lengths...))
				if took := time.Since(begun) - after; err != nil || checkScores(t, r) != len(lengths) || took != want {
					t.Errorf("request at %v took %v, want %v: %v", after, took, want, err)
				}
			})
		}
		ask(0, 500*time.Millisecond, 500)                  // alone: at once
		ask(10*time.Millisecond, 40*time.Millisecond, 10)  // waits 20 ms, then runs with the next: 2 × 10 tokens
		ask(15*time.Millisecond, 35*time.Millisecond, 10)  // joins it
		ask(490*time.Millisecond, 20*time.Millisecond, 10) // waits 10 ms, until nobody is busy
		ask(600*time.Millisecond, 10*time.Millisecond, 10) // alone again
		wg.Wait()
	})
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
				if n++; n == 2 {
					return c.fail(b)
				}
				return nil
			}}
			s := startScheduler(t, schedulerOptions{runners: []runner{run}, batchTokens: 10, trancheTokens: 10})
			r, err := s.score(t.Context(), "q", passages(10, 10, 10))
			var failure *BackendError
			if !errors.As(err, &failure) || !errors.Is(err, c.want) || checkScores(t, r) != 1 {
				t.Fatalf("%v with %d scores, want a BackendError after one", err, r.Scored())
			}
			if err := s.healthy(); !errors.Is(err, c.want) {
				t.Errorf("healthy says %v after a failed batch", err)
			}
			if _, err := s.score(t.Context(), "q", passages(10)); err != nil {
				t.Fatalf("after a failure: %v", err)
			}
			if err := s.healthy(); err != nil {
				t.Errorf("healthy says %v after a batch that worked", err)
			}
			if got := s.stats(); got.Failed != 1 || got.QueuePairs != 0 {
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
				_, err := s.score(t.Context(), "q", passages(10, 10, 10))
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
		if _, err := s.score(t.Context(), "q", passages(1)); !errors.Is(err, ErrClosed) {
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

func TestResultTimings(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		slow := func(query string) encodePair {
			inner := encodeFake(query)
			return func(passage string, dst []int32) ([]int32, int) {
				time.Sleep(3 * time.Millisecond)
				return inner(passage, dst)
			}
		}
		s := startScheduler(t, schedulerOptions{runners: []runner{&instant{perToken: time.Millisecond}}, encode: slow})
		defer s.close()
		go func() { _, _ = s.score(t.Context(), "q", passages(50)) }()
		synctest.Wait()
		time.Sleep(5 * time.Millisecond) // that one runs from 3 to 53 ms
		r, err := s.score(t.Context(), "q", passages(10, 10))
		if err != nil || r.Tokenize != 6*time.Millisecond || r.Queue != 42*time.Millisecond || r.Model != 20*time.Millisecond {
			t.Errorf("tokenize %v, queue %v, model %v, %v; want 6ms, 42ms, 20ms", r.Tokenize, r.Queue, r.Model, err)
		}
	})
}

func TestNothingToScore(t *testing.T) {
	s := startScheduler(t, schedulerOptions{runners: []runner{&instant{}}})
	if r, err := s.score(t.Context(), "q", nil); err != nil || len(r.Scores) != 0 {
		t.Errorf("%v, %v", r, err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if r, err := s.score(ctx, "q", passages(1, 2)); !errors.Is(err, context.Canceled) || r.Scored() != 0 || len(r.Scores) != 2 {
		t.Errorf("%v, %v", r, err)
	}
}
