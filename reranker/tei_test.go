package reranker

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"
	"unicode/utf8"
)

func TestTEIScores(t *testing.T) {
	s := startTEI(t, 8)
	o := s.options()
	o.Concurrency = 3
	o.Header = http.Header{"Authorization": {"Bearer secret"}}
	var batches atomic.Int64
	o.OnBatch = func(b BatchStats) { batches.Add(int64(b.Pairs)) }
	r := openTEITest(t, o)
	texts := make([]string, 50)
	tokens := 0
	for i := range texts {
		texts[i] = strings.Repeat("é\x00\xff<&>", i) + " x"
		tokens += len(strings.Fields(strings.ToValidUTF8(texts[i], "\uFFFD")))
	}
	got, err := r.Score(t.Context(), "query", texts)
	if err != nil {
		t.Fatal(err)
	}
	for i, text := range texts {
		// JSON carries an invalid byte as U+FFFD.
		if want := teiScore("query", strings.ReplaceAll(text, "\xff", "\uFFFD")); got.Scores[i] != want {
			t.Errorf("text %d: score %v, want %v", i, got.Scores[i], want)
		}
	}
	if got.Tokens != tokens {
		t.Errorf("%d tokens, the server told of %d", got.Tokens, tokens)
	}
	if slices.Max(s.sizes) > 8 || len(s.sizes) != 7 || s.most.Load() > 3 || s.auth[0] != "Bearer secret" {
		t.Errorf("calls of %v texts, %d at a time, authorization %q", s.sizes, s.most.Load(), s.auth[0])
	}
	info, stats := r.Info(), r.Stats()
	if info.Model != "cross-encoder/ms-marco-MiniLM-L-12-v2" || info.MaxTokens != 512 || info.Precision != "float16" || len(info.Revision) != 64 {
		t.Errorf("info %+v", info)
	}
	if stats.Pairs != 50 || stats.Batches != 7 || stats.QueuePairs != 0 || batches.Load() != 50 {
		t.Errorf("stats %+v, call-backs of %d pairs", stats, batches.Load())
	}
	if err := r.Healthy(); err != nil {
		t.Error(err)
	}
	if windows := r.Windows("a b c d e", 4, 2); !slices.Equal(windows, []string{"a b c", "c d e"}) {
		t.Errorf("windows %q", windows)
	}
}

func TestTEIFailures(t *testing.T) {
	say := func(status int, body string) func(http.ResponseWriter, string, []string) bool {
		return func(w http.ResponseWriter, _ string, _ []string) bool {
			w.WriteHeader(status)
			io.WriteString(w, body)
			return true
		}
	}
	cases := map[string]struct {
		answer     func(http.ResponseWriter, string, []string) bool
		overloaded bool
		status     int
		want       string
	}{
		"overloaded":       {answer: say(429, `{"error":"Model is overloaded","error_type":"overloaded"}`), overloaded: true},
		"tokenizer":        {answer: say(422, `{"error":"Tokenization error","error_type":"tokenizer"}`), status: 422, want: "Tokenization error"},
		"too large":        {answer: say(413, "length limit exceeded"), status: 413, want: "Request Entity Too Large"},
		"inference":        {answer: say(424, `{"error":"Inference failed","error_type":"backend"}`), status: 424, want: "Inference failed"},
		"unhealthy":        {answer: say(503, `{"error":"unhealthy","error_type":"unhealthy"}`), status: 503, want: "unhealthy"},
		"bad gateway":      {answer: say(502, "<html>"), status: 502, want: "Bad Gateway"},
		"long message":     {answer: say(500, `{"error":"`+strings.Repeat("é\\n", 90)+`"}`), status: 500, want: "é"},
		"no JSON":          {answer: say(200, "<html>"), status: 200, want: "malformed"},
		"cut JSON":         {answer: say(200, `[{"index":0,"score":1}`), status: 200, want: "malformed"},
		"an object":        {answer: say(200, `{"error":"x"}`), status: 200, want: "malformed"},
		"missing index":    {answer: say(200, `[{"index":0,"score":1},{"score":1}]`), status: 200, want: "without index"},
		"null score":       {answer: say(200, `[{"index":0,"score":1},{"index":1,"score":null}]`), status: 200, want: "without index or score"},
		"NaN":              {answer: say(200, `[{"index":0,"score":1},{"index":1,"score":NaN}]`), status: 200, want: "malformed"},
		"infinite":         {answer: say(200, `[{"index":0,"score":1},{"index":1,"score":1e300}]`), status: 200, want: "1e+300"},
		"duplicate":        {answer: say(200, `[{"index":0,"score":1},{"index":0,"score":1}]`), status: 200, want: "index 0 twice"},
		"out of range":     {answer: say(200, `[{"index":0,"score":1},{"index":2,"score":1}]`), status: 200, want: "index 2"},
		"negative":         {answer: say(200, `[{"index":0,"score":1},{"index":-1,"score":1}]`), status: 200, want: "index -1"},
		"fractional index": {answer: say(200, `[{"index":0,"score":1},{"index":0.5,"score":1}]`), status: 200, want: "malformed"},
		"too few":          {answer: say(200, `[{"index":0,"score":1}]`), status: 200, want: "1 scores for 2"},
		"endless":          {answer: say(200, `[`+strings.Repeat(" ", 1<<20)+`]`), status: 200, want: "longer than"},
		"redirect": {answer: func(w http.ResponseWriter, _ string, _ []string) bool {
			w.Header().Set("Location", "/base/elsewhere")
			w.WriteHeader(307)
			return true
		}, status: 307, want: "not followed"},
		"cut connection": {answer: func(w http.ResponseWriter, _ string, _ []string) bool {
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, `[{"index"`)
			return true
		}, want: "unexpected EOF"},
		"silence": {answer: func(w http.ResponseWriter, _ string, _ []string) bool {
			time.Sleep(300 * time.Millisecond)
			return true
		}, want: "no answer within"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := startTEI(t, 8)
			s.answer = c.answer
			o := s.options()
			if name == "silence" {
				o.Timeout = 50 * time.Millisecond
			}
			r := openTEITest(t, o)
			got, err := r.Score(t.Context(), "q", []string{"a", "b"})
			if got.Scored() != 0 || len(got.Scores) != 2 {
				t.Errorf("scores %v", got.Scores)
			}
			if c.overloaded {
				if !errors.Is(err, ErrOverloaded) {
					t.Errorf("error %v, want overloaded", err)
				}
				return
			}
			var failure *BackendError
			if !errors.As(err, &failure) || failure.Status != c.status || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want a BackendError %d %q", err, c.status, c.want)
			}
			if len(err.Error()) > 400 || strings.ContainsAny(err.Error(), "\n") || !utf8.ValidString(err.Error()) {
				t.Errorf("error is no short line: %q", err)
			}
			if r.Stats().Failed != 1 || r.Stats().QueuePairs != 0 {
				t.Errorf("stats %+v", r.Stats())
			}
		})
	}
}

func TestTEIKeepsWhatWasScoredInTime(t *testing.T) {
	s := startTEI(t, 4)
	var calls atomic.Int64
	release := make(chan struct{})
	s.answer = func(http.ResponseWriter, string, []string) bool {
		if calls.Add(1) > 2 {
			<-release
		}
		return false
	}
	o := s.options()
	o.Concurrency = 1
	r := openTEITest(t, o)
	ctx, cancel := context.WithCancel(t.Context())
	go func() {
		for calls.Load() < 3 {
			time.Sleep(time.Millisecond)
		}
		cancel()
		close(release)
	}()
	got, err := r.Score(ctx, "q", slices.Repeat([]string{"text"}, 20))
	if !errors.Is(err, context.Canceled) || got.Scored() != 8 || got.Scores[7] != teiScore("q", "text") {
		t.Errorf("%d scored, %v; want the first 8", got.Scored(), err)
	}
	if stats := r.Stats(); stats.Dropped != 12 || stats.Failed != 0 || stats.QueuePairs != 0 {
		t.Errorf("stats %+v", stats)
	}
}

func TestTEIQueueIsBounded(t *testing.T) {
	s := startTEI(t, 4)
	release, entered := make(chan struct{}), make(chan struct{}, 8)
	s.answer = func(http.ResponseWriter, string, []string) bool { entered <- struct{}{}; <-release; return false }
	o := s.options()
	o.QueuePairs = 5
	r := openTEITest(t, o)
	done := make(chan error)
	go func() {
		_, err := r.Score(t.Context(), "q", []string{"a", "b", "c", "d"})
		done <- err
	}()
	<-entered
	if _, err := r.Score(t.Context(), "q", []string{"a", "b"}); !errors.Is(err, ErrOverloaded) {
		t.Errorf("6 pairs in a queue of 5: %v", err)
	}
	close(release)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if stats := r.Stats(); stats.Overloaded != 1 || stats.QueuePairs != 0 {
		t.Errorf("stats %+v", stats)
	}
}

func TestTEICloseEndsCalls(t *testing.T) {
	s := startTEI(t, 4)
	release, entered := make(chan struct{}), make(chan struct{}, 8)
	defer close(release)
	s.answer = func(http.ResponseWriter, string, []string) bool { entered <- struct{}{}; <-release; return false }
	r := openTEITest(t, s.options())
	done := make(chan error)
	go func() {
		_, err := r.Score(t.Context(), "q", []string{"a"})
		done <- err
	}()
	<-entered
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if err := <-done; !errors.Is(err, ErrClosed) {
		t.Errorf("call under way at close: %v", err)
	}
	if _, err := r.Score(t.Context(), "q", []string{"a"}); !errors.Is(err, ErrClosed) {
		t.Errorf("after close: %v", err)
	}
	if err := r.Healthy(); !errors.Is(err, ErrClosed) {
		t.Errorf("healthy after close: %v", err)
	}
}

func TestTEIRevisionFollowsTheModel(t *testing.T) {
	s := startTEI(t, 4)
	first := openTEITest(t, s.options())
	if again := openTEITest(t, s.options()); again.Revision() != first.Revision() {
		t.Error("the same model has two revisions")
	}
	before := first.Revision()
	s.setModel("cross-encoder/ms-marco-MiniLM-L-12-v2", "0000000000000000000000000000000000000000")
	if other := openTEITest(t, s.options()); other.Revision() == before {
		t.Error("another commit of the model has the same revision")
	}
	s.answer = func(w http.ResponseWriter, _ string, _ []string) bool { w.WriteHeader(500); return true }
	_, _ = first.Score(t.Context(), "q", []string{"a"}) // a failure makes it ask again soon
	s.answer = nil
	b := first.backend.(*tei)
	b.mu.Lock()
	b.asked = b.asked.Add(-teiRetryInfo)
	b.mu.Unlock()
	if _, err := first.Score(t.Context(), "q", []string{"a"}); err != nil || first.Revision() == before {
		t.Errorf("the server's new model was not noticed: %v", err)
	}
}

func TestTEIServerThatIsDownOrOther(t *testing.T) {
	t.Run("down", func(t *testing.T) {
		s := startTEI(t, 4)
		url := s.URL
		s.Close()
		r := openTEITest(t, Options{URL: url})
		_, err := r.Score(t.Context(), "q", []string{"a"})
		var failure *BackendError
		if !errors.As(err, &failure) || failure.Status != 0 || r.Healthy() == nil {
			t.Errorf("score %v, healthy %v", err, r.Healthy())
		}
	})
	t.Run("without info", func(t *testing.T) {
		mux := http.NewServeMux()
		mux.HandleFunc("POST /rerank", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, `[{"index":0,"score":-2.5}]`) })
		s := httptest.NewServer(mux)
		defer s.Close()
		r := openTEITest(t, Options{URL: s.URL})
		got, err := r.Score(t.Context(), "q", []string{"a"})
		if err != nil || got.Scores[0] != -2.5 || len(r.Revision()) != 64 {
			t.Errorf("%v, %v", got, err)
		}
	})
	t.Run("an embedding model", func(t *testing.T) {
		s := startTEI(t, 4)
		info := `{"model_id":"thenlper/gte-base","model_type":{"embedding":{"pooling":"mean"}}}`
		s.info.Store(&info)
		if _, err := Open(Options{Backend: BackendTEI, URL: s.URL + "/base"}); err == nil || !strings.Contains(err.Error(), "not a reranker: thenlper/gte-base") {
			t.Errorf("opened: %v", err)
		}
	})
}

func TestTEIURL(t *testing.T) {
	for text, want := range map[string]string{
		"":                       "needs the URL",
		"127.0.0.1:8080":         "tei backend",
		"ftp://host":             "not the base URL",
		"http://":                "not the base URL",
		"http://host/?x=1":       "not the base URL",
		"http://u:secret@host?x": "not the base URL",
	} {
		_, err := Open(Options{Backend: BackendTEI, URL: text})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}

func TestTEISplitsByBytes(t *testing.T) {
	s := startTEI(t, 100)
	var largest atomic.Int64
	s.answer = func(_ http.ResponseWriter, query string, texts []string) bool {
		n := int64(len(query))
		for _, text := range texts {
			n += int64(len(text))
		}
		largest.Store(max(largest.Load(), n))
		return false
	}
	o := s.options()
	o.Concurrency = 1
	r := openTEITest(t, o)
	texts := []string{strings.Repeat("a", 400<<10), strings.Repeat("b", 700<<10), strings.Repeat("é", 400<<10), "short"}
	got, err := r.Score(t.Context(), "q", texts)
	if err != nil || got.Scored() != 4 {
		t.Fatal(err)
	}
	if largest.Load() > teiBodyBytes || len(s.sizes) != 2 {
		t.Errorf("calls of %v texts, the largest of %d bytes", s.sizes, largest.Load())
	}
}

func FuzzTEIRanks(f *testing.F) {
	f.Add([]byte(`[{"index":1,"score":0.5},{"index":0,"score":-3}]`), 2)
	f.Add([]byte(`[{"index":0,"score":1e39}]`), 1)
	f.Add([]byte(`null`), 0)
	f.Fuzz(func(t *testing.T, answer []byte, n int) {
		n = min(max(n, 0), 100)
		scores, err := parseRanks(answer, n)
		if err == nil && (len(scores) != n || slices.ContainsFunc(scores, notFinite)) {
			t.Errorf("%q gave %v for %d texts", answer, scores, n)
		}
		if err == nil && n > 0 && !bytes.Contains(answer, []byte("[")) {
			t.Errorf("%q was accepted", answer)
		}
	})
}

func TestWordWindows(t *testing.T) {
	cases := map[string]struct {
		text          string
		limit, shared int
		want          []string
	}{
		"empty":       {"", 4, 1, []string{""}},
		"fits":        {" one two\n", 4, 1, []string{" one two\n"}},
		"no overlap":  {"a b c d e f g", 4, 0, []string{"a b c", "d e f", "g"}},
		"overlap":     {"a b c d e", 4, 2, []string{"a b c", "c d e"}},
		"long word":   {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa b", 4, 0, []string{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "b"}},
		"no spaces":   {"検索エンジン", 2, 0, []string{"検索", "エン", "ジン"}},
		"not UTF-8":   {"a\xff b\xfe c d", 4, 0, []string{"a\xff b\xfe c", "d"}},
		"tiny window": {"a b c", 0, 0, []string{"a", "b", "c"}},
	}
	for name, c := range cases {
		if got := wordWindows(c.text, c.limit, c.shared); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}
