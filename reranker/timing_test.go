package reranker

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

func TestFullQueueRefusesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := startScheduler(t, schedulerOptions{runners: []runner{&instant{perToken: time.Millisecond}}, queuePairs: 10})
		defer s.close()
		done := make(chan error)
		go func() {
			_, err := s.score(t.Context(), "q", passages(10, 10, 10, 10, 10, 10, 10, 10), nil)
			done <- err
		}()
		synctest.Wait()
		begun := time.Now()
		r, err := s.score(t.Context(), "q", passages(1, 1, 1), nil)
		if !errors.Is(err, ErrOverloaded) || r.Scored() != 0 || time.Since(begun) != 0 {
			t.Errorf("3 pairs over the bound: %v, %d scored after %v", err, r.Scored(), time.Since(begun))
		}
		if r, err := s.score(t.Context(), "q", passages(1, 1), nil); err != nil || r.Scored() != 2 {
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
		r, err := s.score(ctx, "q", passages(lengths...), nil)
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

func TestBatchFitsBeforeTheDeadline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := &instant{perToken: time.Millisecond}
		s := startScheduler(t, schedulerOptions{runners: []runner{run}, batchTokens: 100})
		defer s.close()
		ctx, cancel := context.WithTimeout(t.Context(), 255*time.Millisecond)
		defer cancel()
		r, err := s.score(ctx, "q", passages(slices.Repeat([]int{10}, 60)...), nil)
		// Two whole batches of ten; then five pairs that fit into 55 ms, not ten that don't.
		if !errors.Is(err, context.DeadlineExceeded) || checkScores(t, r) != 25 {
			t.Errorf("%d pairs scored, %v; want 25", r.Scored(), err)
		}
	})
}

func TestNaNFailsOnlyItsOwnRequest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := &instant{perToken: time.Millisecond, fail: func(b *batch) error {
			for i, p := range b.pairs {
				if p.ids[0] == 7 {
					b.scores[i] = float32(math.NaN())
				}
			}
			return nil
		}}
		s := startScheduler(t, schedulerOptions{runners: []runner{run}})
		defer s.close()
		var errs [3]error
		var wg sync.WaitGroup
		for i, passage := range []string{"10 0", "10 7", "10 1"} { // the second and third meet while the first runs
			wg.Go(func() { _, errs[i] = s.score(t.Context(), "q", []string{passage}, nil) })
			synctest.Wait()
		}
		wg.Wait()
		if batches := run.ran(); len(batches) != 2 || len(batches[1].ids) != 2 {
			t.Fatalf("batches %+v", batches)
		}
		if errs[0] != nil || !errors.Is(errs[1], errNotANumber) || errs[2] != nil {
			t.Errorf("errors %v, want one for the pair with NaN", errs)
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
			_, _ = s.score(t.Context(), "q", passages(10), nil)
		}()
		synctest.Wait()
		leaving, leave := context.WithCancel(t.Context())
		left, stayed := make(chan Result), make(chan Result)
		go func() {
			r, err := s.score(leaving, "q", passages(10, 10, 10, 10, 10), nil)
			if !errors.Is(err, context.Canceled) {
				t.Error(err)
			}
			left <- r
		}()
		synctest.Wait()
		go func() {
			r, err := s.score(t.Context(), "q", passages(10, 10, 10), nil)
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
			r, err := s.score(t.Context(), "q", passages(slices.Repeat([]int{10}, 1000)...), nil)
			if err != nil || checkScores(t, r) != 1000 {
				t.Error(err)
			}
			large <- time.Since(begun)
		}()
		time.Sleep(2*time.Second + time.Millisecond)
		for _, length := range []int{10, 20} { // fits into the large one's batches, and does not
			asked := time.Now()
			r, err := s.score(t.Context(), "q", passages(slices.Repeat([]int{length}, 10)...), nil)
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
		r, err := s.score(t.Context(), "q", passages(10, 10, 10, 10, 10, 10, 10, 10), nil)
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
				r, err := s.score(t.Context(), "q", passages(lengths...), nil)
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
		go func() { _, _ = s.score(t.Context(), "q", passages(50), nil) }()
		synctest.Wait()
		time.Sleep(5 * time.Millisecond) // that one runs from 3 to 53 ms
		r, err := s.score(t.Context(), "q", passages(10, 10), nil)
		if err != nil || r.Tokenize != 6*time.Millisecond || r.Queue != 42*time.Millisecond || r.Model != 20*time.Millisecond {
			t.Errorf("tokenize %v, queue %v, model %v, %v; want 6ms, 42ms, 20ms", r.Tokenize, r.Queue, r.Model, err)
		}
	})
}
