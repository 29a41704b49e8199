package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/resift/resift/demo/corpus"
)

// TestEval measures both arms through a running proxy, with a scorer whose order is known to be bad: the report must say so.
func TestEval(t *testing.T) {
	p := start(t, withScorer(shared.opensearch, newScorer(t, reverseOrder)))
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
		P    []float64
		Arms []struct {
			Arm      string
			Mean     struct{ NDCG, MRR, Recall float64 }
			Statuses map[string]int
		}
	}
	if err := json.Unmarshal([]byte(o.stdout), &report); err != nil || len(report.Arms) != 2 || len(report.P) == 0 {
		t.Fatalf("%v: %s%s", err, o.stdout, o.stderr)
	}
	control, treatment := report.Arms[0], report.Arms[1]
	if control.Mean.NDCG < 0.2 || treatment.Mean.NDCG > control.Mean.NDCG/2 || report.P[0] > 0.01 {
		t.Errorf("nDCG of control %.3f, of a bad order %.3f, p %v", control.Mean.NDCG, treatment.Mean.NDCG, report.P)
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
