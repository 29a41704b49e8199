package rerankapi

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/resift/resift/cache"
	"github.com/resift/resift/reranker"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// tinyModel is a whole cross-encoder of a few kilobytes that ONNX Runtime runs.
const tinyModel = "../reranker/testdata/tiny"

// openTiny starts it, with room for so many pairs (0: the default).
func openTiny(t testing.TB, queue int) *reranker.Reranker {
	t.Helper()
	r, err := reranker.Open(reranker.Options{Model: tinyModel, Device: "cpu", QueuePairs: queue})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { r.Close() })
	return r
}

// rig is the API on a port.
type rig struct {
	*httptest.Server
	model Model
	cache *cache.Cache

	mu    sync.Mutex
	calls []Call
	log   strings.Builder
}

// start serves the API; change may alter what it is made of.
func start(t testing.TB, model Model, change func(*Options)) *rig {
	t.Helper()
	scores, err := cache.New(cache.Options{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	g := &rig{model: model, cache: scores}
	o := Options{
		Model: model, Scores: scores, Version: "1.2.3",
		Logger: slog.New(slog.NewTextHandler(&lockedWriter{&g.mu, &g.log}, &slog.HandlerOptions{Level: slog.LevelDebug})),
		OnCall: func(_ context.Context, c Call) { g.mu.Lock(); g.calls = append(g.calls, c); g.mu.Unlock() },
	}
	if change != nil {
		change(&o)
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	g.Server = httptest.NewServer(h)
	t.Cleanup(func() {
		g.Client().CloseIdleConnections()
		g.Close()
	})
	return g
}

type lockedWriter struct {
	mu *sync.Mutex
	to io.Writer
}

func (w *lockedWriter) Write(b []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.to.Write(b)
}

// heard waits until n calls were heard of, each after its client has the answer, and returns them.
func (g *rig) heard(t testing.TB, n int) []Call {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(time.Millisecond) {
		g.mu.Lock()
		calls := slices.Clone(g.calls)
		g.mu.Unlock()
		if len(calls) == n {
			return calls
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d calls were heard of, want %d", len(calls), n)
		}
	}
}

type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) into(t testing.TB, to any) {
	t.Helper()
	if a.status != http.StatusOK {
		t.Fatalf("%d %s", a.status, a.body)
	}
	if err := json.Unmarshal([]byte(a.body), to); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
}

func (g *rig) do(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, g.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	res, err := g.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, string(b)}
}

func (g *rig) post(t testing.TB, path, body string, header ...string) answer {
	t.Helper()
	return g.do(t, http.MethodPost, path, body, header...)
}

// passages whose scores by the tiny model differ.
func passages() []string {
	return []string{"memory management in a running program", "the cat sat on the mat", "", "a compiler translates a program", "garbage collection frees memory"}
}

const question = "free memory in a program"

// logits are the model's own scores of passages, asked without this package.
func logits(t testing.TB, r *reranker.Reranker, query string, texts []string) []float32 {
	t.Helper()
	result, err := r.Score(t.Context(), query, texts)
	if err != nil {
		t.Fatal(err)
	}
	return result.Scores
}

func asJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}
