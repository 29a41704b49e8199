package reranker

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
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
