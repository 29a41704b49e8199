package cache

import (
	"context"
	"errors"
	"fmt"
	"math"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func mustNew(t testing.TB, o Options) *Cache {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func isNaN(f float32) bool { return f != f }

func TestKeyDependsOnEveryPartAndOnWhereTheyEnd(t *testing.T) {
	c := mustNew(t, Options{})
	parts := [][3]string{
		{"m", "q", "p"}, {"m", "qp", ""}, {"mq", "", "p"}, {"", "mq", "p"}, {"m", "", "qp"}, {"m2", "q", "p"}, {"m", "q", "p\x00"}, {"m", "q\x00", "p"},
	}
	seen := map[Key][3]string{}
	for _, p := range parts {
		k := c.Key(p[0], p[1], p[2])
		if other, ok := seen[k]; ok {
			t.Errorf("%q and %q share a key", p, other)
		}
		if k != c.Key(p[0], p[1], p[2]) {
			t.Errorf("%q has two keys", p)
		}
		seen[k] = p
	}
	if c.Key("m", "q", "p") == mustNew(t, Options{}).Key("m", "q", "p") {
		t.Error("two caches share their secret")
	}
}

func TestClaimReturnsWhatWasPut(t *testing.T) {
	c := mustNew(t, Options{Bytes: 1 << 20})
	keys := []Key{c.Key("m", "q", "a"), c.Key("m", "q", "b")}
	scores := make([]float32, 2)
	cl := c.Claim(keys, scores)
	if len(cl.Mine()) != 2 || !isNaN(scores[0]) || !isNaN(scores[1]) {
		t.Fatalf("a new cache knows something: mine %v, scores %v", cl.Mine(), scores)
	}
	cl.Put(0, 1.5)
	cl.Put(1, -7)
	cl.Put(1, 9) // a second Put changes nothing
	cl.Release()
	again := make([]float32, 2)
	cl = c.Claim(keys, again)
	defer cl.Release()
	if len(cl.Mine()) != 0 || again[0] != 1.5 || again[1] != -7 {
		t.Fatalf("mine %v, scores %v", cl.Mine(), again)
	}
	if s := c.Stats(); s.Hits != 2 || s.Misses != 2 || s.Entries != 2 {
		t.Errorf("stats %+v", s)
	}
}

func TestNaNIsNeverStored(t *testing.T) {
	c := mustNew(t, Options{Bytes: 1 << 20})
	keys := []Key{c.Key("m", "q", "a")}
	cl := c.Claim(keys, make([]float32, 1))
	cl.Put(0, float32(math.NaN()))
	if cl = c.Claim(keys, make([]float32, 1)); len(cl.Mine()) != 1 {
		t.Fatal("a NaN was stored")
	}
	cl.Release()
}

func TestConcurrentEqualMissesAreScoredOnce(t *testing.T) {
	c := mustNew(t, Options{Bytes: 1 << 20})
	const requests, pairs = 32, 50
	keys := make([]Key, pairs)
	for i := range keys {
		keys[i] = c.Key("m", "q", fmt.Sprint(i))
	}
	var scored atomic.Int64
	var wg sync.WaitGroup
	for range requests {
		wg.Go(func() {
			scores := make([]float32, pairs)
			cl := c.Claim(keys, scores)
			defer cl.Release()
			for _, i := range cl.Mine() {
				scored.Add(1)
				runtime.Gosched()
				cl.Put(i, float32(i))
			}
			if err := cl.Wait(context.Background()); err != nil {
				t.Error(err)
			}
			for i, s := range scores {
				if s != float32(i) {
					t.Errorf("pair %d has score %v", i, s)
				}
			}
		})
	}
	wg.Wait()
	if scored.Load() != pairs {
		t.Errorf("%d pairs were scored %d times", pairs, scored.Load())
	}
}

func TestWaiterTakesOverWhatWasGivenUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mustNew(t, Options{Bytes: 1 << 20})
		keys := []Key{c.Key("m", "q", "a"), c.Key("m", "q", "b")}
		owner := c.Claim(keys, make([]float32, 2))
		go func() {
			time.Sleep(time.Second)
			owner.Put(0, 4)
			time.Sleep(time.Second)
			owner.Release() // its client left before b was scored
		}()
		scores := make([]float32, 2)
		cl := c.Claim(keys, scores)
		defer cl.Release()
		if len(cl.Mine()) != 0 || cl.Waiting() != 2 {
			t.Fatalf("mine %v, waiting %d", cl.Mine(), cl.Waiting())
		}
		if err := cl.Wait(t.Context()); err != nil {
			t.Fatal(err)
		}
		if scores[0] != 4 || !isNaN(scores[1]) {
			t.Fatalf("scores %v", scores)
		}
		mine := cl.Retry()
		if len(mine) != 1 || mine[0] != 1 || cl.Waiting() != 0 {
			t.Fatalf("retry %v, waiting %d", mine, cl.Waiting())
		}
		cl.Put(1, 5)
		if scores[1] != 5 {
			t.Fatalf("scores %v", scores)
		}
	})
}

func TestWaitEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mustNew(t, Options{Bytes: 1 << 20})
		keys := []Key{c.Key("m", "q", "a")}
		owner := c.Claim(keys, make([]float32, 1))
		defer owner.Release()
		scores := make([]float32, 1)
		cl := c.Claim(keys, scores)
		defer cl.Release()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := cl.Wait(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Fatal(err)
		}
		if !isNaN(scores[0]) {
			t.Fatal("a score came from nowhere")
		}
	})
}

func TestKeyThatStandsTwiceIsScoredOnce(t *testing.T) {
	c := mustNew(t, Options{})
	k := c.Key("m", "q", "same text")
	scores := make([]float32, 2)
	cl := c.Claim([]Key{k, k}, scores)
	defer cl.Release()
	if len(cl.Mine()) != 1 {
		t.Fatalf("mine %v", cl.Mine())
	}
	cl.Put(0, 3)
	if err := cl.Wait(t.Context()); err != nil {
		t.Fatal(err)
	}
	if scores[0] != 3 || scores[1] != 3 {
		t.Fatalf("scores %v", scores)
	}
}

func TestScoresGrowOld(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := mustNew(t, Options{Bytes: 1 << 20, MaxAge: time.Minute})
		keys := []Key{c.Key("m", "q", "a")}
		cl := c.Claim(keys, make([]float32, 1))
		cl.Put(0, 1)
		time.Sleep(59 * time.Second)
		if cl = c.Claim(keys, make([]float32, 1)); len(cl.Mine()) != 0 {
			t.Fatal("too early")
		}
		time.Sleep(2 * time.Second)
		cl = c.Claim(keys, make([]float32, 1))
		defer cl.Release()
		if len(cl.Mine()) != 1 {
			t.Fatal("an old score was used")
		}
	})
}

func TestZeroCacheStoresNothing(t *testing.T) {
	c := mustNew(t, Options{})
	keys := []Key{c.Key("m", "q", "a")}
	cl := c.Claim(keys, make([]float32, 1))
	cl.Put(0, 1)
	if cl = c.Claim(keys, make([]float32, 1)); len(cl.Mine()) != 1 {
		t.Fatal("it stored a score")
	}
	cl.Release()
}

func TestNegativeOptionsAreRefused(t *testing.T) {
	for _, o := range []Options{{Bytes: -1}, {MaxAge: -1}} {
		if _, err := New(o); err == nil {
			t.Errorf("%+v was accepted", o)
		}
	}
}

// fill puts n different pairs into c.
func fill(c *Cache, n int) {
	keys := make([]Key, 1000)
	scores := make([]float32, len(keys))
	for at := 0; at < n; at += len(keys) {
		for i := range keys {
			keys[i] = c.Key("m", "q", fmt.Sprint(at+i))
		}
		cl := c.Claim(keys, scores)
		for _, i := range cl.Mine() {
			cl.Put(i, 1)
		}
		cl.Release()
	}
}

func TestEntryBytes(t *testing.T) {
	if testing.Short() {
		t.Skip("fills 32 MiB")
	}
	const size = 32 << 20
	c := mustNew(t, Options{Bytes: size})
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	fill(c, 2*size/EntryBytes) // twice over, so that evictions have churned the maps
	runtime.GC()
	runtime.ReadMemStats(&after)
	s := c.Stats()
	grown := int64(after.HeapAlloc) - int64(before.HeapAlloc)
	t.Logf("%d entries in %d bytes: %.1f bytes an entry", s.Entries, grown, float64(grown)/float64(s.Entries))
	if s.Entries != s.Capacity/EntryBytes || s.Evictions == 0 {
		t.Errorf("not full: %+v", s)
	}
	if grown > size {
		t.Errorf("the heap grew by %d bytes, the bound is %d", grown, size)
	}
}

func BenchmarkClaimKnown(b *testing.B) {
	c := mustNew(b, Options{Bytes: 64 << 20})
	fill(c, 100_000)
	texts := make([]string, 100)
	for i := range texts {
		texts[i] = fmt.Sprint(i * 7)
	}
	keys := make([]Key, len(texts))
	scores := make([]float32, len(texts))
	b.ReportAllocs()
	for b.Loop() {
		for i, t := range texts {
			keys[i] = c.Key("m", "q", t)
		}
		c.Claim(keys, scores).Release()
	}
	b.ReportMetric(float64(b.N*len(texts))/b.Elapsed().Seconds(), "pairs/s")
}
