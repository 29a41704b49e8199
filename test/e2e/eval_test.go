package e2e

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/resift/resift/demo/corpus"
	"github.com/resift/resift/test/rig"
)

// TestEval measures both arms through a running proxy, with a scorer whose order is known to be bad: the report must say so.
func TestEval(t *testing.T) {
	p := start(t, withScorer(shared.opensearch, rig.NewScorer(t, rig.ReverseOrder)))
	dir := t.TempDir()
	queries, qrels, out := filepath.Join(dir, "queries.tsv"), filepath.Join(dir, "qrels.txt"), filepath.Join(dir, "out")
	writeFile(t, queries, corpus.Queries())
	writeFile(t, qrels, corpus.Qrels())
	args := []string{"eval", "--url", "http://" + p.address, "--index", docs, "--queries", queries, "--qrels", qrels, "--size", "50", "--window", "50", "--out", out}
	o := command(t, nil, args...)
	if o.code != 0 || !strings.Contains(o.stdout, "nDCG@10") || !strings.Contains(o.stdout, "control") {
		t.Fatalf("code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	o = command(t, nil, append(args, "--json")...)
	var report struct {
		Arms []struct {
			Name     string
			P        []float64
			Mean     struct{ NDCG, MRR, Recall float64 }
			Statuses map[string]int
		}
	}
	if err := json.Unmarshal([]byte(o.stdout), &report); err != nil || len(report.Arms) != 2 || len(report.Arms[1].P) == 0 {
		t.Fatalf("%v: %s%s", err, o.stdout, o.stderr)
	}
	control, treatment := report.Arms[0], report.Arms[1]
	if control.Mean.NDCG < 0.2 || treatment.Mean.NDCG > control.Mean.NDCG/2 || treatment.P[0] > 0.01 {
		t.Errorf("nDCG of control %.3f, of a bad order %.3f, p %v", control.Mean.NDCG, treatment.Mean.NDCG, treatment.P)
	}
	if control.Mean.Recall != treatment.Mean.Recall {
		t.Errorf("recall of the same 50 hits: %v, then %v", control.Mean.Recall, treatment.Mean.Recall)
	}
	if len(treatment.Statuses) != 1 || treatment.Statuses["reranked"] == 0 {
		t.Errorf("statuses of the treatment: %v", treatment.Statuses)
	}
	for _, arm := range []string{"control", "treatment"} {
		run, err := os.ReadFile(filepath.Join(out, arm+".run"))
		if err != nil {
			t.Fatal(err)
		}
		if lines := strings.Count(string(run), "\n"); lines < 75*40 {
			t.Errorf("%s.run has %d lines", arm, lines)
		}
	}
	if o := command(t, nil, "eval", "--url", "http://127.0.0.1:1", "--index", docs, "--queries", queries, "--qrels", qrels); o.code != 1 {
		t.Errorf("without a proxy: code %d\n%s", o.code, o.stderr)
	} else {
		holdMessage(t, outcome{o.code, "", o.stderr}, 1, "127.0.0.1:1")
	}
}

// TestEvalOfSeveralWindows takes judgments as Quepid exports them, compares two windows, writes a page, and fails a build when
// the guard says so.
func TestEvalOfSeveralWindows(t *testing.T) {
	p := start(t, withScorer(shared.opensearch, rig.NewScorer(t, rig.ReverseOrder)))
	dir := t.TempDir()
	table, page := filepath.Join(dir, "judgments.csv"), filepath.Join(dir, "report.html")
	writeFile(t, table, asTable(corpus.Queries(), corpus.Qrels()))
	args := []string{"eval", "--url", "http://" + p.address, "--index", docs, "--qrels", table, "--size", "30", "--window", "10,30", "--html", page}
	o := command(t, nil, append(args, "--fail-below", "nDCG=-1", "--fail-below", "recall=0.1")...)
	if o.code != 0 || !strings.Contains(o.stdout, "window 10") || !strings.Contains(o.stdout, "adjusted for 2 comparisons") {
		t.Fatalf("code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	html, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"By window", "window 30, query by query", "Largest losses", "<br>"} {
		if !strings.Contains(string(html), want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	o = command(t, nil, append(args, "--fail-below", "nDCG=+0.01")...)
	if o.code != 1 || !strings.Contains(o.stderr, "window 30: difference of nDCG@10 is -") || !strings.Contains(o.stdout, "window 10") {
		t.Errorf("a reversed order passed the guard: code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	for _, wrong := range [][]string{{"--window", "10,x"}, {"--fail-below", "speed=1"}, {"--url", "ftp://x"}, {"--url", "a=http://x", "--url", "a=http://y"}} {
		if o := command(t, nil, append(args, wrong...)...); o.code != 2 {
			t.Errorf("%v: code %d\n%s", wrong, o.code, o.stderr)
		}
	}
}

// asTable writes queries and qrels as one table with a header.
func asTable(queries, qrels string) string {
	texts := map[string]string{}
	for line := range strings.Lines(queries) {
		id, text, _ := strings.Cut(strings.TrimSpace(line), "\t")
		texts[id] = text
	}
	var b strings.Builder
	b.WriteString("query,docid,rating\n")
	for line := range strings.Lines(qrels) {
		if f := strings.Fields(line); len(f) == 4 {
			fmt.Fprintf(&b, "%q,%s,%s\n", texts[f[0]], f[2], f[3])
		}
	}
	return b.String()
}
