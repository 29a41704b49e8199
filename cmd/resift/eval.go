package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/resift/resift/eval"
)

// evaluation is what `resift eval` was asked.
type evaluation struct {
	searcher                      eval.Searcher
	options                       eval.Options
	queryFile, qrelsFile, runFile string
	fields, template, out         string
	headers                       []string
	parallel                      int
	perQuery, asJSON              bool
}

// eval compares both arms of a running proxy.
func (p *program) eval(ctx context.Context, args []string) error {
	var e evaluation
	f := p.flags("eval", "eval --queries FILE --qrels FILE --index NAME --fields title,text [--url URL]")
	f.StringVar(&e.searcher.URL, "url", "http://127.0.0.1:9280", "the proxy's search port")
	f.StringVar(&e.searcher.Index, "index", "", "index, or index expression")
	f.StringVar(&e.queryFile, "queries", "", "qid<TAB>text lines (.gz is unpacked)")
	f.StringVar(&e.qrelsFile, "qrels", "", "TREC qrels (.gz is unpacked)")
	f.StringVar(&e.fields, "fields", "title,text", "fields of the multi_match query")
	f.StringVar(&e.template, "template", "", "`file` with the search body instead; {{query}} inside a JSON text stands for the query")
	f.StringVar(&e.runFile, "first-stage", "", "TREC `run` whose documents are the candidates, instead of the index's own first stage")
	f.IntVar(&e.searcher.Size, "size", 100, "hits a query")
	f.IntVar(&e.searcher.Window, "window", 0, "hits to re-rank; 0: the proxy's own")
	f.IntVar(&e.options.K, "k", 10, "cut of nDCG and MRR")
	f.IntVar(&e.options.Depth, "depth", 100, "cut of Recall")
	f.IntVar(&e.options.Relevant, "relevant", 1, "least grade that counts as relevant for MRR, MAP and Recall")
	f.StringVar(&e.out, "out", "", "`folder` for control.run, treatment.run and queries.tsv")
	f.BoolVar(&e.perQuery, "per-query", false, "print every query, the largest losses first")
	f.BoolVar(&e.asJSON, "json", false, "print JSON")
	f.IntVar(&e.parallel, "parallel", 2, "searches at the same time")
	f.Func("header", "header `line` for every search, such as 'Authorization: Basic …'; may be repeated", func(s string) error {
		e.headers = append(e.headers, s)
		return nil
	})
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	queries, qrels, err := e.read()
	if err != nil {
		return err
	}
	report, err := e.run(ctx, p.progress(), queries, qrels)
	if err != nil {
		return err
	}
	if e.out != "" {
		if err := report.save(e.out); err != nil {
			return err
		}
	}
	if e.asJSON {
		enc := json.NewEncoder(p.stdout)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	return report.print(p.stdout, e.perQuery)
}

func (e *evaluation) read() ([]eval.Query, eval.Qrels, error) {
	queries, err := readFile(e.queryFile, "--queries", eval.ReadQueries)
	if err != nil {
		return nil, nil, err
	}
	qrels, err := readFile(e.qrelsFile, "--qrels", eval.ReadQrels)
	if err != nil {
		return nil, nil, err
	}
	if e.runFile != "" {
		if e.searcher.First, err = readFile(e.runFile, "--first-stage", eval.ReadRun); err != nil {
			return nil, nil, err
		}
		for q, docs := range e.searcher.First {
			e.searcher.First[q] = docs[:min(len(docs), e.searcher.Size)]
		}
	}
	if e.template != "" {
		text, err := os.ReadFile(e.template)
		if err != nil {
			return nil, nil, err
		}
		e.searcher.Template = string(text)
	}
	e.searcher.Fields = strings.Split(e.fields, ",")
	e.searcher.Header = http.Header{}
	for _, line := range e.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, nil, fmt.Errorf("--header %q: want Name: value", name)
		}
		e.searcher.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	e.searcher.Client = &http.Client{Timeout: 5 * time.Minute}
	queries = slices.DeleteFunc(queries, func(q eval.Query) bool { _, ok := qrels[q.ID]; return !ok })
	if len(queries) == 0 {
		return nil, nil, errors.New("no query of --queries has judgments in --qrels")
	}
	return queries, qrels, nil
}

func readFile[T any](name, flag string, read func(io.Reader) (T, error)) (T, error) {
	var zero T
	if name == "" {
		return zero, fmt.Errorf("%s is missing", flag)
	}
	f, err := eval.Open(name)
	if err != nil {
		return zero, fmt.Errorf("%s: %w", flag, err)
	}
	defer f.Close()
	v, err := read(f)
	if err != nil {
		return zero, fmt.Errorf("%s: %s: %w", flag, name, err)
	}
	return v, nil
}

func (e *evaluation) run(ctx context.Context, progress *progress, queries []eval.Query, qrels eval.Qrels) (*report, error) {
	r := &report{Options: e.options, Queries: queries}
	for _, arm := range []string{eval.Control, eval.Treatment} {
		var done atomic.Int64
		outcome, err := e.searcher.RunArm(ctx, queries, arm, e.parallel, func() {
			progress.count(arm, int(done.Add(1)), len(queries))
		})
		if err != nil {
			return nil, err
		}
		progress.done(fmt.Sprintf("%s: %d searches", arm, len(queries)))
		if arm == eval.Control && e.searcher.First != nil {
			outcome.Run = e.searcher.First // the stored order, not the index's order of its documents
		}
		per, _ := eval.Judge(outcome.Run, qrels, queries, e.options)
		r.Arms = append(r.Arms, armReport{
			Arm: arm, Mean: eval.Mean(per), Statuses: outcome.Statuses,
			P50: percentile(outcome.Elapsed, .5), P95: percentile(outcome.Elapsed, .95), per: per, run: outcome.Run,
		})
	}
	r.compare()
	return r, nil
}

// report is the outcome of a comparison.
type report struct {
	Options eval.Options `json:"options"`
	Queries []eval.Query `json:"-"`
	Arms    []armReport  `json:"arms"`
	P       []float64    `json:"p"` // of each measure, in the order of Options.Names
}

type armReport struct {
	Arm      string         `json:"arm"`
	Mean     eval.Measures  `json:"mean"`
	Statuses map[string]int `json:"statuses"`
	P50      float64        `json:"p50_ms"`
	P95      float64        `json:"p95_ms"`
	per      []eval.Measures
	run      eval.Run
}

func (r *report) compare() {
	control, treatment := r.Arms[0].per, r.Arms[1].per
	for m := range r.Options.Names() {
		diffs := make([]float64, len(control))
		for i := range diffs {
			diffs[i] = treatment[i].Values()[m] - control[i].Values()[m]
		}
		r.P = append(r.P, eval.Randomisation(diffs))
	}
}

// percentile in milliseconds, by the nearest rank.
func percentile(d []time.Duration, share float64) float64 {
	if len(d) == 0 {
		return 0
	}
	sorted := slices.Sorted(slices.Values(d))
	at := int(math.Ceil(share*float64(len(sorted)))) - 1
	return float64(sorted[max(at, 0)]) / float64(time.Millisecond)
}

func (r *report) print(w io.Writer, perQuery bool) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	control, treatment := r.Arms[0].Mean.Values(), r.Arms[1].Mean.Values()
	fmt.Fprintf(t, "\tcontrol\ttreatment\tdifference\tp\t\n")
	for i, name := range r.Options.Names() {
		fmt.Fprintf(t, "%s\t%.4f\t%.4f\t%+.4f\t%.5f\t\n", name, control[i], treatment[i], treatment[i]-control[i], r.P[i])
	}
	fmt.Fprintf(t, "p50 ms\t%.1f\t%.1f\t\t\t\np95 ms\t%.1f\t%.1f\t\t\t\n", r.Arms[0].P50, r.Arms[1].P50, r.Arms[0].P95, r.Arms[1].P95)
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "%d queries; a document of grade %d or more is relevant; p: paired randomisation test, two-sided\n", len(r.Queries), r.Options.Relevant)
	for _, a := range r.Arms {
		var parts []string
		for _, status := range slices.Sorted(maps.Keys(a.Statuses)) {
			parts = append(parts, fmt.Sprintf("%d %s", a.Statuses[status], status))
		}
		fmt.Fprintf(w, "%s: %s\n", a.Arm, strings.Join(parts, ", "))
	}
	if perQuery {
		fmt.Fprintln(w)
		return r.table(w)
	}
	return nil
}

// table writes a line a query, the largest loss of nDCG first.
func (r *report) table(w io.Writer) error {
	order := make([]int, len(r.Queries))
	for i := range order {
		order[i] = i
	}
	delta := func(i int) float64 { return r.Arms[1].per[i].NDCG - r.Arms[0].per[i].NDCG }
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(delta(a), delta(b)) })
	names := r.Options.Names()
	if _, err := fmt.Fprintf(w, "query\tcontrol %s\ttreatment %s\tdifference\tcontrol %s\ttreatment %s\ttext\n", names[0], names[0], names[1], names[1]); err != nil {
		return err
	}
	for _, i := range order {
		c, t := r.Arms[0].per[i], r.Arms[1].per[i]
		if _, err := fmt.Fprintf(w, "%s\t%.4f\t%.4f\t%+.4f\t%.4f\t%.4f\t%s\n", r.Queries[i].ID, c.NDCG, t.NDCG, delta(i), c.MRR, t.MRR, r.Queries[i].Text); err != nil {
			return err
		}
	}
	return nil
}

// save writes both runs and the table of queries into a folder.
func (r *report) save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, a := range r.Arms {
		if err := writeFile(filepath.Join(dir, a.Arm+".run"), func(w io.Writer) error { return a.run.Write(w, r.Queries, "resift-"+a.Arm) }); err != nil {
			return err
		}
	}
	return writeFile(filepath.Join(dir, "queries.tsv"), r.table)
}

func writeFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
