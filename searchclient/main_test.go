package searchclient

import (
	"bufio"
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// rawEngine is a listener whose connections are served by hand, numbered from 1.
type rawEngine struct {
	url   string
	conns atomic.Int32
}

func startRaw(t *testing.T, serve func(conn net.Conn, r *bufio.Reader, nth int)) *rawEngine {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	e := &rawEngine{url: "http://" + l.Addr().String()}
	done := make(chan struct{})
	t.Cleanup(func() { l.Close(); <-done })
	go func() {
		defer close(done)
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			nth := int(e.conns.Add(1))
			conn.SetDeadline(time.Now().Add(10 * time.Second))
			serve(conn, bufio.NewReader(conn), nth)
			conn.Close()
		}
	}()
	return e
}

// reset closes a connection with a reset instead of an end.
func reset(conn net.Conn) {
	conn.(*net.TCPConn).SetLinger(0)
	conn.Close()
}

// readRequest reads one request and returns its bytes up to the body, and the body.
func readRequest(t *testing.T, r *bufio.Reader) (head, body string) {
	t.Helper()
	var b strings.Builder
	for {
		line, err := r.ReadString('\n')
		if err != nil {
			return b.String(), ""
		}
		b.WriteString(line)
		if line == "\r\n" {
			break
		}
	}
	req, err := http.ReadRequest(bufio.NewReader(io.MultiReader(strings.NewReader(b.String()), r)))
	if err != nil {
		t.Errorf("request %q: %v", b.String(), err)
		return b.String(), ""
	}
	text, err := io.ReadAll(req.Body)
	if err != nil {
		t.Errorf("body of %q: %v", b.String(), err)
	}
	return b.String(), string(text)
}

func open(t *testing.T, change func(*Options), urls ...string) *Client {
	t.Helper()
	o := Options{URLs: urls}
	if change != nil {
		change(&o)
	}
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

func search(ctx context.Context, c *Client) (*SearchResponse, error) {
	return c.Search(ctx, &SearchRequest{Method: "POST", Path: "/docs/_search", Body: []byte(`{"size":1}`),
		Header: http.Header{"Content-Type": {"application/json"}, "Authorization": {"Basic c2VjcmV0"}}})
}

// quiet is for servers whose clients fail on purpose.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) }

func mustParse(t *testing.T, s string) *url.URL {
	t.Helper()
	u, err := url.ParseRequestURI(s)
	if err != nil {
		t.Fatal(err)
	}
	return u
}
