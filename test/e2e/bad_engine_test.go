package e2e

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

// fakeEngine is a listener that answers as a test wants: no real engine lies.
type fakeEngine struct {
	url   string
	mu    sync.Mutex
	calls int
	last  http.Header
}

// newFakeEngine answers the n-th request, from 1 on, by what answer writes; then it closes the connection.
func newFakeEngine(t *testing.T, answer func(n int, conn *net.TCPConn)) *fakeEngine {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &fakeEngine{url: "http://" + l.Addr().String()}
	var all sync.WaitGroup
	all.Go(func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			all.Go(func() {
				defer conn.Close()
				conn.SetDeadline(time.Now().Add(exchangeLimit))
				r, err := http.ReadRequest(bufio.NewReader(conn))
				if err == nil {
					_, err = io.Copy(io.Discard, r.Body)
				}
				if err != nil {
					return
				}
				f.mu.Lock()
				f.calls++
				n := f.calls
				f.last = r.Header
				f.mu.Unlock()
				answer(n, conn.(*net.TCPConn))
			})
		}
	})
	t.Cleanup(func() { l.Close(); all.Wait() })
	return f
}

func (f *fakeEngine) seen() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls
}

const goodAnswer = `{"took":1,"timed_out":false,"_shards":{"total":1,"successful":1,"skipped":0,"failed":0},"hits":{"total":{"value":2,"relation":"eq"},"max_score":2.0,` +
	`"hits":[{"_index":"x","_id":"1","_score":2.0,"_source":{"title":"one"}},{"_index":"x","_id":"2","_score":1.0,"_source":{"title":"two"}}]}}`

func write(conn net.Conn, format string, args ...any) { fmt.Fprintf(conn, format, args...) } // a peer that left is the test's own doing

func whole(conn net.Conn, status, header, body string) {
	write(conn, "HTTP/1.1 %s\r\nContent-Type: application/json\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s", status, header, len(body), body)
}

// reset ends the connection with an RST.
func reset(conn *net.TCPConn) {
	conn.SetLinger(0)
	conn.Close()
}

// badEngine is a way to misbehave and what becomes of a search then.
type badEngine struct {
	name   string
	answer func(n int, conn *net.TCPConn)
	want   string // resift's status and reason
	status int    // 0: the answer breaks off
	calls  int    // requests that the engine got; 0: any number
	check  func(t *testing.T, a answer)
}

func badEngines() []badEngine {
	const refusal = `{"error":{"type":"x","reason":"é\u0000"},"status":%s}`
	says := func(status, header string) func(int, *net.TCPConn) {
		return func(_ int, conn *net.TCPConn) { whole(conn, status, header, fmt.Sprintf(refusal, status[:3])) }
	}
	isRefusal := func(header, value string) func(*testing.T, answer) {
		return func(t *testing.T, a answer) {
			if want := fmt.Sprintf(refusal, fmt.Sprint(a.status)); string(a.body) != want {
				t.Errorf("body %q, want %q", a.body, want)
			}
			if got := a.header.Get(header); got != value {
				t.Errorf("%s is %q, want %q", header, got, value)
			}
		}
	}
	isGood := func(t *testing.T, a answer) {
		if string(a.body) != goodAnswer {
			t.Errorf("body %q, want the engine's own", a.body)
		}
	}
	half := func(conn net.Conn) {
		write(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(goodAnswer), goodAnswer[:200])
	}
	return []badEngine{
		{"closes without a word", func(_ int, conn *net.TCPConn) {}, "fallback engine_unreachable", 502, 0, isOurs},
		{"resets without a word", func(_ int, conn *net.TCPConn) { reset(conn) }, "fallback engine_unreachable", 502, 0, isOurs},
		{"speaks no HTTP", func(_ int, conn *net.TCPConn) { write(conn, "220 mail.example ESMTP\r\n") }, "fallback engine_unreachable", 502, 0, isOurs},
		{"is too slow", func(_ int, conn *net.TCPConn) { time.Sleep(1500 * time.Millisecond) }, "fallback engine_timeout", 504, 1, isLate},
		{"resets mid-body", func(_ int, conn *net.TCPConn) { half(conn); time.Sleep(50 * time.Millisecond); reset(conn) }, "", 0, 2, nil},
		{"resets mid-body once", func(n int, conn *net.TCPConn) {
			if n == 1 {
				half(conn)
				time.Sleep(50 * time.Millisecond)
				reset(conn)
				return
			}
			whole(conn, "200 OK", "", goodAnswer)
		}, "fallback engine_unreachable", 200, 2, isGood},
		{"promises more than it sends", func(_ int, conn *net.TCPConn) { half(conn) }, "", 0, 2, nil},
		{"sends more than it promises", func(_ int, conn *net.TCPConn) {
			write(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n%s", goodAnswer)
		}, "fallback answer", 200, 2, func(t *testing.T, a answer) {
			if string(a.body) != goodAnswer[:100] {
				t.Errorf("body %q", a.body)
			}
		}},
		{"breaks off its chunks", func(_ int, conn *net.TCPConn) {
			write(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", 200, goodAnswer[:200])
		}, "", 0, 2, nil},
		{"promises a length beyond reason", func(_ int, conn *net.TCPConn) {
			write(conn, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 9223372036854775807\r\n\r\n%s", goodAnswer)
		}, "", 0, 2, nil},
		{"redirects", says("302 Found", "Location: http://127.0.0.1:1/elsewhere\r\n"), "fallback engine_status", 302, 2, isRefusal("Location", "http://127.0.0.1:1/elsewhere")},
		{"wants to know who asks", says("401 Unauthorized", "WWW-Authenticate: Basic realm=\"engine\"\r\n"), "fallback engine_status", 401, 1, isRefusal("Www-Authenticate", `Basic realm="engine"`)},
		{"forbids", says("403 Forbidden", ""), "fallback engine_status", 403, 1, isRefusal("X-None", "")},
		{"has no such index", says("404 Not Found", "Warning: 299 x \"y\"\r\n"), "fallback engine_status", 404, 1, isRefusal("Warning", `299 x "y"`)},
		{"is busy", says("429 Too Many Requests", "Retry-After: 7\r\n"), "fallback engine_status", 429, 2, isRefusal("Retry-After", "7")},
		{"has failed", says("500 Internal Server Error", ""), "fallback engine_status", 500, 2, isRefusal("X-None", "")},
		{"is not ready", says("503 Service Unavailable", "Retry-After: 1\r\n"), "fallback engine_status", 503, 2, isRefusal("Retry-After", "1")},
		{"answers in another language", func(_ int, conn *net.TCPConn) { whole(conn, "200 OK", "", "<html>welcome</html>") }, "fallback answer", 200, 2, nil},
		{"answers with no hits member", func(_ int, conn *net.TCPConn) { whole(conn, "200 OK", "", `{"acknowledged":true}`) }, "fallback answer", 200, 2, nil},
		{"answers with half an object", func(_ int, conn *net.TCPConn) { whole(conn, "200 OK", "", goodAnswer[:len(goodAnswer)-1]) }, "fallback answer", 200, 2, nil},
		{"answers with nothing", func(_ int, conn *net.TCPConn) { whole(conn, "200 OK", "", "") }, "fallback answer", 200, 2, nil},
		{"answers well", func(_ int, conn *net.TCPConn) { whole(conn, "200 OK", "", goodAnswer) }, "reranked", 200, 1, nil},
	}
}

// isOurs holds an error of resift to the engine's shape and to saying nothing of addresses.
func isOurs(t *testing.T, a answer) { holdOurs(t, a, "engine_unreachable_exception", 502) }

func isLate(t *testing.T, a answer) { holdOurs(t, a, "engine_timeout_exception", 504) }

func holdOurs(t *testing.T, a answer, kind string, status int) {
	t.Helper()
	text := string(a.body)
	for _, part := range []string{`{"error":{"root_cause":[{"type":"` + kind + `"`, fmt.Sprintf(`"status":%d`, status), "[request "} {
		if !strings.Contains(text, part) {
			t.Errorf("error lacks %s: %s", part, text)
		}
	}
	if strings.Contains(text, "127.0.0.1") {
		t.Errorf("error tells an address: %s", text)
	}
}

// TestBadEngine puts engines behind resift that do what engines should not.
func TestBadEngine(t *testing.T) {
	for _, b := range badEngines() {
		t.Run(b.name, func(t *testing.T) {
			t.Parallel()
			f := newFakeEngine(t, b.answer)
			c := withScorer(&engine{url: f.url}, rig.NewScorer(t, rig.ReverseOrder))
			p := start(t, c, "RESIFT_ENGINE_HEADER_TIMEOUT=700ms")
			begin := time.Now()
			a, err := send(p.address, post("/x/_search", `{"query":{"match":{"text":"one"}}}`, "Authorization: Basic eDp5", "Content-Type: application/json"))
			switch {
			case b.status == 0 && err == nil:
				t.Errorf("an answer that broke off came as %s", a)
			case b.status == 0:
			case err != nil:
				t.Fatal(err)
			case a.status != b.status || a.resiftStatus() != b.want:
				t.Errorf("%s, want %d %q", a, b.status, b.want)
			case b.check != nil:
				b.check(t, a)
			}
			if took := time.Since(begin); took > 20*time.Second {
				t.Errorf("took %v", took)
			}
			if n := f.seen(); b.calls > 0 && n != b.calls {
				t.Errorf("the engine got %d requests, want %d", n, b.calls)
			}
			if got := f.last.Get("Authorization"); got != "Basic eDp5" {
				t.Errorf("the engine saw the credentials %q", got)
			}
		})
	}
}

// TestEngineDown has no engine at all, for a search and for the rest.
func TestEngineDown(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	url := "http://" + l.Addr().String()
	l.Close()
	p := start(t, withScorer(&engine{url: url}, rig.NewScorer(t, rig.KeepOrder)))
	a := p.ask(post("/x/_search", `{"query":{"match":{"text":"one"}}}`))
	if a.status != 502 || a.resiftStatus() != "fallback engine_unreachable" {
		t.Errorf("search: %s", a)
	}
	isOurs(t, a)
	if a = p.ask(get("/_cat/indices")); a.status != 502 {
		t.Errorf("cat: %s", a)
	}
	isOurs(t, a)
	if status, body := fetch(t, p.Admin+"/readyz"); status != 503 || !strings.Contains(body, "unreachable") {
		t.Errorf("readyz: %d %s", status, body)
	}
	if status, body := fetch(t, p.Admin+"/healthz"); status != 200 {
		t.Errorf("healthz: %d %s", status, body)
	}
}

// TestStrayBytesAreNotLogged has an engine send more than it said: net/http would print how that begins.
func TestStrayBytesAreNotLogged(t *testing.T) {
	closed := make(chan struct{}, 1)
	f := newFakeEngine(t, func(_ int, conn *net.TCPConn) {
		write(conn, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}")
		time.Sleep(20 * time.Millisecond) // the connection is idle by now, or has more than the answer: both are told
		write(conn, "a document's words")
		conn.Read(make([]byte, 1)) // returns when resift has given the connection up
		closed <- struct{}{}
	})
	c := withScorer(&engine{url: f.url}, rig.NewScorer(t, rig.KeepOrder))
	p := start(t, c, "RESIFT_LOG_LEVEL=debug")
	p.ask(get("/_cat/indices"))
	<-closed
	if log := p.Log.String(); strings.Contains(log, "document's") {
		t.Error(log)
	}
}
