package proxy

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/resift/resift/cache"
	"github.com/resift/resift/searchclient"
)

// benchEngine answers at once: what is measured is what stands between it and the client.
type benchEngine struct{ page, window, large []byte }

// largeAnswer is where the engine has a megabyte to tell.
const largeAnswer = "/notes/_doc/large"

func (e benchEngine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(io.LimitReader(r.Body, 4<<10))
	io.Copy(io.Discard, r.Body)
	answer := e.page
	if bytes.Contains(body, []byte(`"size":100`)) {
		answer = e.window
	}
	if r.URL.Path == largeAnswer {
		answer = e.large
	}
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Content-Length", fmt.Sprint(len(answer)))
	w.Write(answer)
}

// manyHits is an answer of n hits, about 330 bytes each, in the shape of the recorded ones.
func manyHits(n int) []byte {
	var b bytes.Buffer
	b.WriteString(`{"took":3,"timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0},` +
		`"hits":{"total":{"value":1000,"relation":"eq"},"max_score":12.5,"hits":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"_index":"notes","_id":"d%03d","_score":%.6f,"_source":{"title":"Notes %d","text":"%s","n":%d}}`,
			i, 12.5-float64(i)/10, i, strings.Repeat("a line of text about this and that ", 6), i)
	}
	b.WriteString("]}}")
	return b.Bytes()
}

const benchQuery = `{"query":{"match":{"text":"this and that"}},"size":10}`

// benchSearch sends searches over one connection. sort makes the proxy forward them.
func benchSearch(b *testing.B, url, body string, status string) {
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()
	send := func() {
		req, err := http.NewRequest("POST", url+"/notes/_search", strings.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Content-Type", "application/json")
		res, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if got := res.Header.Get(headerStatus); got != status || res.StatusCode != 200 {
			b.Fatalf("status %q, %d", got, res.StatusCode)
		}
	}
	send()
	b.ReportAllocs()
	for b.Loop() {
		send()
	}
}

func benchProxy(b *testing.B) (engine, proxy *httptest.Server) {
	engine = httptest.NewServer(benchEngine{manyHits(10), manyHits(100), bytes.Repeat([]byte("x"), 1<<20)})
	client, err := searchclient.New(searchclient.Options{URLs: []string{engine.URL}})
	if err != nil {
		b.Fatal(err)
	}
	scores, err := cache.New(cache.Options{Bytes: 16 << 20})
	if err != nil {
		b.Fatal(err)
	}
	rule := testRule()
	rule.Window = 100
	h, err := New(Options{
		Engine: client, Scorer: &hashScorer{}, Scores: scores, Rules: &Rules{List: []Rule{rule}, Allow: AllowAll()},
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	proxy = httptest.NewServer(h)
	b.Cleanup(func() {
		proxy.Close()
		client.Close()
		engine.Close()
	})
	return engine, proxy
}

// BenchmarkDirect is the base: the client asks the engine for its page of 10.
func BenchmarkDirect(b *testing.B) {
	engine, _ := benchProxy(b)
	benchSearch(b, engine.URL, benchQuery, "")
}

// BenchmarkDirectWindow is the client asking for the 100 hits that a re-ranked search reads.
func BenchmarkDirectWindow(b *testing.B) {
	engine, _ := benchProxy(b)
	benchSearch(b, engine.URL, strings.Replace(benchQuery, `"size":10`, `"size":100`, 1), "")
}

// benchForward sends a request that is no search, and reads its answer, over one connection.
func benchForward(b *testing.B, method, target string, body []byte) {
	_, proxy := benchProxy(b)
	client := &http.Client{Transport: &http.Transport{DisableCompression: true, ReadBufferSize: 256 << 10, WriteBufferSize: 256 << 10}}
	defer client.CloseIdleConnections()
	b.ReportAllocs()
	for b.Loop() {
		req, err := http.NewRequest(method, proxy.URL+target, bytes.NewReader(body))
		if err != nil {
			b.Fatal(err)
		}
		res, err := client.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || n != res.ContentLength {
			b.Fatalf("status %d, %d bytes, %v", res.StatusCode, n, err)
		}
	}
}

// BenchmarkForward is a document read.
func BenchmarkForward(b *testing.B) { benchForward(b, "GET", "/notes/_doc/1", nil) }

// BenchmarkForwardLargeAnswer is an answer of a megabyte.
func BenchmarkForwardLargeAnswer(b *testing.B) { benchForward(b, "GET", largeAnswer, nil) }

// BenchmarkForwardLargeBody is a bulk of a megabyte.
func BenchmarkForwardLargeBody(b *testing.B) {
	benchForward(b, "POST", "/notes/_bulk", bytes.Repeat([]byte("x"), 1<<20))
}

// BenchmarkPassThrough is a bypassed search.
func BenchmarkPassThrough(b *testing.B) {
	_, proxy := benchProxy(b)
	benchSearch(b, proxy.URL, strings.Replace(benchQuery, `{"query"`, `{"sort":["n"],"query"`, 1), string(StatusBypassed))
}

// BenchmarkRerankedFromCache is a search of window 100, page 10, with every score known.
func BenchmarkRerankedFromCache(b *testing.B) {
	_, proxy := benchProxy(b)
	benchSearch(b, proxy.URL, benchQuery, string(StatusReranked))
}
