package e2e

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

// TestLargeAnswer has a first stage that is larger than may be read: the client's own page, which is small.
func TestLargeAnswer(t *testing.T) {
	e := shared.opensearch
	p := start(t, withScorer(e, rig.NewScorer(t, rig.KeepOrder)), "RESIFT_ENGINE_MAX_ANSWER=20KiB")
	(&sameAnswer{send: post("/"+docs+"/_search", `{"query":{"match":{"text":"system"}},"size":2}`), want: "fallback answer_too_large"}).run(t, e, p)
	(&sameAnswer{send: post("/"+docs+"/_search", `{"query":{"match":{"text":"system"}},"size":0}`), want: "bypassed size_zero"}).run(t, e, p)
}

// TestSearchesAtOnce has room for one search: the next gets the engine's answer while that one is scored.
func TestSearchesAtOnce(t *testing.T) {
	e, s := shared.opensearch, rig.NewScorer(t, rig.KeepOrder)
	c := withScorer(e, s)
	c.rest += "\nlimits: {searches: 1}"
	c.indices = `[{match: "*", fields: [title, text], timeout: 30s}]`
	p := start(t, c)
	entered, release := s.HoldCalls()
	defer release()
	first := make(chan string, 1)
	r := post("/"+docs+"/_search", plainSearch)
	go func() {
		a, err := send(p.address, r)
		first <- fmt.Sprint(err, " ", a.resiftStatus())
	}()
	<-entered
	(&sameAnswer{send: r, want: "fallback overloaded"}).run(t, e, p)
	if a := p.ask(get("/_cat/indices/e2e-docs?h=index")); a.status != 200 {
		t.Errorf("what is no search waits: %s", a)
	}
	release()
	if got := <-first; got != "<nil> reranked" {
		t.Errorf("the first search: %s", got)
	}
	if got := p.ask(r).resiftStatus(); got != "reranked" {
		t.Errorf("when there is room again: %q", got)
	}
}

// TestClientGone leaves while the engine works: the engine's connection is closed too, and nothing stays behind.
func TestClientGone(t *testing.T) {
	gone := make(chan time.Duration, 10)
	f := newFakeEngine(t, func(_ int, conn *net.TCPConn) {
		begin := time.Now()
		conn.SetReadDeadline(time.Now().Add(20 * time.Second))
		conn.Read(make([]byte, 1)) // returns when the other side closes
		gone <- time.Since(begin)
	})
	p := start(t, withScorer(&engine{url: f.url}, rig.NewScorer(t, rig.KeepOrder)))
	for i, r := range []request{post("/x/_search", plainSearch), get("/_cat/indices")} {
		conn, err := net.Dial("tcp", p.address)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write(r.wire()); err != nil {
			t.Fatal(err)
		}
		eventually(t, "the engine has the request", 10*time.Second, func() bool { return f.seen() == i+1 })
		conn.Close()
		if took := <-gone; took > 10*time.Second {
			t.Errorf("%s: the engine's connection was open for %v", r.target, took)
		}
	}
	if n := f.seen(); n != 2 {
		t.Errorf("the engine got %d requests for 2", n)
	}
	eventually(t, "both are counted as canceled", 10*time.Second, func() bool {
		return metric(t, p, "resift_requests_total", `status="canceled"`) == 2
	})
}

// TestSlowClient sends a head, or a body, that never ends: the connection is given up, and others do not wait for it.
func TestSlowClient(t *testing.T) {
	c := withScorer(shared.opensearch, rig.NewScorer(t, rig.KeepOrder))
	c.rest += "\nlimits: {header_time: 700ms, body_time: 700ms, headers: 8KiB}"
	p := start(t, c)
	for name, start := range map[string]string{
		"head": "POST /e2e-docs/_search HTTP/1.1\r\nHost: x\r\nX-Slow",
		"body": "POST /e2e-docs/_search HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{\"query\"",
	} {
		t.Run(name, func(t *testing.T) {
			conn, err := net.Dial("tcp", p.address)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if _, err := conn.Write([]byte(start)); err != nil {
				t.Fatal(err)
			}
			if a := p.ask(post("/"+docs+"/_search", plainSearch)); a.resiftStatus() != "reranked" {
				t.Errorf("another client meanwhile: %s", a)
			}
			conn.SetReadDeadline(time.Now().Add(20 * time.Second))
			var got []byte
			for err == nil {
				part := make([]byte, 1000)
				var n int
				n, err = conn.Read(part)
				got = append(got, part[:n]...)
			}
			if os.IsTimeout(err) {
				t.Errorf("the connection is still open, having said %q", got)
			}
			if text := string(got); text != "" && !strings.HasPrefix(text, "HTTP/1.1 4") {
				t.Errorf("it was told %q", got)
			}
		})
	}
	a, err := send(p.address, get("/"+docs+"/_search?q=x", "X-Large: "+strings.Repeat("x", 64<<10)))
	if err == nil && a.status != 431 {
		t.Errorf("a header of 64 KiB: %s", a)
	}
}
