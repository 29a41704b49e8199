package onnxgraph

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

var bertInputs = []string{InputIDs, AttentionMask, TokenTypeIDs}

// sameAlone is what the product promises: how far a pair's score may move with its batch.
var sameAlone = map[Precision]float64{FP32: 1e-4, Int8: 1e-2}

func TestBuiltGraphScoresAsTheReference(t *testing.T) {
	distil := func(c *CrossEncoder) { c.TokenType, c.Activation = Matrix{}, Relu }
	cases := []struct {
		name                 string
		layers, width, heads int
		change               func(*CrossEncoder)
	}{
		{"bert", 3, 48, 4, func(*CrossEncoder) {}},
		{"one layer", 1, 32, 2, func(*CrossEncoder) {}},
		{"one head", 2, 16, 1, func(*CrossEncoder) {}},
		{"distilbert", 2, 32, 4, distil},
		{"no pooler", 2, 32, 4, func(c *CrossEncoder) { distil(c); c.Pooler = nil }},
		{"large epsilon", 2, 32, 4, func(c *CrossEncoder) { c.Epsilon = 0.3 }},
	}
	// Int8's bound is that of weights and activations of 8 bits at these sizes; MiniLM has its own test.
	bounds := map[Precision]float64{FP32: 1e-5, Int8: 0.15}
	for _, c := range cases {
		for precision, bound := range bounds {
			t.Run(fmt.Sprintf("%s/%s", c.name, precision), func(t *testing.T) {
				encoder := randomEncoder(uint64(len(c.name)), c.layers, c.width, c.heads)
				c.change(encoder)
				inputs := bertInputs
				if encoder.TokenType.Rows == 0 {
					inputs = inputs[:2]
				}
				s := newScorer[int32](t, mustMarshal(t, encoder, precision), inputs...)
				pairs := randomPairs(12)
				for i, got := range s.score(t, pairs...) {
					want := reference(encoder, pairs[i].IDs, pairs[i].Types)
					if diff := math.Abs(float64(got) - want); !(diff <= bound) {
						t.Errorf("pair %d: score %v, reference %v: differ by %v", i, got, want, diff)
					}
				}
			})
		}
	}
}

func TestUnquantizedTinyScoresAsNumPy(t *testing.T) {
	g, err := Read(readFile(t, "testdata/tiny.onnx"))
	if err != nil {
		t.Fatal(err)
	}
	c, err := Unquantize(g)
	if err != nil {
		t.Fatal(err)
	}
	pairs := readPairs(t, "tiny.json")
	for i, p := range pairs {
		if got := reference(c, p.IDs, p.Types); math.Abs(got-p.Score) > 1e-6 {
			t.Errorf("pair %d: weights give %v, NumPy's %v", i, got, p.Score)
		}
	}
	checkScores(t, newScorer[int32](t, mustMarshal(t, c, FP32), bertInputs...), pairs, FP32, 1e-5)
}

func TestConvertedDemoModel(t *testing.T) {
	source := packagedSource(t)
	pairs := readPairs(t, "golden.json")
	// The error of Int8 on 250 pairs of real text is in docs/minilm.md; it is not rounding, so order may differ.
	for precision, bound := range map[Precision]float64{FP32: 1e-4, Int8: 0.35} {
		t.Run(string(precision), func(t *testing.T) {
			dir := t.TempDir()
			o := Options{Source: "cross-encoder/ms-marco-MiniLM-L-12-v2", License: "Apache-2.0"}
			o.Precision = precision
			m, err := Convert(source, dir, o)
			if err != nil {
				t.Fatal(err)
			}
			if m.MaxTokens != 512 {
				t.Errorf("max tokens %d, want 512", m.MaxTokens)
			}
			model := readFile(t, filepath.Join(dir, ModelFile))
			checkScores(t, newScorer[int32](t, model, bertInputs...), pairs, precision, bound)
		})
	}
}

// The packaged graph is why Convert is there. If this fails, ONNX Runtime has changed and the conversion may go.
func TestSourceGraphDependsOnTheBatch(t *testing.T) {
	source := packagedSource(t)
	s := newScorer[int64](t, readFile(t, filepath.Join(source, ModelFile)), bertInputs...)
	pairs := readPairs(t, "golden.json")
	if moved := movedByBatch(t, s, pairs, scoresAlone(t, s, pairs)); moved < 10*sameAlone[Int8] {
		t.Errorf("scores of the packaged graph moved by %v only", moved)
	}
}

func checkScores(t *testing.T, s *scorer[int32], pairs []pair, precision Precision, bound float64) {
	t.Helper()
	alone := scoresAlone(t, s, pairs)
	worst := 0.0
	for i, p := range pairs {
		diff := math.Abs(float64(alone[i]) - p.Score)
		worst = max(worst, diff)
		if !(diff <= bound) {
			t.Errorf("pair %d: score %v, reference %v", i, alone[i], p.Score)
		}
	}
	moved := movedByBatch(t, s, pairs, alone)
	if !(moved <= sameAlone[precision]) {
		t.Errorf("a pair's score moved by %v with its batch", moved)
	}
	t.Logf("%s: at most %.2g from the reference, moved at most %.2g by the batch", precision, worst, moved)
}

func scoresAlone[T int32 | int64](t *testing.T, s *scorer[T], pairs []pair) []float32 {
	alone := make([]float32, len(pairs))
	for i, p := range pairs {
		alone[i] = s.score(t, p)[0]
	}
	return alone
}

// movedByBatch is the largest difference between a pair's score alone and in batches with others: shuffled groups of
// three, and all that have fewer than 100 tokens.
func movedByBatch[T int32 | int64](t *testing.T, s *scorer[T], pairs []pair, alone []float32) float64 {
	order := rand.New(rand.NewPCG(1, 2)).Perm(len(pairs))
	batches := slices.Collect(slices.Chunk(order, 3))
	batches = append(batches, slices.DeleteFunc(slices.Clone(order), func(i int) bool { return len(pairs[i].IDs) >= 100 }))
	moved := 0.0
	for _, batch := range batches {
		members := make([]pair, len(batch))
		for i, at := range batch {
			members[i] = pairs[at]
		}
		for i, got := range s.score(t, members...) {
			diff := math.Abs(float64(got - alone[batch[i]]))
			if math.IsNaN(diff) {
				t.Fatalf("pair %d: score %v", batch[i], got)
			}
			moved = max(moved, diff)
		}
	}
	return moved
}

func randomPairs(n int) []pair {
	r := rand.New(rand.NewPCG(3, 4))
	pairs := make([]pair, n)
	for i := range pairs {
		for t := range 3 + r.IntN(30) {
			pairs[i].IDs = append(pairs[i].IDs, r.Int32N(40))
			pairs[i].Types = append(pairs[i].Types, int32(min(t/5, 1)))
		}
	}
	return pairs
}

func mustMarshal(t testing.TB, c *CrossEncoder, p Precision) []byte {
	model, err := marshal(c, p)
	if err != nil {
		t.Fatal(err)
	}
	return model
}

func readFile(t testing.TB, path string) []byte {
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return file
}
