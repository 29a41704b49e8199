package proxy

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/searchclient"
)

// Limits that tests wait for: brief where nothing else has to happen within them, soon where a busy machine has to be quick enough.
const (
	brief = 200 * time.Millisecond
	soon  = 1500 * time.Millisecond
)

// gone waits for the other end of c to close it.
func gone(c net.Conn) error {
	c.SetReadDeadline(time.Now().Add(30 * time.Second))
	_, err := io.Copy(io.Discard, c)
	if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		return err
	}
	return nil
}

// TestSilentEngineIsAskedOnce has an engine take requests and say nothing: a search costs its client one header_timeout, not one for
// the first stage and one for its own search.
func TestSilentEngineIsAskedOnce(t *testing.T) {
	asked := make(chan string, 10)
	address := rawEngine(t, func(c net.Conn) {
		defer c.Close()
		from := bufio.NewReader(c)
		if req, err := http.ReadRequest(from); err == nil {
			io.Copy(io.Discard, req.Body)
			asked <- req.URL.Path
			gone(c)
		}
	})
	for _, onFailure := range []FailureMode{OnFailureEngine, OnFailureError} {
		r := startProxy(t, nil, setup{
			urls: []string{address}, client: func(o *searchclient.Options) { o.HeaderTimeout = soon },
			rule: func(rule *Rule) { rule.OnFailure = onFailure },
		})
		a := r.search(t, "")
		a.expect(t, StatusFallback, ReasonEngineTimeout)
		if a.status != 504 || !strings.Contains(string(a.body), `"type":"engine_timeout_exception"`) || !strings.HasSuffix(string(a.body), `"status":504}`) {
			t.Errorf("a search: %d %s", a.status, a.body)
		}
		<-asked
		if n := len(asked); n != 0 {
			t.Errorf("the engine was asked %d times more", n)
		}
	}
	r := startProxy(t, nil, setup{urls: []string{address}, client: func(o *searchclient.Options) { o.HeaderTimeout = soon }})
	for _, target := range []string{"/_cat/indices", "/notes/_search"} { // a GET without a query is forwarded
		if a := r.do(t, "GET", target, ""); a.status != 504 || !strings.Contains(string(a.body), "engine_timeout_exception") {
			t.Errorf("%s: %d %s", target, a.status, a.body)
		}
	}
}

// TestEngineThatRefusesAndFallsSilent has the first stage answered, and the client's own search not.
func TestEngineThatRefusesAndFallsSilent(t *testing.T) {
	address := rawEngine(t, func(c net.Conn) {
		defer c.Close()
		from := bufio.NewReader(c)
		for n := 0; ; n++ {
			req, err := http.ReadRequest(from)
			if err != nil {
				return
			}
			io.Copy(io.Discard, req.Body)
			if n == 0 {
				io.WriteString(c, "HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}")
			}
		}
	})
	r := startProxy(t, nil, setup{urls: []string{address}, client: func(o *searchclient.Options) { o.HeaderTimeout = soon }})
	a := r.search(t, "")
	a.expect(t, StatusFallback, ReasonEngineStatus)
	if a.status != 504 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestEngineThatStallsInAnAnswer sends half an answer and no more.
func TestEngineThatStallsInAnAnswer(t *testing.T) {
	ended := make(chan error, 10)
	address := rawEngine(t, func(c net.Conn) {
		defer c.Close()
		from := bufio.NewReader(c)
		if req, err := http.ReadRequest(from); err == nil {
			io.Copy(io.Discard, req.Body)
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"took\":")
			ended <- gone(c)
		}
	})
	r := startProxy(t, nil, setup{urls: []string{address}, client: func(o *searchclient.Options) { o.StallTimeout = brief }})
	if a, err := r.try(t.Context(), "GET", "/_cat/indices", ""); err == nil {
		t.Errorf("the client took %d %q for whole", a.status, a.body)
	}
	if err := <-ended; err != nil {
		t.Errorf("forwarded: the engine's connection: %v", err)
	}
	a := r.search(t, "")
	a.expect(t, StatusFallback, ReasonEngineTimeout)
	if err := <-ended; err != nil || a.status != 504 {
		t.Errorf("a search: %d %s, the engine's connection: %v", a.status, a.body, err)
	}
}

// TestEngineThatTakesNoMore stops reading in the middle of a bulk.
func TestEngineThatTakesNoMore(t *testing.T) {
	release := make(chan struct{})
	address := rawEngine(t, func(c net.Conn) {
		defer c.Close()
		io.ReadFull(c, make([]byte, 1000))
		<-release
	})
	defer close(release)
	r := startProxy(t, nil, setup{urls: []string{address}, client: func(o *searchclient.Options) { o.StallTimeout = brief }})
	a := r.do(t, "POST", "/_bulk", strings.Repeat("x", 32<<20))
	if a.status != 504 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestClientThatStallsInABody sends part of it: of a small body, of one that streams, and of a search too large to be planned.
func TestClientThatStallsInABody(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{options: func(o *Options) { o.Limits.StallTime, o.Limits.Body = brief, 2000 }})
	for name, request := range map[string]string{
		"small":    "POST /_bulk HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{",
		"a stream": fmt.Sprintf("POST /_bulk HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", 2*smallBody, strings.Repeat("x", smallBody+100)),
		"chunks":   fmt.Sprintf("POST /_bulk HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s", 2*smallBody, strings.Repeat("x", smallBody+100)),
		"a search": "POST /notes/_search HTTP/1.1\r\nHost: x\r\nContent-Length: 4000\r\n\r\n{" + strings.Repeat(" ", 3000),
	} {
		res, body := rawExchange(t, r, request)
		if res.StatusCode != 408 || !res.Close || !strings.Contains(body, "timeout_exception") {
			t.Errorf("%s: %d, close %v, %s", name, res.StatusCode, res.Close, body)
		}
	}
	if n := len(e.requests()); n != 0 { // startEngine records whole requests
		t.Errorf("the engine got %d whole requests", n)
	}
}

// TestClientThatTakesNoMore stops reading in the middle of an answer without end: the engine is told to stop.
func TestClientThatTakesNoMore(t *testing.T) {
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		t.Run(proto, func(t *testing.T) {
			stopped := make(chan struct{}, 1)
			e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
			e.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
				for piece := make([]byte, 1<<20); ; {
					if _, err := w.Write(piece); err != nil {
						stopped <- struct{}{}
						return true
					}
				}
			}
			r := startTLSProxy(t, e, setup{options: func(o *Options) { o.Limits.StallTime = brief }}, proto == "HTTP/2.0")
			res, err := r.client.Get(r.URL + "/_cat/indices")
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			if res.Proto != proto {
				t.Fatal(res.Proto)
			}
			select {
			case <-stopped:
			case <-time.After(30 * time.Second):
				t.Error("the engine still writes")
			}
		})
	}
}

// TestSlowStreamsGoOn has both sides send for longer than a stall may last, a piece at a time.
func TestSlowStreamsGoOn(t *testing.T) {
	t.Parallel()
	const stall, pieces = 3 * time.Second, 8
	for _, h2 := range []bool{false, true} {
		t.Run(fmt.Sprint("HTTP/2 ", h2), func(t *testing.T) {
			t.Parallel()
			e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
			e.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
				for range pieces {
					time.Sleep(stall / 6)
					io.WriteString(w, "piece")
					http.NewResponseController(w).Flush()
				}
				return true
			}
			r := startTLSProxy(t, e, setup{
				options: func(o *Options) { o.Limits.StallTime = stall },
				client:  func(o *searchclient.Options) { o.StallTimeout = stall },
			}, h2)
			slow, in := io.Pipe()
			go func() {
				defer in.Close()
				in.Write(make([]byte, smallBody)) // so that it streams
				for range pieces {
					time.Sleep(stall / 6)
					io.WriteString(in, "piece")
				}
			}()
			res, err := r.client.Post(r.URL+"/_bulk", "application/x-ndjson", slow)
			if err != nil {
				t.Fatal(err)
			}
			defer res.Body.Close()
			body, err := io.ReadAll(res.Body)
			if err != nil || string(body) != strings.Repeat("piece", pieces) || len(e.requests()[0].body) != smallBody+5*pieces {
				t.Errorf("%d %q %v, the engine got %d bytes", res.StatusCode, body, err, len(e.requests()[0].body))
			}
		})
	}
}

// startTLSProxy is startProxy with TLS to the client, and HTTP/2 if it is wanted.
func startTLSProxy(t *testing.T, e *engine, s setup, h2 bool) *rig {
	t.Helper()
	borrowed := httptest.NewTLSServer(nil) // for its certificate
	defer borrowed.Close()
	r := startProxy(t, e, s)
	options := ServerOptions{TLS: &tls.Config{Certificates: borrowed.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}}
	server := NewServer(r.Config.Handler, options)
	server.ErrorLog = r.Config.ErrorLog
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- server.Serve(Guard(l, options)) }()
	transport := &http.Transport{
		DisableCompression: true, ForceAttemptHTTP2: h2,
		TLSClientConfig: borrowed.Client().Transport.(*http.Transport).TLSClientConfig.Clone(),
	}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		server.Close()
		<-done
	})
	secure := *r
	secure.Server = &httptest.Server{URL: "https://" + l.Addr().String()}
	secure.client = &http.Client{Transport: transport}
	return &secure
}
