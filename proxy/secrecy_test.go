package proxy

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/reranker"
	"github.com/resift/resift/searchclient"
)

// TestNoFailureTellsSecrets takes a request down every way to fail, at log level debug, and looks for its credentials, its query and
// the engine's texts in logs, spans and the answers that are ours.
func TestNoFailureTellsSecrets(t *testing.T) {
	const hidden = "mysterious"
	says := func(status, header, body string) func(net.Conn) {
		return func(c net.Conn) {
			fmt.Fprintf(c, "HTTP/1.1 %s\r\nContent-Type: application/json\r\n%sContent-Length: %d\r\n\r\n%s", status, header, len(body), body)
		}
	}
	const echo = `{"error":{"reason":"no such query [mysterious]"},"status":400}`
	engines := map[string]func(net.Conn){
		"a refusal":           says("400 Bad Request", "", echo),
		"a fault":             says("500 Internal Server Error", "X-Echo: mysterious\r\n", echo),
		"a redirect":          says("302 Found", "Location: http://mysterious.example/\r\n", echo),
		"no JSON":             says("200 OK", "", "<mysterious>"),
		"no hits":             says("200 OK", "", `{"mysterious":1}`),
		"a broken coding":     says("200 OK", "Content-Encoding: gzip\r\n", "mysterious"),
		"an unknown coding":   says("200 OK", "Content-Encoding: mysterious\r\n", "mysterious"),
		"too large an answer": says("200 OK", "", `{"hits":{"hits":[]},"mysterious":"`+strings.Repeat("x", 20<<10)+`"}`),
		"no HTTP":             func(c net.Conn) { io.WriteString(c, "mysterious 200\r\n\r\n") },
		"a malformed field":   func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nmysterious field: 1\r\n\r\n") },
		"a malformed length":  func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: mysterious\r\n\r\n") },
		"malformed chunks": func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nmysterious\r\n")
		},
		"a cut answer":      func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nmysterious") },
		"more than it says": func(c net.Conn) { io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}mysterious") },
		"nothing":           func(c net.Conn) {},
		"silence":           func(c net.Conn) { gone(c) },
		"another protocol": func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 101 mysterious\r\nConnection: Upgrade\r\nUpgrade: mysterious\r\n\r\n")
		},
		"a stall in an answer": func(c net.Conn) {
			io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nmysterious")
			gone(c)
		},
	}
	for name, answer := range engines {
		t.Run(name, func(t *testing.T) {
			address := rawEngine(t, func(c net.Conn) {
				defer c.Close()
				from := bufio.NewReader(c)
				if req, err := http.ReadRequest(from); err == nil {
					io.Copy(io.Discard, req.Body)
					answer(c)
				}
			})
			o := startObservedBy(t, nil, setup{urls: []string{address}, client: func(o *searchclient.Options) {
				o.HeaderTimeout, o.StallTimeout, o.MaxAnswer = brief, brief, 10<<10
			}})
			o.failAll(t, hidden)
		})
	}
	t.Run("the model", func(t *testing.T) {
		e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
		o := startObservedBy(t, e, setup{rule: func(r *Rule) { r.Timeout = brief }})
		for _, score := range []func(context.Context, string, []string) (reranker.Result, error){
			func(_ context.Context, q string, p []string) (reranker.Result, error) {
				return reranker.Result{}, errors.New("the model failed")
			},
			func(ctx context.Context, q string, p []string) (reranker.Result, error) {
				<-ctx.Done()
				return reranker.Result{}, ctx.Err()
			},
			func(context.Context, string, []string) (reranker.Result, error) {
				return reranker.Result{}, reranker.ErrOverloaded
			},
			func(context.Context, string, []string) (reranker.Result, error) { panic("a fault") },
		} {
			o.scorer.score = score
			o.failAll(t, hidden)
		}
	})
	t.Run("refusals", func(t *testing.T) {
		e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
		o := startObservedBy(t, e, setup{options: func(o *Options) { o.Limits.BodyTime, o.Limits.StallTime = brief, brief }})
		const secret = "Host: x\r\nAuthorization: Bearer s3cr3t\r\n"
		for _, request := range []string{
			"POST /notes/_search?q=mysterious HTTP/1.1\r\n" + secret + "Content-Length: 1\r\nContent-Length: 1\r\n\r\n{",
			"POST /notes/_search?q=mysterious HTTP/1.1\r\n" + secret + "mysterious_field: mysterious\r\nContent-Length: 0\r\n\r\n",
			"POST /notes/_search?q=mysterious HTTP/1.1\r\n" + secret + "Connection: Authorization\r\nContent-Length: 0\r\n\r\n",
			"POST /notes/_search?q=mysterious HTTP/1.1\r\n" + secret + "X-Mysterious: " + strings.Repeat("mysterious", 8<<10) + "\r\n\r\n",
			"POST /notes/_search?q=mysterious HTTP/1.1\r\n" + secret + "Transfer-Encoding: chunked\r\n\r\nmysterious\r\n",
			"POST /notes/_search?q=mysterious HTTP/1.1\r\n" + secret + "Content-Length: 100\r\n\r\n{\"mysterious\"",
			"POST /_bulk?mysterious HTTP/1.1\r\n" + secret + "Content-Length: 100\r\n\r\n{\"mysterious\"",
			"POST /notes/_search?mysterious=%zz HTTP/1.1\r\n" + secret + "Content-Length: 100\r\n\r\n{\"mysterious\"",
			"TRACE /mysterious HTTP/1.1\r\n" + secret + "\r\n",
		} {
			res, body := rawExchange(t, o.rig, request)
			if res.StatusCode < 400 || strings.Contains(body, hidden) {
				t.Errorf("%.60q: %d %s", request, res.StatusCode, body)
			}
		}
		o.holdsNo(t, hidden, "s3cr3t")
	})
}

// failAll sends what may fail, and sees that nothing of it is told.
func (o observed) failAll(t *testing.T, hidden string) {
	t.Helper()
	for _, x := range []struct{ method, target, body string }{
		{"POST", "/notes/_search", `{"query":{"match":{"title":"mysterious words"}}}`},
		{"GET", "/notes/_search?q=mysterious+parameter", ""},
		{"POST", "/notes/_search", `{"query":{"match":{"title":"mysterious"}},"sort":["mysterious"]}`},
		{"POST", "/mysterious/_bulk", "mysterious"},
	} {
		a, err := o.try(t.Context(), x.method, x.target, x.body, "Authorization", "Bearer s3cr3t", "Cookie", "session=s3cr3t", "Accept-Encoding", "gzip")
		if err == nil && a.status >= 502 && strings.Contains(string(a.body), hidden) {
			t.Errorf("%s %s: %d %s", x.method, x.target, a.status, a.body)
		}
	}
	o.holdsNo(t, hidden, "s3cr3t")
}

// holdsNo looks for words in what was logged and traced.
func (o observed) holdsNo(t *testing.T, words ...string) {
	t.Helper()
	time.Sleep(10 * time.Millisecond) // what is told late
	spans, err := json.Marshal(o.spans.GetSpans())
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(spans), "resift.status") {
		t.Error("there are no spans to look at")
	}
	for where, text := range map[string]string{"log": o.logs.String(), "spans": string(spans)} {
		for _, word := range words {
			if at := strings.Index(strings.ToLower(text), word); at >= 0 {
				t.Errorf("%q stands in the %s: %.300s", word, where, text[max(0, at-150):])
			}
		}
	}
}
