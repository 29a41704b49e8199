package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/resift/resift/reranker"
)

// model runs one of the commands about model directories.
func (p *program) model(ctx context.Context, args []string) error {
	if len(args) > 0 {
		switch args[0] {
		case "info":
			return p.modelInfo(args[1:])
		case "bench":
			return p.modelBench(ctx, args[1:])
		case "import":
			return p.modelImport(args[1:])
		}
	}
	fmt.Fprint(p.stderr, "usage: resift model info|bench|import …\n")
	return errUsage
}

// modelFlags are the options of a model that is run.
type modelFlags struct {
	o reranker.Options
}

func (p *program) modelFlags(name, synopsis string) (*modelFlags, *flag.FlagSet) {
	m := &modelFlags{}
	f := p.flags(name, synopsis)
	f.StringVar(&m.o.Library, "library", p.getenv("RESIFT_ONNXRUNTIME"), "ONNX Runtime's library `file`")
	f.StringVar(&m.o.Device, "device", "auto", "auto, cpu, or cuda:0,cuda:1")
	f.IntVar(&m.o.Sessions, "sessions", 0, "batches at the same time on a device; 0: chosen by the device")
	f.IntVar(&m.o.Threads, "threads", 0, "CPU threads of a session; 0: 1")
	f.IntVar(&m.o.BatchTokens, "batch-tokens", 0, "pairs × longest pair of a batch; 0: chosen by the device")
	return m, f
}

// modelInfo prints what a model directory is, after opening it as the proxy would: its files are checked.
func (p *program) modelInfo(args []string) error {
	m, f := p.modelFlags("model info", "model info DIR [--device …]")
	asJSON := f.Bool("json", false, "print JSON")
	names, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	m.o.Model = names[0]
	r, err := reranker.Open(m.o)
	if err != nil {
		return err
	}
	defer r.Close()
	i := r.Info()
	if *asJSON {
		enc := json.NewEncoder(p.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(i)
	}
	t := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', 0)
	for _, row := range [][2]string{
		{"model", i.Model}, {"architecture", i.Architecture}, {"precision", i.Precision}, {"layout", i.Layout},
		{"max tokens", strconv.Itoa(i.MaxTokens)}, {"revision", i.Revision}, {"source", i.Source}, {"license", i.License},
		{"runs on", strings.Join(i.Devices, ", ")}, {"sessions", fmt.Sprintf("%d with %d thread(s) each", i.Sessions, i.Threads)},
		{"batch tokens", strconv.Itoa(i.BatchTokens)}, {"library", i.Library + " " + i.LibraryVersion},
	} {
		if strings.TrimSpace(row[1]) != "" {
			fmt.Fprintf(t, "%s\t%s\n", row[0], row[1])
		}
	}
	return t.Flush()
}

// modelBench prints throughput and latency through the scheduler, from text to scores.
func (p *program) modelBench(ctx context.Context, args []string) error {
	m, f := p.modelFlags("model bench", "model bench DIR [--lengths 32,96,256] [--pairs 10,100] [--concurrency 1,4]")
	lengths := f.String("lengths", "32,96,256", "tokens of a pair")
	pairs := f.String("pairs", "10,100", "pairs of a request")
	concurrency := f.String("concurrency", "1,4", "requests at the same time")
	seconds := f.Duration("time", 3*time.Second, "time of each row")
	names, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	var grid [3][]int
	for i, list := range []string{*lengths, *pairs, *concurrency} {
		if grid[i], err = numbers(list); err != nil {
			return err
		}
	}
	m.o.Model, m.o.QueuePairs = names[0], 1<<20
	r, err := reranker.Open(m.o)
	if err != nil {
		return err
	}
	defer r.Close()
	info := r.Info()
	fmt.Fprintf(p.stdout, "%s, %s on %s, %d session(s) × %d thread(s)\n", info.Model, info.Precision, strings.Join(info.Devices, ", "), info.Sessions, info.Threads)
	t := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "tokens\tpairs\trequests\tpairs/s\ttokens/s\tp50 ms\tp99 ms\t")
	for _, length := range grid[0] {
		for _, n := range grid[1] {
			for _, at := range grid[2] {
				b := bench{reranker: r, length: length, pairs: n, concurrency: at, time: *seconds}
				row, err := b.run(ctx)
				if err != nil {
					return err
				}
				fmt.Fprintf(t, "%d\t%d\t%d\t%.0f\t%.0f\t%.1f\t%.1f\t\n", length, n, at, row.pairs, row.tokens, row.p50, row.p99)
			}
		}
	}
	return t.Flush()
}

func numbers(list string) ([]int, error) {
	var out []int
	for s := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q: want whole numbers above 0, separated by commas", list)
		}
		out = append(out, n)
	}
	return out, nil
}

// bench is one row: requests of so many pairs, each of about so many tokens, so many at the same time.
type bench struct {
	reranker                   *reranker.Reranker
	length, pairs, concurrency int
	time                       time.Duration
}

// benchRow is its outcome: rates a second, latencies of a request in milliseconds.
type benchRow struct{ pairs, tokens, p50, p99 float64 }

func (b *bench) run(ctx context.Context) (benchRow, error) {
	var mu sync.Mutex
	var took []time.Duration
	var tokens int
	var failed error
	// One request first: it warms the sessions for this length.
	if _, err := b.reranker.Score(ctx, benchQuery, b.passages(0)); err != nil {
		return benchRow{}, err
	}
	start := time.Now()
	var wg sync.WaitGroup
	for worker := range b.concurrency {
		wg.Go(func() {
			for n := 1; time.Since(start) < b.time || n == 1; n++ {
				passages := b.passages(uint64(worker)<<32 | uint64(n))
				begin := time.Now()
				result, err := b.reranker.Score(ctx, benchQuery, passages)
				mu.Lock()
				took = append(took, time.Since(begin))
				tokens += result.Tokens
				if err != nil {
					failed = err
				}
				mu.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(start).Seconds()
	slices.Sort(took)
	return benchRow{
		pairs: float64(len(took)*b.pairs) / elapsed, tokens: float64(tokens) / elapsed,
		p50: percentile(took, .5), p99: percentile(took, .99),
	}, failed
}

// benchQuery takes 8 tokens with its share of the special ones, as a typical web query does.
const benchQuery = "how does a search engine work"

// passages are random common words, one token each in English vocabularies, so that a pair has about length tokens.
func (b *bench) passages(seed uint64) []string {
	words := strings.Fields("the of and to in is was for that on as with by at from this which or are be it an not have had all they one more we can said there would about their time some other")
	rng := rand.New(rand.NewPCG(seed, 7))
	out := make([]string, b.pairs)
	for i := range out {
		var s strings.Builder
		for range max(b.length-9, 1) {
			s.WriteString(words[rng.IntN(len(words))])
			s.WriteByte(' ')
		}
		out[i] = s.String()
	}
	return out
}
