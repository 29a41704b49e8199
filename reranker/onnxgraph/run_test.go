package onnxgraph

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	ort "github.com/yalue/onnxruntime_go"
)

// TestMain loads ONNX Runtime where it is: RESIFT_ONNXRUNTIME, or the cache. Tests that run graphs skip without it.
func TestMain(m *testing.M) {
	if path := libraryPath(); path != "" {
		ort.SetSharedLibraryPath(path)
		if err := ort.InitializeEnvironment(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	code := m.Run()
	if ort.IsInitialized() {
		if err := ort.DestroyEnvironment(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = 1
		}
	}
	os.Exit(code)
}

func libraryPath() string {
	if path := os.Getenv("RESIFT_ONNXRUNTIME"); path != "" {
		return path
	}
	for _, name := range []string{"libonnxruntime.so.*", "libonnxruntime.*.dylib"} {
		found, err := filepath.Glob(filepath.Join(cacheFolder(), "onnxruntime", "*", name))
		if err == nil && len(found) > 0 {
			return found[len(found)-1]
		}
	}
	return ""
}

func cacheFolder() string {
	if folder := os.Getenv("RESIFT_CACHE"); folder != "" {
		return folder
	}
	base, err := os.UserCacheDir()
	if err != nil {
		return ""
	}
	return filepath.Join(base, "resift")
}

// packagedSource is the folder of the packaged model; the test skips where it was not fetched.
func packagedSource(t testing.TB) string {
	folder := os.Getenv("RESIFT_TEST_MODEL_SOURCE")
	if folder == "" {
		folder = filepath.Join(cacheFolder(), "models", "ms-marco-MiniLM-L-12-v2-source")
	}
	if _, err := os.Stat(filepath.Join(folder, ModelFile)); err != nil {
		t.Skip("the packaged model is not there: make model fetches it, or set RESIFT_TEST_MODEL_SOURCE")
	}
	return folder
}

// pair is a pair of token ids and its float64 score, as testdata's scripts write them.
type pair struct {
	IDs   []int32 `json:"ids"`
	Types []int32 `json:"types"`
	Score float64 `json:"score"`
}

func readPairs(t testing.TB, name string) []pair {
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var pairs []pair
	if err := json.Unmarshal(text, &pairs); err != nil {
		t.Fatal(err)
	}
	return pairs
}

// scorer runs a graph; T is the element type of its inputs.
type scorer[T int32 | int64] struct {
	session *ort.DynamicAdvancedSession
	inputs  []string
}

func newScorer[T int32 | int64](t testing.TB, model []byte, inputs ...string) *scorer[T] {
	if !ort.IsInitialized() {
		t.Skip("ONNX Runtime is not there: make build fetches it, or set RESIFT_ONNXRUNTIME")
	}
	options, err := ort.NewSessionOptions()
	if err != nil {
		t.Fatal(err)
	}
	defer options.Destroy()
	if err := options.SetIntraOpNumThreads(1); err != nil {
		t.Fatal(err)
	}
	session, err := ort.NewDynamicAdvancedSessionWithONNXData(model, inputs, []string{Logits}, options)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { session.Destroy() })
	return &scorer[T]{session, inputs}
}

// score scores pairs as one batch, padded with token 0.
func (s *scorer[T]) score(t testing.TB, pairs ...pair) []float32 {
	tokens := 0
	for _, p := range pairs {
		tokens = max(tokens, len(p.IDs))
	}
	columns := map[string][]T{}
	for _, name := range s.inputs {
		columns[name] = make([]T, len(pairs)*tokens)
	}
	for row, p := range pairs {
		for i, id := range p.IDs {
			at := row*tokens + i
			columns[InputIDs][at], columns[AttentionMask][at] = T(id), 1
			if types, ok := columns[TokenTypeIDs]; ok {
				types[at] = T(p.Types[i])
			}
		}
	}
	var inputs []ort.Value
	for _, name := range s.inputs {
		in, err := ort.NewTensor(ort.NewShape(int64(len(pairs)), int64(tokens)), columns[name])
		if err != nil {
			t.Fatal(err)
		}
		defer in.Destroy()
		inputs = append(inputs, in)
	}
	out, err := ort.NewEmptyTensor[float32](ort.NewShape(int64(len(pairs)), 1))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Destroy()
	if err := s.session.Run(inputs, []ort.Value{out}); err != nil {
		t.Fatal(err)
	}
	return append([]float32(nil), out.GetData()...)
}
