package reranker

import (
	"context"
	"encoding/json"
	"errors"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const tinyModel = "testdata/tiny"

// open starts a reranker on the CPU over a model directory.
func open(t testing.TB, o Options) *Reranker {
	t.Helper()
	requireLibrary(t)
	if o.Device == "" {
		o.Device = "cpu"
	}
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Error(err)
		}
	})
	return r
}

// requireLibrary fails a test with what to do where ONNX Runtime is missing: a skipped test would look like a passed one.
func requireLibrary(t testing.TB) {
	t.Helper()
	if _, err := findLibrary(""); err != nil {
		t.Fatal(err)
	}
}

type golden struct {
	Query    string    `json:"query"`
	Passages []string  `json:"passages"`
	IDs      [][]int   `json:"ids"`
	Scores   []float32 `json:"scores"`
}

func readGolden(t testing.TB) []golden {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(tinyModel, "golden.json"))
	if err != nil {
		t.Fatal(err)
	}
	var gs []golden
	if err := json.Unmarshal(text, &gs); err != nil {
		t.Fatal(err)
	}
	return gs
}

// near compares scores of one pair: rounding may differ in the fifth digit.
func near(a, b float32) bool { return math.Abs(float64(a-b)) <= 1e-4 }

func TestScoresEqualThoseOfNumPy(t *testing.T) {
	r := open(t, Options{Model: tinyModel})
	var all sync.WaitGroup
	for _, g := range readGolden(t) { // at once, so that queries meet in batches
		all.Go(func() {
			got, err := r.Score(t.Context(), g.Query, g.Passages)
			if err != nil {
				t.Error(err)
				return
			}
			for i, want := range g.Scores {
				if !near(got.Scores[i], want) {
					t.Errorf("%q, %.30q: score %v, NumPy says %v", g.Query, g.Passages[i], got.Scores[i], want)
				}
			}
			tokens := 0
			for _, ids := range g.IDs {
				tokens += len(ids)
			}
			if got.Tokens != tokens || got.Model <= 0 || got.Tokenize <= 0 {
				t.Errorf("result tells of %d tokens, want %d; tokenize %v, model %v", got.Tokens, tokens, got.Tokenize, got.Model)
			}
		})
	}
	all.Wait()
}

// A pair's score alone is the reference for the same pair in batches of every size and company.
func TestNeighboursDoNotChangeAScore(t *testing.T) {
	dirs := map[string]string{"tiny": tinyModel}
	if dir := os.Getenv("RESIFT_TEST_MODEL"); dir != "" {
		dirs["real"] = dir
	}
	words := strings.Fields("the engine ranks a document by its score and river stone bridge of winter what is cache coffee city")
	for name, dir := range dirs {
		t.Run(name, func(t *testing.T) {
			rng := rand.New(rand.NewPCG(3, 4))
			texts := make([]string, 24)
			for i := range texts {
				var b strings.Builder
				for range rng.IntN(60) {
					b.WriteString(words[rng.IntN(len(words))] + " ")
				}
				texts[i] = b.String()
			}
			const query = "what ranks a document"
			alone := open(t, Options{Model: dir, Sessions: 1})
			reference := make([]float32, len(texts))
			for i, text := range texts {
				r, err := alone.Score(t.Context(), query, []string{text})
				if err != nil {
					t.Fatal(err)
				}
				reference[i] = r.Scores[0]
			}
			for _, tokens := range []int{150, 600, 1 << 14} {
				var joined atomic.Int64
				together := open(t, Options{Model: dir, Sessions: 1, BatchTokens: tokens, OnBatch: func(b BatchStats) { joined.Add(int64(b.Pairs - 1)) }})
				relaxFill(together) // pairs of any length together: much padding
				order := rng.Perm(len(texts))
				shuffled := make([]string, len(texts))
				for i, from := range order {
					shuffled[i] = texts[from]
				}
				r, err := together.Score(t.Context(), query, shuffled)
				if err != nil {
					t.Fatal(err)
				}
				for i, from := range order {
					if !near(r.Scores[i], reference[from]) {
						t.Errorf("%d tokens a batch: %.40q scores %v, alone %v", tokens, texts[from], r.Scores[i], reference[from])
					}
				}
				if joined.Load() == 0 && together.Info().BatchPairs != 1 {
					t.Errorf("%d tokens a batch: no two pairs met", tokens)
				}
			}
		})
	}
}

func relaxFill(r *Reranker) {
	s := r.backend.(*onnx).scheduler
	s.mu.Lock()
	s.minFill = 0
	s.mu.Unlock()
}

func TestBatchDependentGraphRunsPairsAlone(t *testing.T) {
	dir := readyModel(t, "quantised")
	r := open(t, Options{Model: dir, Sessions: 1})
	if r.Info().BatchPairs != 1 {
		t.Fatalf("info %+v, want batches of one pair", r.Info())
	}
	for dir, want := range map[string]bool{dir: true, tinyModel: false} {
		if d, err := ReadDirectory(dir); err != nil || d.BatchDependent() != want {
			t.Errorf("%s: batch dependent is not %v: %v", dir, want, err)
		}
	}
	texts := []string{"coffee", strings.Repeat("string number ", 40), "river"}
	together, err := r.Score(t.Context(), "winter", texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		alone, err := r.Score(t.Context(), "winter", []string{text})
		if err != nil || alone.Scores[0] != together.Scores[i] {
			t.Errorf("%.20q: %v alone, %v among others, %v", text, alone.Scores, together.Scores[i], err)
		}
	}
}

func TestReadyONNXWithInt32AndFlatOutput(t *testing.T) {
	r := open(t, Options{Model: readyModel(t, "flat_int32")})
	got, err := r.Score(t.Context(), "", []string{"", "bread", ""})
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(tinyModel, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Model struct{ Vocab map[string]int }
	}
	if err := json.Unmarshal(text, &file); err != nil {
		t.Fatal(err)
	}
	vocabulary := file.Model.Vocab
	empty := float32(vocabulary["[CLS]"]+2*vocabulary["[SEP]"]) / 1000
	want := []float32{empty, empty + float32(vocabulary["bread"])/1000, empty}
	for i := range want {
		if !near(got.Scores[i], want[i]) {
			t.Errorf("scores %v, want %v", got.Scores, want)
			break
		}
	}
	if info := r.Info(); info.MaxTokens != defaultMaxTokens || info.Layout != LayoutPadded {
		t.Errorf("inferred %+v", info)
	}
}

// readyModel is a directory without resift.json: one of the small graphs and the tiny model's tokenizer.
func readyModel(t testing.TB, graph string) string {
	t.Helper()
	dir := t.TempDir()
	copyFile(t, filepath.Join("testdata/graphs", graph+".onnx"), filepath.Join(dir, ModelFile))
	copyFile(t, filepath.Join(tinyModel, "tokenizer.json"), filepath.Join(dir, "tokenizer.json"))
	return dir
}

func copyFile(t testing.TB, from, to string) {
	t.Helper()
	text, err := os.ReadFile(from)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(to, text, 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestAutoFindsADevice(t *testing.T) {
	r := open(t, Options{Model: tinyModel, Device: "auto"})
	g := readGolden(t)[0]
	got, err := r.Score(t.Context(), g.Query, g.Passages)
	if err != nil || !near(got.Scores[0], g.Scores[0]) || len(r.Info().Devices) == 0 {
		t.Errorf("on %v: %v, %v", r.Info().Devices, got.Scores, err)
	}
}

func TestRunningBatchIsStopped(t *testing.T) {
	r := open(t, Options{Model: tinyModel, Sessions: 1, BatchTokens: 1 << 20})
	texts := slices.Repeat([]string{strings.Repeat("winter storm ", 60)}, 600)
	for range 5 {
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error)
		var got Result
		go func() {
			var err error
			got, err = r.Score(ctx, "storm", texts)
			done <- err
		}()
		for batches := r.Stats().Batches; r.Stats().Busy == 0 && r.Stats().Batches == batches; {
			time.Sleep(100 * time.Microsecond)
		}
		cancel()
		if err := <-done; !errors.Is(err, context.Canceled) || got.Scored() == len(texts) {
			t.Fatalf("%v with %d of %d scored", err, got.Scored(), len(texts))
		}
		// The session serves the next request: the batch was stopped, and its flag taken down.
		again, err := r.Score(t.Context(), "storm", texts[:3])
		if err != nil || again.Scored() != 3 {
			t.Fatalf("after a stopped batch: %v", err)
		}
	}
	if s := r.Stats(); s.QueuePairs != 0 || s.Failed != 0 {
		t.Errorf("stats %+v", s)
	}
}

func TestManyCallersComeAndGo(t *testing.T) {
	r := open(t, Options{Model: tinyModel, Sessions: 2, BatchTokens: 300, BatchDelay: time.Millisecond, QueuePairs: 400})
	gs := readGolden(t)
	var wg sync.WaitGroup
	for worker := range 8 {
		wg.Go(func() {
			rng := rand.New(rand.NewPCG(uint64(worker), 1))
			for range 30 {
				g := gs[rng.IntN(len(gs))]
				ctx, cancel := context.WithTimeout(t.Context(), time.Duration(rng.IntN(8000))*time.Microsecond)
				got, err := r.Score(ctx, g.Query, g.Passages)
				cancel()
				if err != nil && !errors.Is(err, context.DeadlineExceeded) && !errors.Is(err, ErrOverloaded) {
					t.Error(err)
				}
				for i, s := range got.Scores {
					if s == s && !near(s, g.Scores[i]) {
						t.Errorf("%q, %.20q: %v, want %v", g.Query, g.Passages[i], s, g.Scores[i])
					}
				}
				if err == nil && got.Scored() != len(g.Passages) {
					t.Errorf("%d of %d scored without an error", got.Scored(), len(g.Passages))
				}
			}
		})
	}
	wg.Wait()
	for deadline := time.Now().Add(5 * time.Second); r.Stats().QueuePairs > 0; time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("pairs left in the queue: %+v", r.Stats())
		}
	}
}

func TestCloseWhileScoring(t *testing.T) {
	requireLibrary(t)
	r, err := Open(Options{Model: tinyModel, Device: "cpu"})
	if err != nil {
		t.Fatal(err)
	}
	started := make(chan struct{})
	done := make(chan error)
	texts := slices.Repeat([]string{strings.Repeat("winter storm ", 60)}, 600)
	go func() {
		close(started)
		_, err := r.Score(t.Context(), "storm", texts)
		done <- err
	}()
	<-started
	for batches := r.Stats().Batches; r.Stats().Busy == 0 && r.Stats().Batches == batches; {
		time.Sleep(100 * time.Microsecond)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("score under way at close: %v", err)
	}
	if err := r.Close(); err != nil {
		t.Errorf("second close: %v", err)
	}
}

func TestRevisionFollowsWhatDecidesAScore(t *testing.T) {
	revision := func(o Options) string { return open(t, o).Revision() }
	whole := revision(Options{Model: tinyModel})
	if again := revision(Options{Model: tinyModel, Sessions: 2, BatchTokens: 64}); again != whole {
		t.Error("sessions and batch size changed the revision")
	}
	if cut := revision(Options{Model: tinyModel, MaxTokens: 64}); cut == whole {
		t.Error("max_tokens did not change the revision")
	}
	if more := revision(Options{Model: tinyModel, MaxTokens: 9999}); more != whole {
		t.Error("max_tokens past the model's changed the revision")
	}
	dir := t.TempDir()
	for _, name := range []string{ModelFile, "tokenizer.json"} {
		copyFile(t, filepath.Join(tinyModel, name), filepath.Join(dir, name))
	}
	tokenizer, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "tokenizer.json"), append(tokenizer, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	if other := revision(Options{Model: dir, MaxTokens: 128}); other == whole || len(other) != 64 {
		t.Errorf("another tokenizer file has the revision %s", other)
	}
}

func TestWindowsAreSubstrings(t *testing.T) {
	r := open(t, Options{Model: tinyModel})
	text := strings.Repeat("the river runs under a stone bridge. ", 30)
	windows := r.Windows(text, 40, 10)
	if len(windows) < 3 {
		t.Fatalf("%d windows", len(windows))
	}
	for _, w := range windows {
		if !strings.Contains(text, w) {
			t.Errorf("%q is no substring", w)
		}
	}
	if short := r.Windows("bread", 40, 10); !slices.Equal(short, []string{"bread"}) {
		t.Errorf("short text has windows %q", short)
	}
}
