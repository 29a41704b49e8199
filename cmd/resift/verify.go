package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"sort"
	"strings"
	"text/tabwriter"

	"github.com/resift/resift/reranker"
)

// tolerance is how far a score may be from the reference's. fp32's is rounding; those of fp16 and int8 are what
// docs/models.md measured, with room, of models whose logits span some twenty.
func tolerance(precision string) (reference, company float64) {
	switch precision {
	case "int8":
		return 0.5, 1e-2
	case "fp16":
		return 0.05, 1e-2
	}
	return 1e-4, 1e-4
}

const (
	companyPairs      = 64      // scored alone as well as together
	maxReferenceLine  = 1 << 20 // bytes
	maxReferencePairs = 1 << 20
)

var errVerify = errors.New("the model does not give the scores that it should")

// modelVerify compares the scores of a model directory with those of a reference file, and a pair's score in company with
// its score alone. Opening the directory has checked its files.
func (p *program) modelVerify(ctx context.Context, args []string) error {
	m, f := p.modelFlags("model verify", "model verify NAME|DIR [--reference FILE] [--tolerance X]")
	reference := f.String("reference", "", "JSONL `file` of {query, passage, score}, such as golden.jsonl; empty: only that a score is its pair's alone")
	bound := f.Float64("tolerance", 0, "most a score may differ from the reference's; 0: by the model's precision")
	names, err := parse(f, args, 1)
	if err != nil {
		return err
	}
	requests := companions()
	if *reference != "" {
		if requests, err = readReference(*reference); err != nil {
			return err
		}
	}
	m.o.Model, m.o.QueuePairs = names[0], maxReferencePairs
	r, err := reranker.Open(m.o)
	if err != nil {
		return err
	}
	defer r.Close()
	v := verification{info: r.Info(), reference: *reference}
	v.bound, v.companyBound = tolerance(v.info.Precision)
	if *bound > 0 {
		v.bound = *bound
	}
	if err := v.score(ctx, r, requests); err != nil {
		return err
	}
	if err := v.print(p.stdout); err != nil {
		return err
	}
	if !v.passed() {
		return errVerify
	}
	return nil
}

// referenceQuery is a query of the reference file with its passages and their scores.
type referenceQuery struct {
	query    string
	passages []string
	scores   []float64
}

// readReference groups the lines of a reference file by query.
func readReference(path string) ([]*referenceQuery, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var all []*referenceQuery
	known := map[string]*referenceQuery{}
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxReferenceLine)
	n := 0
	for lines.Scan() {
		if len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue
		}
		if n++; n > maxReferencePairs {
			return nil, fmt.Errorf("%s: more than %d pairs", path, maxReferencePairs)
		}
		var line struct {
			Query, Passage *string
			Score          *float64
		}
		if err := json.Unmarshal(lines.Bytes(), &line); err != nil {
			return nil, fmt.Errorf("%s: pair %d: %w", path, n, err)
		}
		if line.Query == nil || line.Passage == nil || line.Score == nil {
			return nil, fmt.Errorf("%s: pair %d: query, passage or score is missing", path, n)
		}
		q := known[*line.Query]
		if q == nil {
			q = &referenceQuery{query: *line.Query}
			known[q.query], all = q, append(all, q)
		}
		q.passages, q.scores = append(q.passages, *line.Passage), append(q.scores, *line.Score)
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	if n == 0 {
		return nil, fmt.Errorf("%s holds no pair", path)
	}
	return all, nil
}

// companions are pairs of very different lengths: without a reference they show whether a score depends on its company.
func companions() []*referenceQuery {
	q := &referenceQuery{query: benchQuery}
	text := "An index maps each word to the documents that hold it, and a search engine ranks them. "
	for n := range 12 {
		q.passages = append(q.passages, strings.Repeat(text, n/3+1)[n*5:])
	}
	return []*referenceQuery{q}
}

// verification is what was found out.
type verification struct {
	info                reranker.Info
	reference           string // "" if there is none
	bound, companyBound float64

	pairs, queries int
	difference     float64 // largest from the reference
	worst          string  // its query
	ordered        int     // queries whose passages come in the reference's order
	swapped        float64 // how far apart, in the reference, two passages are at most that changed places
	company        float64 // how far a score moved at most between company and alone
	alone          int     // pairs looked at for that
}

func (v *verification) score(ctx context.Context, r *reranker.Reranker, requests []*referenceQuery) error {
	for _, q := range requests {
		got, err := r.Score(ctx, q.query, q.passages)
		if err != nil {
			return err
		}
		v.pairs, v.queries = v.pairs+len(q.passages), v.queries+1
		if v.reference != "" {
			v.compare(q, got.Scores)
		}
		for i, passage := range q.passages {
			if v.alone == companyPairs {
				break
			}
			alone, err := r.Score(ctx, q.query, []string{passage})
			if err != nil {
				return err
			}
			v.company = larger(v.company, float64(alone.Scores[0])-float64(got.Scores[i]))
			v.alone++
		}
	}
	return nil
}

// larger is the larger magnitude; a NaN is the largest.
func larger(a, b float64) float64 {
	if b = math.Abs(b); math.IsNaN(b) || b > a {
		return b
	}
	return a
}

func (v *verification) compare(q *referenceQuery, got []float32) {
	for i, want := range q.scores {
		if d := larger(v.difference, float64(got[i])-want); d != v.difference {
			v.difference, v.worst = d, q.query
		}
	}
	order := make([]int, len(got))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return compareDown(q.scores[a], q.scores[b]) })
	if gap := widestSwap(q.scores, got, order); gap > 0 {
		v.swapped = max(v.swapped, gap)
	} else {
		v.ordered++
	}
}

// widestSwap is how far apart two passages are at most that got has the other way round than want; order sorts by want,
// highest first.
func widestSwap(want []float64, got []float32, order []int) float64 {
	highest := make([]float32, len(order)) // of this and all after it
	for i := len(order) - 1; i >= 0; i-- {
		if highest[i] = got[order[i]]; i+1 < len(order) {
			highest[i] = max(highest[i], highest[i+1])
		}
	}
	gap := 0.0
	for i, upper := range order {
		// The last one that overtook it is the lowest of want.
		last := sort.Search(len(order), func(j int) bool { return highest[j] <= got[upper] }) - 1
		if last > i {
			gap = max(gap, want[upper]-want[order[last]])
		}
	}
	return gap
}

func compareDown(a, b float64) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}

// passed needs every comparison within its bound; a NaN is in none.
func (v *verification) passed() bool {
	return v.difference <= v.bound && v.company <= v.companyBound
}

func (v *verification) print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintf(t, "model\t%s, %s on %s; its files are as their digests say\n", v.info.Model, v.info.Precision, strings.Join(v.info.Devices, ", "))
	fmt.Fprintf(t, "pairs\t%d of %d queries\n", v.pairs, v.queries)
	if v.reference != "" {
		fmt.Fprintf(t, "difference\tat most %.2g from %s (bound %g)\n", v.difference, v.reference, v.bound)
		order := "the reference's for every query"
		if v.ordered < v.queries {
			order = fmt.Sprintf("the reference's for %d of %d queries; passages at most %.2g apart changed places", v.ordered, v.queries, v.swapped)
		}
		fmt.Fprintf(t, "order\t%s\n", order)
		if !(v.difference <= v.bound) {
			fmt.Fprintf(t, "worst query\t%.80q\n", v.worst)
		}
	}
	fmt.Fprintf(t, "company\ta score alone differs by at most %.2g from the same in a batch (bound %g, %d pairs)\n", v.company, v.companyBound, v.alone)
	verdict := "passed"
	if !v.passed() {
		verdict = "FAILED"
	}
	fmt.Fprintf(t, "verdict\t%s\n", verdict)
	return t.Flush()
}
