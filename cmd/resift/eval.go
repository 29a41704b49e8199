package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/resift/resift/eval"
)

// evaluation is what `resift eval` was asked.
type evaluation struct {
	searcher                      eval.Searcher
	options                       eval.Options
	queryFile, qrelsFile, runFile string
	fields, template, out, page   string
	sources                       []proxySource
	models                        []string
	windows                       []int
	guards                        []eval.Guard
	headers                       []string
	parallel                      int
	perQuery, asJSON              bool
}

// proxySource is a proxy whose treatment is measured; its name tells several apart.
type proxySource struct{ name, url string }

// eval compares the control arm of a running proxy with its treatment, by one of its models or several and at one window or several,
// and with that of other proxies.
func (p *program) eval(ctx context.Context, args []string) error {
	var e evaluation
	f := p.flags("eval", "eval --queries FILE --qrels FILE --index NAME --fields title,text [--url URL]")
	e.addFlags(f)
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
	if err := e.write(p.stdout, report); err != nil {
		return err
	}
	var failed []error
	for _, g := range e.guards {
		failed = append(failed, g.Check(report)...)
	}
	return errors.Join(failed...)
}

// write prints the report and makes its files.
func (e *evaluation) write(w io.Writer, report *eval.Report) error {
	if e.out != "" {
		if err := report.Save(e.out); err != nil {
			return err
		}
	}
	if e.page != "" {
		title := "Relevance of " + e.searcher.Index
		if e.searcher.Index == "" {
			title = "Relevance"
		}
		if err := eval.WriteFile(e.page, func(w io.Writer) error { return report.HTML(w, title) }); err != nil {
			return err
		}
	}
	if e.asJSON {
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		return enc.Encode(report)
	}
	if err := report.Print(w); err != nil || !e.perQuery {
		return err
	}
	fmt.Fprintln(w)
	return report.PrintQueries(w)
}

func (e *evaluation) read() ([]eval.Query, eval.Qrels, error) {
	queries, qrels, err := e.readJudgments()
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
	e.searcher.Texts = e.page != ""
	e.searcher.Header = http.Header{}
	for _, line := range e.headers {
		name, value, ok := strings.Cut(line, ":")
		if !ok {
			return nil, nil, fmt.Errorf("--header %q: want Name: value", name)
		}
		e.searcher.Header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
	}
	e.searcher.Client = &http.Client{Timeout: 5 * time.Minute}
	if len(e.sources) == 0 {
		e.sources = []proxySource{{url: "http://127.0.0.1:9280"}}
	}
	if len(e.models) == 0 {
		e.models = []string{""}
	}
	if len(e.windows) == 0 {
		e.windows = []int{0}
	}
	queries = slices.DeleteFunc(queries, func(q eval.Query) bool { _, ok := qrels[q.ID]; return !ok })
	if len(queries) == 0 {
		return nil, nil, errors.New("no query of --queries has judgments in --qrels")
	}
	return queries, qrels, nil
}

// readJudgments reads the queries, from the judgments where --queries does not hold them, and the judgments.
func (e *evaluation) readJudgments() (queries []eval.Query, qrels eval.Qrels, err error) {
	if e.queryFile != "" {
		if queries, err = readFile(e.queryFile, "--queries", eval.ReadQueries); err != nil {
			return nil, nil, err
		}
	}
	judgments, err := readFile(e.qrelsFile, "--qrels", eval.ReadJudgments)
	if err != nil {
		return nil, nil, err
	}
	if e.queryFile == "" {
		queries = judgments.Queries
	}
	if queries == nil {
		return nil, nil, errors.New("--queries is missing: --qrels does not hold the queries' texts")
	}
	return queries, judgments.Qrels, nil
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

// run asks for the control arm once, then for each source's treatment by each model at each window.
func (e *evaluation) run(ctx context.Context, progress *progress, queries []eval.Query, qrels eval.Qrels) (*eval.Report, error) {
	r := &eval.Report{Options: e.options.WithDefaults(), Queries: queries, Qrels: qrels}
	control, err := e.arm(ctx, progress, queries, eval.Control, eval.Control, treatment{source: e.sources[0]})
	if err != nil {
		return nil, err
	}
	if e.searcher.First != nil {
		control.Run = e.searcher.First // the stored order, not the index's order of its documents
	}
	r.Add(eval.ArmReport{Name: eval.Control}, control)
	for _, t := range e.treatments() {
		a := eval.ArmReport{Name: e.armName(t), Window: t.window}
		if len(e.sources) > 1 {
			a.Source = t.source.name
		}
		if len(e.models) > 1 {
			a.Model = t.model
		}
		outcome, err := e.arm(ctx, progress, queries, eval.Treatment, a.Name, t)
		if err != nil {
			return nil, err
		}
		r.Add(a, outcome)
	}
	r.Finish()
	return r, nil
}

// treatment is one that is compared with control.
type treatment struct {
	source proxySource
	model  string // empty: the proxy's rules'
	window int    // 0: the proxy's own
}

func (e *evaluation) treatments() []treatment {
	var all []treatment
	for _, s := range e.sources {
		for _, model := range e.models {
			for _, window := range e.windows {
				all = append(all, treatment{s, model, window})
			}
		}
	}
	return all
}

func (e *evaluation) arm(ctx context.Context, progress *progress, queries []eval.Query, arm, name string, t treatment) (*eval.Outcome, error) {
	searcher := e.searcher
	searcher.URL, searcher.Model, searcher.Window = t.source.url, t.model, t.window
	var done atomic.Int64
	outcome, err := searcher.RunArm(ctx, queries, arm, e.parallel, func() {
		progress.count(name, int(done.Add(1)), len(queries))
	})
	if err != nil {
		return nil, err
	}
	progress.done(fmt.Sprintf("%s: %d searches", name, len(queries)))
	return outcome, nil
}

// armName says of a treatment what the others do not share with it.
func (e *evaluation) armName(t treatment) string {
	var parts []string
	if len(e.sources) > 1 {
		parts = append(parts, t.source.name)
	}
	if len(e.models) > 1 {
		parts = append(parts, t.model)
	}
	if len(e.windows) > 1 {
		parts = append(parts, "window "+strconv.Itoa(t.window))
	}
	if len(parts) == 0 {
		return eval.Treatment
	}
	return strings.Join(parts, ", ")
}
