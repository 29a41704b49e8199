package reranker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// benchModel is RESIFT_TEST_MODEL, or the tiny model, whose figures tell only what everything but the model costs.
func benchModel(b *testing.B) string {
	b.Helper()
	if dir := os.Getenv("RESIFT_TEST_MODEL"); dir != "" {
		return dir
	}
	return tinyModel
}

// benchTexts are passages of 20 to 120 words, 70 on average: about as long as those of MS MARCO.
func benchTexts(n int) []string {
	words := strings.Fields(`the of and to in is for a that with search engine query index document text rank score model
		token river mountain water city train bread coffee music paper light stone garden winter summer storm ocean forest
		bridge software compiler memory processor network protocol packet router kernel thread cache disk file byte string`)
	rng := rand.New(rand.NewPCG(7, 7))
	texts := make([]string, n)
	for i := range texts {
		var t strings.Builder
		for range 20 + rng.IntN(101) {
			t.WriteString(words[rng.IntN(len(words))])
			t.WriteByte(' ')
		}
		texts[i] = t.String()
	}
	return texts
}

// measure reports pairs/s by the clock and by CPU time; the second says more on a busy machine.
func measure(b *testing.B, pairs func() int) {
	b.Helper()
	cpu, begun := cpuTime(b), time.Now()
	n := 0
	for b.Loop() {
		n += pairs()
	}
	b.ReportMetric(float64(n)/time.Since(begun).Seconds(), "pairs/s")
	b.ReportMetric(float64(n)/(cpuTime(b)-cpu).Seconds(), "pairs/cpu-s")
}

func cpuTime(b *testing.B) time.Duration {
	b.Helper()
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		b.Fatal(err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano())
}

// BenchmarkScore scores one request of 100 pairs at a time: by sessions, threads and token budget. The first line is the
// baseline, the pairs in arrival order in one batch, as a caller without a scheduler would run them.
func BenchmarkScore(b *testing.B) {
	texts := benchTexts(100)
	cores := runtime.GOMAXPROCS(0)
	b.Run("one batch, arrival order", func(b *testing.B) {
		r := open(b, Options{Model: benchModel(b), Sessions: 1, Threads: cores, BatchTokens: 1 << 20})
		x := r.backend.(*onnx)
		l := x.lanes[0]
		measure(b, func() int {
			var batch batch
			encode := x.scheduler.encode("what is a cache")
			for _, text := range texts {
				ids, start := encode(text, nil)
				batch.add(pair{ids: ids, start: int32(start)})
			}
			batch.scores = make([]float32, len(texts))
			if err := l.run(context.Background(), &batch); err != nil {
				b.Fatal(err)
			}
			return len(texts)
		})
	})
	for _, c := range []struct{ sessions, threads, tokens int }{
		{1, cores, 512}, {1, cores, 4096}, {cores, 1, 128}, {cores, 1, 256}, {cores, 1, 512}, {cores, 1, 1024}, {cores, 1, 4096},
	} {
		b.Run(fmt.Sprintf("sessions=%d/threads=%d/tokens=%d", c.sessions, c.threads, c.tokens), func(b *testing.B) {
			r := open(b, Options{Model: benchModel(b), Sessions: c.sessions, Threads: c.threads, BatchTokens: c.tokens})
			measure(b, func() int {
				if _, err := r.Score(context.Background(), "what is a cache", texts); err != nil {
					b.Fatal(err)
				}
				return len(texts)
			})
			s := r.Stats()
			b.ReportMetric(float64(s.Padded)/float64(s.Tokens), "padded/token")
			b.ReportMetric(float64(s.Pairs)/float64(s.Batches), "pairs/batch")
		})
	}
}

// BenchmarkScheduler is what the scheduler itself costs: the runner and the tokenizer are instant. A pair costs one op, of which
// some hundred bytes are its token ids.
func BenchmarkScheduler(b *testing.B) {
	ids := make([]int32, 256)
	instantEncode := func(string) encodePair {
		return func(passage string, dst []int32) ([]int32, int) { return append(dst, ids[:len(passage)/4]...), 1 }
	}
	padded := schedulerOptions{batchTokens: cpuBatchTokens, trancheTokens: trancheBatches * cpuBatchTokens, minFill: cpuMinFill, joinTokens: cpuJoinTokens}
	packed := schedulerOptions{batchTokens: cudaBatchTokens, minBatchTokens: cudaMinBatchTokens, joinTokens: cudaBatchTokens, packed: true, gather: true, lanes: 2}
	for _, c := range []struct{ pairs, callers int }{{10, 1}, {100, 1}, {1000, 1}, {10, 8}, {100, 8}, {1000, 2}} {
		for _, o := range []schedulerOptions{padded, packed} {
			b.Run(fmt.Sprintf("packed=%v/pairs=%d/callers=%d", o.packed, c.pairs, c.callers), func(b *testing.B) {
				o.encode, o.workers, o.runners, o.queuePairs = instantEncode, 2, []runner{nothing{}, nothing{}}, 1<<20
				s := newScheduler(o)
				defer s.close()
				texts := make([]string, c.pairs)
				for i := range texts {
					texts[i] = strings.Repeat("x", 4*(40+i*37%90))
				}
				b.ReportAllocs()
				b.ResetTimer()
				var wg sync.WaitGroup
				for caller := range c.callers {
					wg.Go(func() {
						for i := caller * c.pairs; i < b.N; i += c.callers * c.pairs {
							if _, err := s.score(context.Background(), "q", texts, nil); err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
			})
		}
	}
}

type nothing struct{}

func (nothing) run(context.Context, *batch) error { return nil }
func (nothing) device() string                    { return "none" }

// BenchmarkMix is the latency of requests of 10 pairs, first alone, then beside a stream of requests of 1,000.
func BenchmarkMix(b *testing.B) {
	small, large := benchTexts(10), benchTexts(1000)
	for _, beside := range []bool{false, true} {
		b.Run(fmt.Sprintf("beside1000=%v", beside), func(b *testing.B) {
			r := open(b, Options{Model: benchModel(b)})
			ctx, stop := context.WithCancel(context.Background())
			var wg sync.WaitGroup
			if beside {
				wg.Go(func() {
					for ctx.Err() == nil {
						_, _ = r.Score(ctx, "what is a river", large)
					}
				})
				for r.Stats().Busy == 0 {
					time.Sleep(time.Millisecond)
				}
			}
			var took []time.Duration
			for b.Loop() {
				begun := time.Now()
				if _, err := r.Score(ctx, "what is a cache", small); err != nil {
					b.Fatal(err)
				}
				took = append(took, time.Since(begun))
			}
			stop()
			wg.Wait()
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
		})
	}
}
