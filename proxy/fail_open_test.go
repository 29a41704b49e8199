package proxy

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/resift/resift/reranker"
	"github.com/resift/resift/searchclient"
)

// isFirstStage tells the rewritten search from the client's own, which asks for page.
func isFirstStage(body []byte) bool {
	_, size := pageOf(body)
	return size == 20
}

const somePage = `,"from":2,"size":5`

// TestEngineFailures lets the first stage fail in every way an engine can; the client gets the engine's answer to its own
// search.
func TestEngineFailures(t *testing.T) {
	status := func(code int) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(code)
			fmt.Fprintf(w, `{"status":%d}`, code)
		}
	}
	text := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			io.WriteString(w, body)
		}
	}
	for _, c := range []struct {
		name   string
		first  http.HandlerFunc
		reason Reason
	}{
		{"400", status(400), ReasonEngineStatus},
		{"429", status(429), ReasonEngineStatus},
		{"500", status(500), ReasonEngineStatus},
		{"503", status(503), ReasonEngineStatus},
		{"301", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example/", http.StatusMovedPermanently)
		}, ReasonEngineStatus},
		{"reset before the answer", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, ReasonEngineUnreachable},
		{"reset within the answer", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			io.WriteString(w, `{"took":1`)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, ReasonEngineUnreachable},
		{"not JSON", text("<html>"), ReasonAnswer},
		{"empty", text(""), ReasonAnswer},
		{"cut JSON", text(`{"took":1,"hits":{"hits":[{"_id":"1"`), ReasonAnswer},
		{"hits of the wrong kind", text(`{"took":1,"hits":{"hits":"many"}}`), ReasonAnswer},
		{"no hits at all", text(`{"acknowledged":true}`), ReasonAnswer},
		{"too large", text(`{"x":"` + strings.Repeat("x", 200_000) + `"}`), ReasonAnswerTooLarge},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
			e.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
				if isFirstStage(body) {
					c.first(w, r)
					return true
				}
				return false
			}
			r := startProxy(t, e, setup{client: func(o *searchclient.Options) { o.MaxAnswer = 100_000 }})
			a := r.search(t, somePage)
			a.expect(t, StatusFallback, c.reason)
			if want := e.all.page(2, 5); a.status != 200 || !bytes.Equal(a.body, want.body) {
				t.Errorf("%d %s", a.status, cut(a.body))
			}
			own := 0
			for _, got := range e.requests() {
				if !isFirstStage(got.body) {
					own++
					if string(got.body) != "{"+query+somePage+"}" {
						t.Errorf("not the client's own search: %s", got.body)
					}
				}
			}
			if own != 1 {
				t.Errorf("the client's own search was sent %d times", own)
			}
		})
	}
}

// TestEnginesRefusalsPassToTheByte holds that nobody who was refused the window gets an answer to another search.
func TestEnginesRefusalsPassToTheByte(t *testing.T) {
	missing := recorded(t, "elasticsearch-9.5", "missing_index")
	for _, code := range []int{401, 403, 404} {
		e := startEngine(t, recorded(t, "elasticsearch-9.5", "all"))
		e.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
			w.Header().Set("WWW-Authenticate", "Basic")
			recording{code, missing.header, missing.body}.write(w)
			return true
		}
		r := startProxy(t, e, setup{})
		a := r.search(t, "")
		a.expect(t, StatusFallback, ReasonEngineStatus)
		if a.status != code || !bytes.Equal(a.body, missing.body) || a.header.Get("X-Elastic-Product") != "Elasticsearch" ||
			a.header.Get("WWW-Authenticate") != "Basic" {
			t.Errorf("%d: %d %v %s", code, a.status, a.header, a.body)
		}
		if n := len(e.requests()); n != 1 {
			t.Errorf("%d: %d requests", code, n)
		}
	}
}

// TestEnginesErrorToTheClientsOwnSearchPasses sends a search that the engine refuses in both forms.
func TestEnginesErrorToTheClientsOwnSearchPasses(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "unknown_field"))
	e.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		e.all.write(w)
		return true
	}
	for _, mode := range []FailureMode{OnFailureEngine, OnFailureError} {
		r := startProxy(t, e, setup{rule: func(r *Rule) { r.OnFailure = mode }})
		a := r.search(t, `,"bogus":1`)
		a.expect(t, StatusFallback, ReasonEngineStatus)
		if a.status != 400 || !bytes.Equal(a.body, e.all.body) {
			t.Errorf("%s: %d %s", mode, a.status, a.body)
		}
	}
}

func TestEngineDown(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	e.Close()
	for _, target := range []string{"/_cat/indices", "/notes/_search"} {
		a := r.do(t, "POST", target, "{"+query+"}")
		if a.status != 502 || !strings.HasPrefix(string(a.body), `{"error":{"root_cause":[{"type":"engine_unreachable_exception"`) {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
		if strings.Contains(string(a.body), "127.0.0.1") || strings.Contains(string(a.body), "refused") {
			t.Errorf("%s: the client is told too much: %s", target, a.body)
		}
		_, id, _ := strings.Cut(string(a.body), "[request ")
		id, _, _ = strings.Cut(id, "]")
		if len(id) != 36 || !strings.Contains(r.logs.String(), id) {
			t.Errorf("%s: request %q is not in the log %s", target, id, r.logs)
		}
	}
}

// TestScoringFailures lets the model fail. The answer at hand must equal what the engine says to the client's own search, and
// no second request may be needed for it.
func TestScoringFailures(t *testing.T) {
	for _, c := range []struct {
		name   string
		score  func(context.Context, string, []string) (reranker.Result, error)
		reason Reason
	}{
		{"overloaded", func(context.Context, string, []string) (reranker.Result, error) {
			return reranker.Result{}, reranker.ErrOverloaded
		}, ReasonOverloaded},
		{"backend", func(context.Context, string, []string) (reranker.Result, error) {
			return reranker.Result{}, &reranker.BackendError{Backend: "onnx", Err: errors.New("out of memory")}
		}, ReasonModel},
		{"backend after some scores", func(_ context.Context, q string, p []string) (reranker.Result, error) {
			r := opinions(q, p)
			for i := 5; i < len(p); i++ {
				r.Scores[i] = unscored
			}
			return r, &reranker.BackendError{Backend: "onnx", Err: errors.New("out of memory")}
		}, ReasonModel},
		{"closed", func(context.Context, string, []string) (reranker.Result, error) {
			return reranker.Result{}, reranker.ErrClosed
		}, ReasonModel},
		{"no score and no error", func(context.Context, string, []string) (reranker.Result, error) {
			return reranker.Result{}, nil
		}, ReasonModel},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, mode := range []FailureMode{OnFailureEngine, OnFailureError} {
				e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
				r := startProxy(t, e, setup{rule: func(r *Rule) { r.OnFailure = mode }})
				r.scorer.score = c.score
				a := r.search(t, somePage)
				a.expect(t, StatusFallback, c.reason)
				if mode == OnFailureError {
					if a.status != 503 || !strings.Contains(string(a.body), `"type":"rerank_failed_exception"`) {
						t.Errorf("%d %s", a.status, a.body)
					}
				} else if want := e.all.page(2, 5); a.status != 200 || !bytes.Equal(a.body, want.body) {
					t.Errorf("%d %s, want %s", a.status, a.body, want.body)
				}
				if n := len(e.requests()); n != 1 {
					t.Errorf("%d requests to the engine", n)
				}
			}
		})
	}
}

func TestNoText(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{rule: func(r *Rule) { r.Fields = []string{"absent"} }})
	a := r.search(t, somePage)
	a.expect(t, StatusFallback, ReasonNoText)
	if want := e.all.page(2, 5); !bytes.Equal(a.body, want.body) {
		t.Errorf("%s", a.body)
	}
}

func TestPanicFallsBack(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	r.scorer.score = func(context.Context, string, []string) (reranker.Result, error) { panic("a fault in the model") }
	a := r.search(t, somePage)
	a.expect(t, StatusFallback, ReasonInternal)
	if want := e.all.page(2, 5); a.status != 200 || !bytes.Equal(a.body, want.body) {
		t.Errorf("%d %s", a.status, a.body)
	}
	if !strings.Contains(r.logs.String(), "a fault in the model") {
		t.Error("the log is silent about it")
	}
	// What the panic held, it has let go: the next search scores the same pairs.
	r.scorer.score = nil
	r.search(t, somePage).expect(t, StatusReranked, "")
}

func TestOnFailureErrorRefusesASuccessOfTheEngine(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
		if isFirstStage(body) {
			w.WriteHeader(500)
			return true
		}
		return false
	}
	r := startProxy(t, e, setup{rule: func(r *Rule) { r.OnFailure = OnFailureError }})
	a := r.search(t, somePage)
	a.expect(t, StatusFallback, ReasonEngineStatus)
	if a.status != 503 || strings.Contains(string(a.body), "hits") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
