package eval

import (
	"bytes"
	"errors"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sample is a report over three queries: the treatment gains on a, loses on b, and leaves c as it is.
func sample(t *testing.T, treatments ...ArmReport) *Report {
	t.Helper()
	r := &Report{
		Options: Options{}.WithDefaults(),
		Queries: []Query{{"a", "first <b>query</b>"}, {"b", "second"}, {"c", "third"}},
		Qrels:   Qrels{"a": {"x": 1}, "b": {"x": 1, "y": 0}, "c": {"x": 2}},
	}
	both := map[string]string{"x": "text of x </script><script>alert(1)</script>"}
	r.Add(ArmReport{Name: Control}, &Outcome{
		Run:      Run{"a": {{"y", 2}, {"x", 1}}, "b": {{"x", 2}, {"y", 1}}, "c": {{"x", 1}}},
		Statuses: map[string]int{"bypassed: control_arm": 3}, Elapsed: []time.Duration{1e6, 2e6, 3e6}, Texts: both,
	})
	if treatments == nil {
		treatments = []ArmReport{{Name: Treatment}}
	}
	for _, a := range treatments {
		r.Add(a, &Outcome{
			Run:      Run{"a": {{"x", 2}, {"y", 1}}, "b": {{"y", 2}, {"z", 1.5}, {"x", 1}}, "c": {{"x", 1}}},
			Statuses: map[string]int{"reranked": 3}, Elapsed: []time.Duration{4e6, 5e6, 6e6},
		})
	}
	r.Finish()
	return r
}

func TestReportComparesWithControl(t *testing.T) {
	r := sample(t)
	a := r.Treatments()[0]
	// nDCG: control (1/log2(3), 1, 1), treatment (1, 1/log2(4), 1).
	if want := (1/math.Log2(3) + 2) / 3; math.Abs(r.Control().Mean.NDCG-want) > 1e-12 {
		t.Errorf("control %v, want %v", r.Control().Mean.NDCG, want)
	}
	if want := 2.5 / 3; math.Abs(a.Mean.NDCG-want) > 1e-12 {
		t.Errorf("treatment %v, want %v", a.Mean.NDCG, want)
	}
	if a.P50 != 5 || a.P95 != 6 || len(a.P) != 4 || a.P[0] <= 0 || a.P[0] > 1 {
		t.Errorf("p50 %v, p95 %v, p %v", a.P50, a.P95, a.P)
	}
	deltas := r.Deltas(&a)
	if got := []string{r.Queries[deltas[0].Query].ID, r.Queries[deltas[1].Query].ID, r.Queries[deltas[2].Query].ID}; strings.Join(got, "") != "bca" {
		t.Errorf("order of losses %v", got)
	}
}

func TestHolmByHand(t *testing.T) {
	got := Holm([]float64{.01, .04, .03, .005})
	want := []float64{.03, .06, .06, .02} // as in R: p.adjust(c(.01, .04, .03, .005), "holm")
	for i := range want {
		if math.Abs(got[i]-want[i]) > 1e-12 {
			t.Fatalf("%v, want %v", got, want)
		}
	}
	if got := Holm([]float64{.9, .8}); got[0] != 1 || got[1] != 1 {
		t.Errorf("above 1: %v", got)
	}
}

func TestSeveralTreatmentsAreALineEach(t *testing.T) {
	r := sample(t, ArmReport{Name: "window 10", Window: 10}, ArmReport{Name: "window 50", Window: 50})
	var b bytes.Buffer
	if err := r.Print(&b); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"window 10", "window 50", "adjusted for 2 comparisons", "window 50: 3 reranked"} {
		if !strings.Contains(b.String(), want) {
			t.Errorf("no %q in\n%s", want, b.String())
		}
	}
}

func TestModelsAreToldApart(t *testing.T) {
	var arms []ArmReport
	for _, model := range []string{"default", "small"} {
		for _, window := range []int{10, 50} {
			arms = append(arms, ArmReport{Name: model + ", window " + strconv.Itoa(window), Model: model, Window: window})
		}
	}
	r := sample(t, arms...)
	r.Arms[4].ScoredBy = []string{"resift-tiny@1f3a9c04"}
	var text, page bytes.Buffer
	if err := errors.Join(r.Print(&text), r.HTML(&page, "Relevance")); err != nil {
		t.Fatal(err)
	}
	if want := "small, window 50: 3 reranked, by resift-tiny@1f3a9c04"; !strings.Contains(text.String(), want) {
		t.Errorf("no %q in\n%s", want, text.String())
	}
	if !strings.Contains(page.String(), "By window, default") || !strings.Contains(page.String(), "By window, small") || strings.Count(page.String(), "<polyline") != 4 {
		t.Error("the page has no curve of each model")
	}
}

func TestPageEscapesAndShowsBothOrders(t *testing.T) {
	r := sample(t, ArmReport{Name: "window 10", Window: 10}, ArmReport{Name: "window 50", Window: 50})
	var b bytes.Buffer
	if err := r.HTML(&b, "Relevance of <docs>"); err != nil {
		t.Fatal(err)
	}
	page := b.String()
	for _, never := range []string{"<b>query", "<script", "<docs>", "ZgotmplZ", "NaN", "http://", "https://"} {
		if strings.Contains(page, never) {
			t.Errorf("the page holds %q", never)
		}
	}
	for _, want := range []string{"first &lt;b&gt;query", "Largest losses", "Largest gains", "By window", "<polyline", "<rect", "not in the other order", "2 in the other order", "not judged"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if bars := strings.Count(page, "<rect"); bars != 6 {
		t.Errorf("%d bars for 3 queries of 2 treatments", bars)
	}
}

func TestGuards(t *testing.T) {
	r := sample(t) // nDCG .8769 → .8333, MRR .8333 → .7778
	for text, fails := range map[string]bool{
		"nDCG=0.83": false, "ndcg@10=0.84": true, "nDCG=+0": true, "ndcg=-0.05": false, "MRR=0.78": true, "recall=1": false, "map=0": false,
	} {
		g, err := ParseGuard(text)
		if err != nil {
			t.Fatal(err)
		}
		if errs := g.Check(r); (len(errs) > 0) != fails {
			t.Errorf("%s: %v", text, errs)
		}
	}
	for _, bad := range []string{"", "nDCG", "precision=1", "ndcg=", "ndcg=high", "ndcg=2", "ndcg=NaN"} {
		if _, err := ParseGuard(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}
