package rerankapi

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/reranker"
)

// wayward is a model that may do something else in place of scoring.
type wayward struct {
	Model
	score func(ctx context.Context, query string, passages []string, each reranker.Each) (reranker.Result, error)
}

func (w *wayward) ScoreEach(ctx context.Context, query string, passages []string, each reranker.Each) (reranker.Result, error) {
	return w.score(ctx, query, passages, each)
}

const call1 = `{"query":"memory","texts":["a program"]}`

func TestFullQueue(t *testing.T) {
	g := start(t, openTiny(t, 2), nil)
	three := `"query":"q","texts":["a","b","c"],"documents":["a","b","c"]`
	a := g.post(t, "/rerank", `{"query":"q","texts":["a","b","c"]}`)
	expectTEI(t, a, 429, "Overloaded", "overloaded")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("%v", a.header)
	}
	a = g.post(t, "/v2/rerank", "{"+three+"}")
	expectDocuments(t, a, 429, "overloaded")
	if a.header.Get("Retry-After") != "1" {
		t.Errorf("%v", a.header)
	}
	if a := g.post(t, "/rerank", call1); a.status != 200 {
		t.Errorf("what fits: %d %s", a.status, a.body)
	}
}

// TestCallsAtTheSameTime holds one call in the model: another one is refused, and served when the first is over.
func TestCallsAtTheSameTime(t *testing.T) {
	entered, release := make(chan struct{}), make(chan struct{})
	tiny := openTiny(t, 0)
	held := &wayward{Model: tiny, score: func(ctx context.Context, query string, passages []string, each reranker.Each) (reranker.Result, error) {
		if query == "held" {
			close(entered)
			<-release
		}
		return tiny.ScoreEach(ctx, query, passages, each)
	}}
	g := start(t, held, func(o *Options) { o.Limits.Calls = 1 })
	first := make(chan answer, 1)
	go func() { first <- g.post(t, "/rerank", `{"query":"held","texts":["a program"]}`) }()
	<-entered
	expectTEI(t, g.post(t, "/rerank", call1), 429, "Overloaded", "overloaded")
	close(release)
	if a := <-first; a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := g.post(t, "/rerank", call1); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestDeadline(t *testing.T) {
	g := start(t, openTiny(t, 0), func(o *Options) { o.Limits.Timeout = time.Nanosecond })
	expectTEI(t, g.post(t, "/rerank", call1), 504, "Backend", "in time")
	expectDocuments(t, g.post(t, "/v1/rerank", `{"query":"q","documents":["a"]}`), 504, "in time")
}

func TestModelFailures(t *testing.T) {
	nan := float32(math.NaN())
	for name, score := range map[string]func(context.Context, string, []string, reranker.Each) (reranker.Result, error){
		"an error": func(context.Context, string, []string, reranker.Each) (reranker.Result, error) {
			return reranker.Result{}, &reranker.BackendError{Backend: "onnx", Err: errors.New("at 10.0.0.1: secret detail")}
		},
		"no score": func(_ context.Context, _ string, p []string, each reranker.Each) (reranker.Result, error) {
			each(0, nan)
			return reranker.Result{Scores: []float32{nan}}, nil
		},
		"infinite": func(_ context.Context, _ string, p []string, each reranker.Each) (reranker.Result, error) {
			each(0, float32(math.Inf(1)))
			return reranker.Result{Scores: []float32{float32(math.Inf(1))}}, nil
		},
	} {
		t.Run(name, func(t *testing.T) {
			g := start(t, &wayward{openTiny(t, 0), score}, nil)
			a := g.post(t, "/rerank", call1)
			expectTEI(t, a, 424, "Backend", "inference failed")
			if strings.Contains(a.body, "detail") {
				t.Error(a.body)
			}
			expectDocuments(t, g.post(t, "/v2/rerank", `{"query":"q","documents":["a"]}`), 503, "inference failed")
		})
	}
}

func TestPanic(t *testing.T) {
	g := start(t, &wayward{openTiny(t, 0), func(context.Context, string, []string, reranker.Each) (reranker.Result, error) { panic("a bug") }}, nil)
	expectTEI(t, g.post(t, "/rerank", call1), 500, "Backend", "internal error")
	if c := g.heard(t, 1)[0]; c.Status != 500 {
		t.Errorf("%+v", c)
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if !strings.Contains(g.log.String(), "a bug") {
		t.Error("the panic is not in the log")
	}
}

// TestClientLeaves has a client hang up while its texts are with the model: the model hears of it.
func TestClientLeaves(t *testing.T) {
	entered, left := make(chan struct{}), make(chan error, 1)
	g := start(t, &wayward{openTiny(t, 0), func(ctx context.Context, _ string, _ []string, _ reranker.Each) (reranker.Result, error) {
		close(entered)
		<-ctx.Done()
		left <- ctx.Err()
		return reranker.Result{}, ctx.Err()
	}}, nil)
	ctx, cancel := context.WithCancel(t.Context())
	r, err := http.NewRequestWithContext(ctx, "POST", g.URL+"/rerank", strings.NewReader(call1))
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() {
		res, err := g.Client().Do(r)
		if err == nil {
			res.Body.Close()
		}
		done <- err
	}()
	<-entered
	cancel()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if c := g.heard(t, 1)[0]; c.Status != 499 {
		t.Errorf("%+v", c)
	}
}

func TestBodies(t *testing.T) {
	g := start(t, openTiny(t, 0), func(o *Options) { o.Limits.Body = 1000 })
	large := `{"query":"q","texts":["` + strings.Repeat("a", 1000) + `"]}`
	expectTEI(t, g.post(t, "/rerank", large), 413, "Validation", "too large")
	expectDocuments(t, g.post(t, "/v1/rerank", large), 413, "too large")
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, call1)
	z.Close()
	expectTEI(t, g.post(t, "/rerank", zipped.String(), "Content-Encoding", "gzip"), 415, "Validation", "compressed")
	if a := g.post(t, "/rerank", call1, "Content-Encoding", "identity"); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestSlowBody(t *testing.T) {
	g := start(t, openTiny(t, 0), func(o *Options) { o.Limits.BodyTime = 50 * time.Millisecond })
	conn, err := net.Dial("tcp", g.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	fmt.Fprintf(conn, "POST /rerank HTTP/1.1\r\nHost: h\r\nContent-Length: 100\r\n\r\n{")
	res, err := http.ReadResponse(bufio.NewReader(conn), nil) // the rest of the body never comes
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 408 {
		t.Errorf("a body that does not come: %d", res.StatusCode)
	}
}

// TestNoTextIsLogged sends what goes wrong in every way, and looks for its texts in the log.
func TestNoTextIsLogged(t *testing.T) {
	failing := &wayward{openTiny(t, 0), func(context.Context, string, []string, reranker.Each) (reranker.Result, error) {
		return reranker.Result{}, &reranker.BackendError{Backend: "onnx", Err: errors.New("device lost")}
	}}
	g := start(t, failing, func(o *Options) { o.Token = "tokentokentoken" })
	for _, body := range []string{`{"query":"private-q","texts":["private-t"]}`, `{"query":"private-q","texts":["private-t",1]}`, `{"query":"private-q"`} {
		g.post(t, "/rerank", body, "Authorization", "Bearer tokentokentoken")
		g.post(t, "/v1/rerank", strings.ReplaceAll(body, "texts", "documents"), "Authorization", "Bearer tokentokentoken")
		g.post(t, "/rerank", body, "Authorization", "Bearer wrongwrong")
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if log := g.log.String(); !strings.Contains(log, "device lost") || strings.Contains(log, "private") || strings.Contains(log, "tokentoken") || strings.Contains(log, "wrongwrong") {
		t.Error(log)
	}
}

func TestOptions(t *testing.T) {
	r := openTiny(t, 0)
	g := start(t, r, nil)
	for name, o := range map[string]Options{
		"no model": {Scores: g.cache}, "no cache": {Model: r}, "a negative limit": {Model: r, Scores: g.cache, Limits: Limits{Texts: -1}},
	} {
		if h, err := New(o); err == nil || h != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
