package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"testing"
)

// TestHeadAndOptionsAreTheEngines has methods that look at a search without making one come back as the engine answers.
func TestHeadAndOptionsAreTheEngines(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		h := w.Header()
		switch r.Method {
		case "OPTIONS":
			h.Set("Allow", "GET,POST")
			h.Set("Content-Length", "0")
		case "HEAD":
			h.Set("Content-Type", "application/json; charset=UTF-8")
			h.Set("Content-Length", "1234")
			h.Set("Content-Encoding", "gzip")
			if r.URL.Path == "/missing" {
				w.WriteHeader(404)
			}
		}
		return true
	}
	r := startProxy(t, e, setup{})
	for _, target := range []string{"/notes/_search", "/", "/missing", "/notes/_doc/1"} {
		a := r.do(t, "HEAD", target, "", "Accept-Encoding", "gzip")
		if a.header.Get("Content-Length") != "1234" || a.header.Get("Content-Encoding") != "gzip" || len(a.body) > 0 || (a.status == 404) != (target == "/missing") {
			t.Errorf("HEAD %s: %d %v %q", target, a.status, a.header, a.body)
		}
		if a = r.do(t, "OPTIONS", target, ""); a.status != 200 || a.header.Get("Allow") != "GET,POST" {
			t.Errorf("OPTIONS %s: %d %v", target, a.status, a.header)
		}
	}
	for _, got := range e.requests() {
		if got.method != "HEAD" && got.method != "OPTIONS" {
			t.Errorf("the engine got %s %s", got.method, got.uri)
		}
	}
}

// TestTheEnginesOwnLimitOnBodies has it refuse a body before it is through: its 413 reaches the client, who still sends.
func TestTheEnginesOwnLimitOnBodies(t *testing.T) {
	const refusal = `{"error":{"type":"content_too_large_exception"},"status":413}`
	address := rawEngine(t, func(c net.Conn) {
		defer c.Close()
		io.ReadFull(c, make([]byte, 64<<10))
		fmt.Fprintf(c, "HTTP/1.1 413 Request Entity Too Large\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(refusal), refusal)
		io.Copy(io.Discard, c)
	})
	r := startProxy(t, nil, setup{urls: []string{address}, options: func(o *Options) { o.Limits.Body = 1 << 20 }})
	for _, target := range []string{"/_bulk", "/notes/_search"} {
		conn, err := net.Dial("tcp", r.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		go func() { // it may be cut off at any byte, once the answer is there
			fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", target, 8<<20)
			conn.Write(make([]byte, 8<<20))
		}()
		res, err := http.ReadResponse(bufio.NewReader(conn), nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		conn.Close()
		if res.StatusCode != 413 || string(body) != refusal || err != nil {
			t.Errorf("%s: %d %s %v", target, res.StatusCode, body, err)
		}
	}
}
