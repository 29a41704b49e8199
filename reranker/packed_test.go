package reranker

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	ort "github.com/yalue/onnxruntime_go"
	"google.golang.org/protobuf/proto"

	"github.com/resift/resift/reranker/onnxgraph"
	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

// writeModel makes a model directory of random weights: packed (fp16) or padded (fp32), with the tiny model's tokenizer.
func writeModel(t testing.TB, layout string) string {
	t.Helper()
	const width, inner, rows, tokens = 64, 128, 1000, 256
	r := rand.New(rand.NewPCG(5, 6))
	numbers := func(n int, middle, scale float64) []float32 {
		v := make([]float32, n)
		for i := range v {
			v[i] = float32(middle + scale*r.NormFloat64())
		}
		return v
	}
	matrix := func(rows, cols int) onnxgraph.Matrix {
		return onnxgraph.Matrix{Rows: rows, Cols: cols, Values: numbers(rows*cols, 0, 0.2)}
	}
	linear := func(in, out int) onnxgraph.Linear {
		return onnxgraph.Linear{Weight: matrix(in, out), Bias: numbers(out, 0, 0.2)}
	}
	norm := func() onnxgraph.Norm {
		return onnxgraph.Norm{Weight: numbers(width, 1, 0.1), Bias: numbers(width, 0, 0.1)}
	}
	pooler := linear(width, width)
	c := &onnxgraph.CrossEncoder{
		Heads: 2, Epsilon: 1e-12, Word: matrix(rows, width), Position: matrix(tokens, width), TokenType: matrix(2, width), Norm: norm(),
		Pooler: &pooler, Activation: onnxgraph.Tanh, Classifier: linear(width, 1),
	}
	for range 3 {
		c.Layers = append(c.Layers, onnxgraph.Layer{
			Query: linear(width, width), Key: linear(width, width), Value: linear(width, width), Output: linear(width, width),
			AttentionNorm: norm(), Up: linear(width, inner), Down: linear(inner, width), Norm: norm(),
		})
	}
	inputs := map[string]string{}
	for _, name := range layoutInputs(layout) {
		inputs[name] = name
	}
	m := Metadata{Architecture: "BertForSequenceClassification", Inputs: inputs, Output: onnxgraph.Logits, MaxTokens: tokens, Layout: layout}
	var model *onnxpb.ModelProto
	var err error
	if layout == LayoutPacked {
		m.Precision = "fp16"
		model, err = onnxgraph.BuildPacked(c)
	} else {
		m.Precision = "fp32"
		model, err = onnxgraph.Build(c, onnxgraph.FP32)
	}
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	text, err := proto.Marshal(model)
	if err != nil {
		t.Fatal(err)
	}
	tokenizer, err := os.ReadFile(filepath.Join(tinyModel, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	for name, content := range map[string][]byte{ModelFile: text, "tokenizer.json": tokenizer} {
		if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := WriteDirectory(dir, m); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestPackedModelIsRefusedOnTheCPU(t *testing.T) {
	requireLibrary(t)
	dir := writeModel(t, LayoutPacked)
	for _, device := range []string{"cpu", "auto"} {
		if device == "auto" && os.Getenv(cudaVariable) != "" {
			continue
		}
		_, err := Open(Options{Model: dir, Device: device})
		if err == nil || !strings.Contains(err.Error(), "is for CUDA alone") || !strings.Contains(err.Error(), "--precision fp32") {
			t.Errorf("device %s: %v, want what to do", device, err)
		}
	}
	if err := os.Remove(filepath.Join(dir, MetadataFile)); err != nil {
		t.Fatal(err)
	}
	d, err := ReadDirectory(dir)
	if err != nil || d.Layout != LayoutPacked || len(d.Inputs) != 5 || d.Precision != "fp16" {
		t.Errorf("a ready packed graph reads as %+v, %v", d, err)
	}
}

func TestPackedInputs(t *testing.T) {
	var b batch
	for _, p := range []pair{{ids: []int32{7, 8, 9}, start: 2}, {ids: []int32{4}, start: 4}, {ids: []int32{1, 2, 3, 4}, start: 1}} {
		b.add(p)
	}
	want := map[string]struct {
		shape ort.Shape
		data  []int32
	}{
		InputIDs:          {ort.Shape{1, 8}, []int32{7, 8, 9, 4, 1, 2, 3, 4}},
		PositionIDs:       {ort.Shape{1, 8}, []int32{0, 1, 2, 0, 0, 1, 2, 3}},
		TokenTypeIDs:      {ort.Shape{1, 8}, []int32{0, 0, 1, 0, 0, 1, 1, 1}},
		CumulativeLengths: {ort.Shape{4}, []int32{0, 3, 4, 8}},
		TokenOffset:       {ort.Shape{3, 4}, []int32{0, 1, 2, 4, 8, 9, 10, 11, 3, 5, 6, 7}},
	}
	d := &Directory{Metadata: Metadata{Layout: LayoutPacked}}
	for meaning, w := range want {
		f := newBuffer[int32](d, meaning)
		for range 2 { // the second time in used memory
			shape := f.shape(&b)
			data := slices.Repeat([]int32{-1}, int(shape.FlattenedSize()))
			f.write(data, &b)
			if !slices.Equal(shape, w.shape) || !slices.Equal(data, w.data) {
				t.Errorf("%s: %v %v, want %v %v", meaning, shape, data, w.shape, w.data)
			}
		}
	}
}

func TestPackedBatchesKeepTheOrder(t *testing.T) {
	run := &instant{}
	var mu sync.Mutex
	var seen []BatchStats
	s := startScheduler(t, schedulerOptions{
		runners: []runner{run}, batchTokens: 100, packed: true, gather: true,
		onBatch: func(b BatchStats) { mu.Lock(); seen = append(seen, b); mu.Unlock() },
	})
	rng := rand.New(rand.NewPCG(1, 1))
	lengths := make([]int, 200)
	for i := range lengths {
		lengths[i] = 1 + rng.IntN(40)
	}
	lengths[50] = 130 // more than a batch: alone
	r, err := s.score(t.Context(), "q", passages(lengths...), nil)
	if checkScores(t, r) != len(lengths) || err != nil {
		t.Fatalf("%d scored: %v", r.Scored(), err)
	}
	at := 0
	for _, b := range run.ran() {
		sum := 0
		for i, id := range b.ids {
			if int(id) != at {
				t.Fatalf("pair %d ran where %d was next", id, at)
			}
			at++
			sum += b.lengths[i]
		}
		if sum > 100 && len(b.ids) > 1 {
			t.Errorf("batch of %d tokens", sum)
		}
		if at < len(lengths) && sum+lengths[at] <= 100 {
			t.Errorf("batch of %d tokens had room for %d more", sum, lengths[at])
		}
	}
	for _, b := range seen {
		if b.Padded != b.Tokens {
			t.Errorf("%d tokens, padded to %d", b.Tokens, b.Padded)
		}
	}
	if got := s.stats(); got.Padded != got.Tokens || int(got.Pairs) != len(lengths) {
		t.Errorf("stats %+v", got)
	}
}

func TestPackedBatchesJoinRequestsFairly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := &instant{perToken: time.Millisecond}
		s := startScheduler(t, schedulerOptions{runners: []runner{run}, batchTokens: 100, packed: true, gather: true})
		defer s.close()
		var wg sync.WaitGroup
		score := func(n int) {
			r, err := s.score(t.Context(), fmt.Sprint(n), passages(slices.Repeat([]int{10}, n)...), nil)
			if checkScores(t, r) != n || err != nil {
				t.Errorf("%d of %d scored: %v", r.Scored(), n, err)
			}
		}
		wg.Go(func() { score(100) })
		synctest.Wait()
		begun := time.Now()
		wg.Go(func() {
			score(3)
			// The batch under way, then its own, which others share.
			if took := time.Since(begun); took > 200*time.Millisecond {
				t.Errorf("the small request took %v", took)
			}
		})
		wg.Wait()
		if second := run.ran()[1]; len(second.ids) != 10 || !slices.Equal(second.ids[:3], []int32{0, 1, 2}) {
			t.Errorf("the second batch has %v, want the small request's three pairs first, and seven more", second.ids)
		}
	})
}

// A GPU takes for a few pairs nearly as long as for many: the first batch waits for the tokenizer.
func TestGatheringWaitsForTheTokenizer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		run := &instant{perToken: time.Microsecond}
		encode := func(string) encodePair {
			return func(passage string, dst []int32) ([]int32, int) {
				time.Sleep(time.Millisecond)
				return encodeFake("")(passage, dst)
			}
		}
		s := startScheduler(t, schedulerOptions{runners: []runner{run}, batchTokens: 10_000, packed: true, gather: true, encode: encode, workers: 4})
		defer s.close()
		if r, err := s.score(t.Context(), "q", passages(slices.Repeat([]int{10}, 100)...), nil); checkScores(t, r) != 100 || err != nil {
			t.Fatal(err)
		}
		if n := len(run.ran()); n != 1 {
			t.Errorf("%d batches for 100 pairs that fit into one", n)
		}
		// A request whose caller leaves while its passages are encoded must not hold up another.
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Millisecond)
		defer cancel()
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := s.score(ctx, "q", passages(slices.Repeat([]int{10}, 1000)...), nil); !errors.Is(err, context.DeadlineExceeded) {
				t.Error(err)
			}
		})
		wg.Go(func() {
			if r, err := s.score(t.Context(), "q", passages(10, 10), nil); checkScores(t, r) != 2 || err != nil {
				t.Error(err)
			}
		})
		wg.Wait()
	})
}

// A model's work is read off its graph: 3 layers of width 64 with an inner width of 128.
func TestWorkOfAModel(t *testing.T) {
	for _, layout := range []string{LayoutPadded, LayoutPacked} {
		d, err := ReadDirectory(writeModel(t, layout))
		if err != nil {
			t.Fatal(err)
		}
		want := work{weights: 3 * (4*64*64 + 2*64*128), attended: 3 * 64}
		if got := d.signature.work(); got != want {
			t.Errorf("%s: %+v, want %+v", layout, got, want)
		}
	}
}
