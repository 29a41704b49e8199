package eval

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"
)

func open(t *testing.T, name string) *os.File {
	t.Helper()
	f, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	return f
}

func TestMeasuresEqualTrecEval(t *testing.T) {
	qrels, err := ReadQrels(open(t, "testdata/qrels.txt"))
	if err != nil {
		t.Fatal(err)
	}
	run, err := ReadRun(open(t, "testdata/run.txt"))
	if err != nil {
		t.Fatal(err)
	}
	rows := 0
	err = eachLine(open(t, "testdata/golden.tsv"), func(_ int, line string) error {
		var q string
		var o Options
		want := make([]float64, 4)
		if _, err := fmt.Sscanf(line, "%s\t%d\t%d\t%d\t%g\t%g\t%g\t%g", &q, &o.Relevant, &o.K, &o.Depth, &want[0], &want[1], &want[2], &want[3]); err != nil {
			return err
		}
		for i, got := range Measure(run[q], qrels[q], o).Values() {
			if math.Abs(got-want[i]) > 1e-6 { // trec_eval's own four places, and two more
				t.Errorf("%s %+v: %s is %.6f, trec_eval says %.6f", q, o, o.Names()[i], got, want[i])
			}
		}
		rows++
		return nil
	})
	if err != nil || rows < 150 {
		t.Fatalf("%d rows, %v", rows, err)
	}
}

func TestQueryWithoutHitsCountsAsZero(t *testing.T) {
	queries := []Query{{"a", "x"}, {"b", "y"}, {"unjudged", "z"}}
	qrels := Qrels{"a": {"d": 1}, "b": {"d": 1}}
	per, judged := Judge(Run{"a": {{"d", 1}}}, qrels, queries, Options{}.WithDefaults())
	if len(judged) != 2 || Mean(per) != (Measures{.5, .5, .5, .5}) {
		t.Errorf("%v %+v", judged, Mean(per))
	}
}

func TestWrittenRunKeepsItsOrder(t *testing.T) {
	run := Run{"q": {{"a", 2}, {"z", 2}, {"m", 2.00000000001}, {"b", -1}, {"c", math.NaN()}}}
	var b bytes.Buffer
	if err := run.Write(&b, []Query{{"q", "text"}}, "tag"); err != nil {
		t.Fatal(err)
	}
	again, err := ReadRun(&b)
	if err != nil {
		t.Fatal(err)
	}
	for i, d := range again["q"] {
		if d.ID != run["q"][i].ID {
			t.Fatalf("order changed: %v", again["q"])
		}
	}
}

func TestBadFilesNameTheLine(t *testing.T) {
	for _, c := range []struct{ kind, text, want string }{
		{"queries", "1\tfine\n2 no tab\n", "line 2"},
		{"queries", "1\tfine\n1\ttwice\n", "line 2: query 1 stands twice"},
		{"qrels", "1 0 d 1\n1 0 d\n", "line 2"},
		{"qrels", "1 0 d x\n", "line 1: grade"},
		{"qrels", "1 0 d 1\n1 0 d 2\n", "line 2"},
		{"run", "1 Q0 d 1 high tag\n", "line 1: score"},
		{"run", "1 Q0 d 1\n", "line 1"},
	} {
		var err error
		switch r := strings.NewReader(c.text); c.kind {
		case "queries":
			_, err = ReadQueries(r)
		case "qrels":
			_, err = ReadQrels(r)
		case "run":
			_, err = ReadRun(r)
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s %q: %v", c.kind, c.text, err)
		}
	}
}

func TestRandomisationByHand(t *testing.T) {
	for _, c := range []struct {
		diffs []float64
		want  float64
	}{
		{nil, 1}, {[]float64{0, 0}, 1},
		{[]float64{1, 1, 1}, 2.0 / 8}, // only +++ and --- reach a sum of 3
		{[]float64{.5, .25, -.25, 0}, 6.0 / 8},
		{[]float64{3, 2, 1, 1}, 2.0 / 16},
	} {
		if got := Randomisation(c.diffs); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("%v: p = %v, want %v", c.diffs, got, c.want)
		}
	}
}

// TestSampledRandomisation compares the sampled test with the exact one by widening the same differences with zeros'
// nearest kin: 17 differences, one of them negligible.
func TestSampledRandomisation(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	diffs := make([]float64, exactUpTo)
	for i := range diffs {
		diffs[i] = rng.NormFloat64() + .4
	}
	want := Randomisation(diffs)
	got := Randomisation(append(diffs, 1e-15))
	if math.Abs(got-want) > .006 { // four standard errors
		t.Errorf("sampled p = %v, exact %v", got, want)
	}
}

// TestRandomisationHoldsItsLevel draws differences without an effect: p below .05 comes in about 5 % of the trials.
func TestRandomisationHoldsItsLevel(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	const trials = 2000
	below := 0
	for range trials {
		diffs := make([]float64, 12)
		for i := range diffs {
			diffs[i] = rng.NormFloat64()
		}
		if Randomisation(diffs) <= .05 {
			below++
		}
	}
	if share := float64(below) / trials; share < .03 || share > .07 {
		t.Errorf("%.3f of the trials without an effect have p ≤ .05", share)
	}
}
