package simulate

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"sync/atomic"
	"testing"

	"golang.org/x/sync/errgroup"
)

// The users: a third each click seldom, often and always where the model says so; half of them search once, few very much; and every
// other search repeats the user's last question. So the searches of one user are far from independent.
var (
	eagerness = []float64{.4, .7, 1}
	searches  = []int{1, 1, 1, 1, 1, 2, 2, 4, 8, 16}
)

const repeats = .5

// user is one simulated user. All that he does follows from the seed and his number.
type user struct {
	name      string
	eagerness float64
	rng       *rand.Rand
}

func newUser(seed uint64, number int) *user {
	rng := rand.New(rand.NewPCG(seed, uint64(number)))
	return &user{fmt.Sprintf("user-%d-%d", seed, number), eagerness[rng.IntN(len(eagerness))], rng}
}

// act sends the user's searches, one after the other, and his clicks; searches is how many there were.
func (u *user) act(ctx context.Context, s *stand, list []*question, model clickModel) (sent int, err error) {
	var q *question
	for range searches[u.rng.IntN(len(searches))] {
		if q == nil || u.rng.Float64() >= repeats {
			q = list[u.rng.IntN(len(list))]
		}
		a, err := s.ask(ctx, q, "X-User", u.name)
		if err != nil {
			return sent, err
		}
		sent++
		if ranks := model.clicks(u.rng, q.gradesOf(a.ids), u.eagerness); len(ranks) > 0 {
			if err := s.click(ctx, a, ranks); err != nil {
				return sent, err
			}
		}
	}
	return sent, nil
}

// actAll lets n users act, some at the same time, and returns how many searches they sent.
func actAll(t *testing.T, s *stand, list []*question, model clickModel, seed uint64, n int) int {
	t.Helper()
	g, ctx := errgroup.WithContext(t.Context())
	var next, sent atomic.Int64
	for range 2 * runtime.NumCPU() {
		g.Go(func() error {
			for {
				number := int(next.Add(1))
				if number > n {
					return nil
				}
				did, err := newUser(seed, number).act(ctx, s, list, model)
				sent.Add(int64(did))
				if err != nil {
					return err
				}
			}
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	return int(sent.Load())
}
