package proxy

import (
	"bufio"
	"bytes"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func TestAnswerStreams(t *testing.T) {
	more := make(chan struct{})
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		w.Header().Set("Trailer", "X-Sum")
		if r.URL.Query().Has("length") {
			w.Header().Set("Content-Length", "6")
		}
		io.WriteString(w, "one")
		w.(http.Flusher).Flush()
		<-more
		io.WriteString(w, "two")
		w.Header().Set("X-Sum", "6")
		return true
	}
	r := startProxy(t, e, setup{})
	for _, target := range []string{"/_bulk", "/_bulk?length"} {
		res, err := r.client.Post(r.URL+target, "application/json", strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		begin := make([]byte, 3)
		if _, err := io.ReadFull(res.Body, begin); err != nil || string(begin) != "one" {
			t.Fatalf("%q, %v", begin, err)
		}
		more <- struct{}{} // the engine goes on only now: the client had its first bytes before
		rest, err := io.ReadAll(res.Body)
		if err != nil || string(rest) != "two" {
			t.Fatalf("%q, %v", rest, err)
		}
		if !strings.Contains(target, "length") && res.Trailer.Get("X-Sum") != "6" {
			t.Errorf("trailers %v", res.Trailer)
		}
		res.Body.Close()
	}
}

// TestLargeBodyStreams sends the second half of a body only after the engine has the first.
func TestLargeBodyStreams(t *testing.T) {
	first := bytes.Repeat([]byte("a"), smallBody+1)
	arrived := make(chan struct{})
	address := rawEngine(t, func(c net.Conn) {
		defer c.Close()
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		got := make([]byte, len(first))
		if _, err := io.ReadFull(req.Body, got); err != nil {
			return
		}
		close(arrived)
		rest, _ := io.ReadAll(req.Body)
		if string(rest) != "end" {
			t.Errorf("the rest is %q", rest)
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
	})
	r := startProxy(t, nil, setup{urls: []string{address}})
	body, w := io.Pipe()
	go func() {
		w.Write(first)
		<-arrived
		io.WriteString(w, "end")
		w.Close()
	}()
	res, err := r.client.Post(r.URL+"/_bulk", "application/x-ndjson", body)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if res.StatusCode != 200 {
		t.Error(res.StatusCode)
	}
}

// TestEarlyAnswerReachesTheClient has an engine refuse a body that is still being sent.
func TestEarlyAnswerReachesTheClient(t *testing.T) {
	address := rawEngine(t, func(c net.Conn) {
		defer c.Close()
		if _, err := http.ReadRequest(bufio.NewReader(c)); err != nil {
			return
		}
		io.WriteString(c, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}")
		io.Copy(io.Discard, c)
	})
	r := startProxy(t, nil, setup{urls: []string{address}})
	body, w := io.Pipe()
	defer w.Close()
	go w.Write(bytes.Repeat([]byte("a"), smallBody+1)) // and no end
	req, err := http.NewRequestWithContext(t.Context(), "POST", r.URL+"/_bulk", body)
	if err != nil {
		t.Fatal(err)
	}
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 413 {
		t.Error(res.StatusCode)
	}
	body.CloseWithError(io.ErrClosedPipe)
}

// TestSmallBodyIsReadBeforeTheEngineIsAsked holds back the end of a body: the engine must not see a connection until then.
func TestSmallBodyIsReadBeforeTheEngineIsAsked(t *testing.T) {
	var connections atomic.Int64
	address := rawEngine(t, func(c net.Conn) {
		defer c.Close()
		connections.Add(1)
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		got, _ := io.ReadAll(req.Body)
		if string(got) != "firstlast" || req.ContentLength != 9 {
			t.Errorf("%q of length %d", got, req.ContentLength)
		}
		io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
	})
	r := startProxy(t, nil, setup{urls: []string{address}})
	for _, length := range []int64{9, -1} {
		connections.Store(0)
		body, w := io.Pipe()
		go func() {
			io.WriteString(w, "first")
			time.Sleep(50 * time.Millisecond)
			if n := connections.Load(); n != 0 {
				t.Errorf("%d connections before the body was read", n)
			}
			io.WriteString(w, "last")
			w.Close()
		}()
		req, err := http.NewRequest("POST", r.URL+"/_bulk", body)
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		res, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
	}
}

func TestBrokenAnswerBreaksTheClientsToo(t *testing.T) {
	for name, answer := range map[string]string{
		"short of its length": "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"a\":",
		"chunks without end":  "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\n",
		"within a chunk":      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n500\r\n{\"a\":",
	} {
		t.Run(name, func(t *testing.T) {
			address := rawEngine(t, func(c net.Conn) {
				defer c.Close()
				if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
					io.WriteString(c, answer)
				}
			})
			r := startProxy(t, nil, setup{urls: []string{address}})
			for _, target := range []string{"/_cat/indices", "/notes/_search"} {
				a, err := r.try(t.Context(), "POST", target, "{"+query+"}")
				if err == nil {
					t.Errorf("%s: the client took %d %q for whole", target, a.status, a.body)
				}
			}
		})
	}
}

// TestSearchBodyOverTheLimitStreams forwards what is too large to be planned.
func TestSearchBodyOverTheLimitStreams(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{options: func(o *Options) { o.Limits.Body = 1000 }})
	body := "{" + query + strings.Repeat(" ", 5000) + "}"
	for _, length := range []int64{int64(len(body)), -1} {
		req, err := http.NewRequest("POST", r.URL+"/notes/_search", io.MultiReader(strings.NewReader(body)))
		if err != nil {
			t.Fatal(err)
		}
		req.ContentLength = length
		res, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		io.Copy(io.Discard, res.Body)
		res.Body.Close()
		answer{res.StatusCode, res.Header, nil}.expect(t, StatusBypassed, ReasonBodyTooLarge)
		if got := e.requests()[len(e.requests())-1]; string(got.body) != body {
			t.Errorf("length %d: the engine got %d bytes", length, len(got.body))
		}
	}
}

func TestSlowSearchBodyEnds(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{options: func(o *Options) { o.Limits.BodyTime = 300 * time.Millisecond }})
	res, body := rawExchange(t, r, "POST /notes/_search HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{")
	if res.StatusCode != 408 || !strings.Contains(body, "timeout_exception") {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	// The limit is on the body, not on the connection: one that keeps to it may go on.
	for range 2 {
		r.search(t, "").expect(t, StatusReranked, "")
		time.Sleep(350 * time.Millisecond)
	}
}
