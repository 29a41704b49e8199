package cache

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func keysOf(c *Cache, passages ...string) []Key {
	keys := make([]Key, len(passages))
	for i, p := range passages {
		keys[i] = c.Key("m", "q", p)
	}
	return keys
}

func TestFillScoresWhatIsUnknown(t *testing.T) {
	c := mustNew(t, Options{Bytes: 1 << 20})
	keys := keysOf(c, "a", "b", "c", "a")
	var asked [][]int
	score := func(mine []int, put func(int, float32)) error {
		asked = append(asked, slices.Clone(mine))
		for _, i := range mine {
			put(i, float32(i+1))
		}
		return nil
	}
	scores := make([]float32, 4)
	known, err := c.Fill(t.Context(), keys, scores, score)
	if err != nil || known != 1 || !slices.Equal(scores, []float32{1, 2, 3, 1}) {
		t.Fatalf("known %d, scores %v, %v", known, scores, err)
	}
	known, err = c.Fill(t.Context(), keys, scores, score)
	if err != nil || known != 4 || len(asked) != 1 || !slices.Equal(asked[0], []int{0, 1, 2}) {
		t.Fatalf("known %d, asked %v, %v", known, asked, err)
	}
}

func TestFillKeepsWhatWasScoredBeforeAFailure(t *testing.T) {
	c := mustNew(t, Options{Bytes: 1 << 20})
	failure := errors.New("broken")
	scores := make([]float32, 2)
	_, err := c.Fill(t.Context(), keysOf(c, "a", "b"), scores, func(_ []int, put func(int, float32)) error {
		put(0, 7)
		return failure
	})
	if !errors.Is(err, failure) || scores[0] != 7 || !isNaN(scores[1]) {
		t.Fatalf("scores %v, %v", scores, err)
	}
}

// TestFillTakesOverWhatOthersGiveUp has one request leave while another waits for its pair, and one whose time ends first.
func TestFillTakesOverWhatOthersGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mustNew(t, Options{Bytes: 1 << 20})
		leave := make(chan struct{})
		gone := make(chan error, 1)
		go func() {
			_, err := c.Fill(t.Context(), keysOf(c, "a"), make([]float32, 1), func([]int, func(int, float32)) error {
				<-leave
				return context.Canceled
			})
			gone <- err
		}()
		synctest.Wait()
		short, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		late := []float32{float32(math.Inf(1))}
		if _, err := c.Fill(short, keysOf(c, "a"), late, nil); !errors.Is(err, context.DeadlineExceeded) || !isNaN(late[0]) {
			t.Errorf("scores %v, %v", late, err)
		}
		done := make(chan []float32, 1)
		go func() {
			scores := make([]float32, 2)
			known, err := c.Fill(t.Context(), keysOf(c, "b", "a"), scores, func(mine []int, put func(int, float32)) error {
				for _, i := range mine {
					put(i, 5)
				}
				return nil
			})
			if err != nil || known != 1 {
				t.Errorf("known %d, %v", known, err)
			}
			done <- scores
		}()
		synctest.Wait()
		close(leave)
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
		if scores := <-done; !slices.Equal(scores, []float32{5, 5}) {
			t.Errorf("scores %v", scores)
		}
	})
}
