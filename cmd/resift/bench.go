package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/resift/resift/reranker"
)

// modelBench prints throughput and latency through the scheduler, from text to scores in the process's memory.
func (p *program) modelBench(ctx context.Context, args []string) error {
	m, f := p.modelFlags("model bench", "model bench NAME|DIR [--lengths 32,96,256] [--pairs 10,100] [--concurrency 1,4] | --mix")
	lengths := f.String("lengths", "32,96,256", "tokens of a pair")
	pairs := f.String("pairs", "10,100", "pairs of a request")
	concurrency := f.String("concurrency", "1,4", "requests at the same time")
	mix := f.Bool("mix", false, "instead: a server's loads, with lengths as of web passages")
	seconds := f.Duration("time", 3*time.Second, "time of each row")
	peak := f.Float64("peak-tflops", 0, "what all devices together reach in a large matrix product; adds each row's share of it")
	names, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	loads := mixedLoads()
	if !*mix {
		if loads, err = gridLoads(*lengths, *pairs, *concurrency); err != nil {
			return err
		}
	}
	m.o.Model, m.o.QueuePairs = names[0], 1<<20
	opening := time.Now()
	r, err := reranker.Open(m.o)
	if err != nil {
		return err
	}
	defer r.Close()
	info := r.Info()
	fmt.Fprintf(p.stdout, "%s, %s, %s, on %s, %d session(s) × %d thread(s), %d tokens a batch; opened in %.1f s\n", info.Model, info.Precision, info.Layout,
		strings.Join(info.Devices, ", "), info.Sessions, info.Threads, info.BatchTokens, time.Since(opening).Seconds())
	t := tabwriter.NewWriter(p.stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	head := "load\trequests\tpairs/s\ttokens/s\tp50 ms\tp99 ms\ttokens/batch\tTFLOP/s\t"
	if *peak > 0 {
		head += "of peak\t"
	}
	fmt.Fprintln(t, head)
	for _, load := range loads {
		rows, err := load.run(ctx, r, *seconds)
		if err != nil {
			return fmt.Errorf("%s: %w", load.name, err)
		}
		for _, row := range rows {
			flops := row.tokens * info.FLOPs(row.tokens/max(row.pairs, 1e-9))
			fmt.Fprintf(t, "%s\t%d\t%.0f\t%.0f\t%.2f\t%.2f\t%.0f\t%.2f\t", row.name, row.requests, row.pairs, row.tokens, row.p50, row.p99, row.batch, flops/1e12)
			if *peak > 0 {
				fmt.Fprintf(t, "%.1f %%\t", flops/1e10 / *peak)
			}
			fmt.Fprintln(t)
		}
	}
	return t.Flush()
}

// gridLoads is one load for each combination.
func gridLoads(lengths, pairs, concurrency string) ([]load, error) {
	var grid [3][]int
	var problems []error
	for i, list := range []string{lengths, pairs, concurrency} {
		values, err := numbers(list)
		grid[i] = values
		problems = append(problems, err)
	}
	var loads []load
	for _, length := range grid[0] {
		for _, n := range grid[1] {
			for _, at := range grid[2] {
				loads = append(loads, load{
					name: fmt.Sprintf("%d × %d pairs of %d tokens", at, n, length), pairs: n, concurrency: at, words: func(draw) int { return max(1, length-specialTokens-queryTokens) },
				})
			}
		}
	}
	return loads, errors.Join(problems...)
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
