package searchclient

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestSearchReadsWholeAnswers(t *testing.T) {
	tests := []struct {
		name, answer string
		reset        bool
		body         string
		tooLarge     bool
	}{
		{"whole", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello", false, "hello", false},
		{"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n", false, "hello", false},
		{"until the end of the connection", "HTTP/1.0 200 OK\r\n\r\nhello", false, "hello", false},
		{"as large as allowed", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n0123456789", false, "0123456789", false},
		{"after an interim answer", "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", false, "ok", false},
		{"shorter than its length", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhello", false, "", false},
		{"reset in the body", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhel", true, "", false},
		{"reset in the header", "HTTP/1.1 200 OK\r\nContent-Le", true, "", false},
		{"chunks that end early", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\nhel", false, "", false},
		{"chunks without an end", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n", false, "", false},
		{"two lengths", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nhel", false, "", false},
		{"no HTTP", "SSH-2.0-OpenSSH\r\n", false, "", false},
		{"too large by its length", "HTTP/1.1 200 OK\r\nContent-Length: 11\r\n\r\n01234567890", false, "", true},
		{"too large by its chunks", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n01234567890\r\n0\r\n\r\n", false, "", true},
		{"an absurd length", "HTTP/1.1 200 OK\r\nContent-Length: 9000000000000000000\r\n\r\n", false, "", true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := startRaw(t, func(conn net.Conn, r *bufio.Reader, _ int) {
				readRequest(t, r)
				io.WriteString(conn, tt.answer)
				if tt.reset {
					time.Sleep(20 * time.Millisecond) // a reset overtakes what was not read yet
					reset(conn)
				}
			})
			res, err := search(context.Background(), open(t, func(o *Options) { o.MaxAnswer = 10 }, e.url))
			if tt.body != "" {
				if err != nil || string(res.Body) != tt.body {
					t.Errorf("%+v, %v", res, err)
				}
			} else if err == nil || errors.Is(err, ErrTooLarge) != tt.tooLarge {
				t.Errorf("%+v, %v", res, err)
			}
			if n := e.conns.Load(); n != 1 {
				t.Errorf("the engine was asked %d times after a byte of its answer", n)
			}
		})
	}
}

func TestSearchTriesOnceMore(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		for _, body := range []string{"", `{"size":1}`} {
			for failures := range 4 {
				t.Run(fmt.Sprintf("%s %q, %d failures", method, body, failures), func(t *testing.T) {
					e := startRaw(t, func(conn net.Conn, r *bufio.Reader, nth int) {
						head, got := readRequest(t, r)
						if !strings.HasPrefix(head, method) || got != body || strings.Contains(head, "chunked") {
							t.Errorf("request %q with the body %q", head, got)
						}
						if nth <= failures {
							if nth%2 == 0 {
								reset(conn)
							}
							return
						}
						io.WriteString(conn, okAnswer)
					})
					res, err := open(t, nil, e.url).Search(context.Background(),
						&SearchRequest{Method: method, Path: "/_search", Body: []byte(body)})
					if want := failures <= 1; (err == nil) != want || want && string(res.Body) != "{}" {
						t.Errorf("%+v, %v", res, err)
					}
					if n := int(e.conns.Load()); n != min(failures+1, 2) {
						t.Errorf("the engine was asked %d times", n)
					}
				})
			}
		}
	}
}

// A kept connection that breaks counts as the first try; net/http does not slip in others.
func TestSearchOnBrokenKeptConnections(t *testing.T) {
	for _, method := range []string{"GET", "POST"} {
		e := startRaw(t, func(conn net.Conn, r *bufio.Reader, nth int) {
			if nth == 1 {
				readRequest(t, r)
				io.WriteString(conn, okAnswer)
			}
			readRequest(t, r) // and no answer
		})
		c := open(t, nil, e.url)
		r := &SearchRequest{Method: method, Path: "/_search"}
		if _, err := c.Search(context.Background(), r); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Search(context.Background(), r); err == nil {
			t.Fatal("an answer from nowhere")
		}
		if n := e.conns.Load(); n != 2 {
			t.Errorf("%s: %d connections, want the kept one and one more", method, n)
		}
	}
}

// What an engine left on a kept connection is no answer to the next request: a search goes out again, anything else does not.
func TestLeftoversOnKeptConnections(t *testing.T) {
	post := func(c *Client, ctx context.Context) error {
		body := func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader("{}")), nil }
		req := httptest.NewRequest("POST", "/docs/_search", nil).WithContext(ctx)
		req.RequestURI, req.ContentLength, req.GetBody = "", 2, body
		req.Body, _ = body()
		res, err := c.RoundTrip(req)
		if err == nil {
			defer res.Body.Close()
			_, err = io.ReadAll(res.Body)
		}
		return err
	}
	for _, tt := range []struct {
		name  string
		ask   func(c *Client) error
		conns int64
	}{
		{"Search", func(c *Client) error { _, err := search(context.Background(), c); return err }, 2},
		{"RoundTrip of a search", func(c *Client) error { return post(c, WithRepeat(context.Background())) }, 2},
		{"RoundTrip of anything", func(c *Client) error { return post(c, context.Background()) }, 1},
	} {
		for _, left := range []string{"left over\r\n\r\n", ""} {
			e := startRaw(t, func(conn net.Conn, r *bufio.Reader, nth int) {
				readRequest(t, r)
				io.WriteString(conn, okAnswer)
				if nth == 1 {
					readRequest(t, r)
					io.WriteString(conn, left)
				}
			})
			c := open(t, nil, e.url)
			if err := tt.ask(c); err != nil {
				t.Fatal(err)
			}
			if err := tt.ask(c); (err == nil) != (tt.conns == 2) {
				t.Errorf("%s after %q: %v", tt.name, left, err)
			}
			if n := int64(e.conns.Load()); n != tt.conns {
				t.Errorf("%s after %q: %d connections, want %d", tt.name, left, n, tt.conns)
			}
		}
	}
}

func TestSearchGoesToAnotherNode(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	dropping := startRaw(t, func(conn net.Conn, r *bufio.Reader, _ int) { readRequest(t, r) })
	answering := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "{}") }))
	defer answering.Close()
	for _, bad := range []string{closed.URL, dropping.url} {
		c := open(t, nil, bad, answering.URL)
		for range 10 {
			if _, err := search(context.Background(), c); err != nil {
				t.Errorf("with %s down: %v", bad, err)
			}
		}
	}
	c := open(t, nil, closed.URL)
	if _, err := search(context.Background(), c); !refused(err) {
		t.Errorf("all down: %v", err)
	}
}

func TestNodesTakeTurns(t *testing.T) {
	calls := make([]int, 3)
	urls := make([]string, 3)
	for i := range calls {
		s := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { calls[i]++ }))
		defer s.Close()
		urls[i] = s.URL
	}
	c := open(t, nil, urls...)
	for range 30 {
		if _, err := search(context.Background(), c); err != nil {
			t.Fatal(err)
		}
	}
	if calls[0] != 10 || calls[1] != 10 || calls[2] != 10 {
		t.Errorf("searches per node: %v", calls)
	}
}

func TestSlowEngine(t *testing.T) {
	e := startRaw(t, func(_ net.Conn, r *bufio.Reader, _ int) {
		readRequest(t, r)
		r.ReadByte() // until the client hangs up
	})
	c := open(t, func(o *Options) { o.HeaderTimeout = 50 * time.Millisecond }, e.url)
	var late net.Error
	if _, err := search(context.Background(), c); !errors.As(err, &late) || !late.Timeout() {
		t.Errorf("header timeout: %v", err)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	if _, err := search(ctx, open(t, nil, e.url)); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("deadline: %v", err)
	}
	if n := e.conns.Load(); n != 2 {
		t.Errorf("the engine was asked %d times by two searches", n)
	}
}

func TestCancelReachesTheEngine(t *testing.T) {
	arrived, gone := make(chan struct{}), make(chan error, 1)
	e := startRaw(t, func(conn net.Conn, r *bufio.Reader, _ int) {
		readRequest(t, r)
		io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbeginning")
		close(arrived)
		_, err := r.ReadByte()
		gone <- err
	})
	ctx, cancel := context.WithCancel(context.Background())
	go func() { <-arrived; cancel() }()
	if _, err := search(ctx, open(t, nil, e.url)); !errors.Is(err, context.Canceled) {
		t.Errorf("search: %v", err)
	}
	if err := <-gone; err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the engine's side of the connection: %v", err)
	}
}

func TestRoundTripIsSentOnce(t *testing.T) {
	for _, method := range []string{"GET", "POST", "PUT", "DELETE"} {
		e := startRaw(t, func(_ net.Conn, r *bufio.Reader, _ int) { readRequest(t, r) })
		other := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			t.Errorf("%s was sent to a second node", r.Method)
		}))
		c := open(t, nil, other.URL, e.url) // the turn begins with the second
		req := httptest.NewRequest(method, "/docs/_doc/1", strings.NewReader("{}"))
		req.RequestURI = ""
		if res, err := c.RoundTrip(req); err == nil {
			res.Body.Close()
			t.Errorf("%s got an answer", method)
		}
		if n := e.conns.Load(); n != 1 {
			t.Errorf("%s was sent %d times", method, n)
		}
		other.Close()
	}
}
