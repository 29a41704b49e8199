package reranker

import (
	"context"
	"errors"
	"math"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// cudaVariable makes the tests below run: set it where a GPU and ONNX Runtime's CUDA library are.
const cudaVariable = "RESIFT_TEST_CUDA"

func openCUDA(t *testing.T, o Options) *Reranker {
	t.Helper()
	if os.Getenv(cudaVariable) == "" {
		t.Skip("set " + cudaVariable + " on a machine with a GPU")
	}
	o.Device = "cuda:0"
	return open(t, o)
}

// fp16 is how far fp16 may move a score of the random model, whose scores lie some units apart.
const fp16 = 2e-2

func TestCUDAPackedScoresEqualThoseOfTheCPU(t *testing.T) {
	packed := openCUDA(t, Options{Model: writeModel(t, LayoutPacked)})
	padded := open(t, Options{Model: writeModel(t, LayoutPadded)})
	texts := benchTexts(300)
	texts[7] = ""
	want, err := padded.Score(t.Context(), "what is a cache", texts)
	if err != nil {
		t.Fatal(err)
	}
	for _, n := range []int{300, 100, 17, 1} {
		got, err := packed.Score(t.Context(), "what is a cache", texts[:n])
		if err != nil {
			t.Fatal(err)
		}
		worst := 0.0
		for i, s := range got.Scores {
			worst = max(worst, math.Abs(float64(s-want.Scores[i])))
		}
		t.Logf("%d pairs: fp16 on CUDA differs from fp32 on the CPU by at most %.4f", n, worst)
		if !(worst <= fp16) || got.Tokens == 0 {
			t.Errorf("%d pairs: scores differ by %v", n, worst)
		}
	}
}

func TestCUDANeighboursDoNotChangeAScore(t *testing.T) {
	r := openCUDA(t, Options{Model: writeModel(t, LayoutPacked)})
	texts := benchTexts(200)
	together, err := r.Score(t.Context(), "what is a river", texts)
	if err != nil {
		t.Fatal(err)
	}
	worst := 0.0
	for i, text := range texts {
		alone, err := r.Score(t.Context(), "what is a river", []string{text})
		if err != nil {
			t.Fatal(err)
		}
		worst = max(worst, math.Abs(float64(alone.Scores[0]-together.Scores[i])))
	}
	t.Logf("alone and together differ by at most %.5f", worst)
	if !(worst <= 1e-2) {
		t.Errorf("alone and together differ by %v", worst)
	}
}

func TestCUDAManyRequestsAtOnce(t *testing.T) {
	r := openCUDA(t, Options{Model: writeModel(t, LayoutPacked), QueuePairs: 1 << 20})
	texts := benchTexts(400)
	want, err := r.Score(t.Context(), "what is a river", texts)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 32 {
		wg.Go(func() {
			n := 1 + i*12
			got, err := r.Score(t.Context(), "what is a river", texts[:n])
			if err != nil {
				t.Error(err)
				return
			}
			for k, s := range got.Scores {
				if !(math.Abs(float64(s-want.Scores[k])) <= 1e-2) {
					t.Errorf("request of %d pairs: score %v, before %v", n, s, want.Scores[k])
					return
				}
			}
		})
	}
	wg.Wait()
}

func TestCUDADeadline(t *testing.T) {
	r := openCUDA(t, Options{Model: writeModel(t, LayoutPacked), QueuePairs: 1 << 20})
	texts := slices.Repeat(benchTexts(1000), 60)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	begun := time.Now()
	got, err := r.Score(ctx, "what is a river", texts)
	if !errors.Is(err, context.DeadlineExceeded) || got.Scored() == len(texts) || time.Since(begun) > 200*time.Millisecond {
		t.Errorf("%v after %v with %d scored", err, time.Since(begun), got.Scored())
	}
	if _, err := r.Score(t.Context(), "what is a river", texts[:10]); err != nil || r.Healthy() != nil {
		t.Errorf("after a deadline: %v, %v", err, r.Healthy())
	}
}

func TestCUDAErrorsSayWhatToDo(t *testing.T) {
	if os.Getenv(cudaVariable) == "" {
		t.Skip("set " + cudaVariable + " on a machine with a GPU")
	}
	dir := writeModel(t, LayoutPacked)
	for want, o := range map[string]Options{
		"there is no such GPU":        {Device: "cuda:63"},
		"raise reranker.gpu_memory":   {Device: "cuda:0", MemoryLimit: 4 << 20},
		"lower reranker.batch_tokens": {Device: "cuda:0", MemoryLimit: 16 << 20, BatchTokens: 1 << 20},
	} {
		o.Model = dir
		r, err := Open(o)
		if err == nil {
			r.Close()
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v\nlacks %q", err, want)
			continue
		}
		t.Log(err)
	}
}
