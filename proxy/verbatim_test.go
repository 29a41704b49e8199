package proxy

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httptrace"
	"net/textproto"
	"strconv"
	"strings"
	"testing"
)

func TestPathAndQueryReachTheEngineAsSent(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	for _, uri := range []string{
		"/", "//", "/a//b", "/a/../b", "/a/./b", "/%3Clogstash-%7Bnow%2Fd%7D%3E/_doc/1", "/i/_doc/a%2Fb%20c%25", "/i/_doc/%E6%BC%A2", "/i/_doc/a+b",
		"/i,-j*/_count?q=a;b", "/_cat/indices?v&h=a;b&s=%zz", "/i/_doc/1?", "/i/_doc/1?a=1&a=2&&=", "/i/_doc/1?x=%", "/i/_doc/1?q=%00", "/i/_doc/1?a=b%20c+d",
		"/i/_search/template?x=;", "/i/_search?q=a;size=3", "/i/_search?size=1&q=%zz", "/_search?q=a&q=b;", "/i/_search?",
	} {
		before := len(e.requests())
		rawExchange(t, r, "GET "+uri+" HTTP/1.1\r\nHost: x\r\n\r\n")
		got := e.requests()
		if len(got) != before+1 || got[before].uri != uri {
			t.Errorf("%s arrived as %+v", uri, got[before:])
		}
	}
	rawExchange(t, r, "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n")
}

func TestEveryMethodPasses(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		w.Header().Set("X-Method", r.Method)
		w.Header().Set("Content-Length", "11")
		if r.Method != http.MethodHead {
			io.WriteString(w, "hello world")
		}
		return true
	}
	r := startProxy(t, e, setup{})
	for _, method := range []string{"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH", "PROPFIND"} {
		for _, body := range []string{"", "{}"} {
			if method == "HEAD" && body != "" {
				continue
			}
			a := r.do(t, method, "/notes/_doc/1", body)
			got := e.requests()[len(e.requests())-1]
			if got.method != method || string(got.body) != body || a.header.Get("X-Method") != method || a.header.Get("Content-Length") != "11" {
				t.Errorf("%s %q: engine got %s %q; client %v", method, body, got.method, got.body, a.header)
			}
			if method != "HEAD" && string(a.body) != "hello world" {
				t.Errorf("%s: %q", method, a.body)
			}
		}
	}
}

// TestAnswersPassAsTheyAre compares whole answers, direct and through the proxy.
func TestAnswersPassAsTheyAre(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	io.WriteString(z, `{"a":1}`)
	z.Close()
	answers := map[string]http.HandlerFunc{
		"/204": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"/304": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"x"`); w.WriteHeader(304) },
		"/301": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://elsewhere.example/", http.StatusMovedPermanently)
		},
		"/401": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Add("WWW-Authenticate", "Basic")
			w.Header().Add("WWW-Authenticate", "ApiKey")
			w.WriteHeader(401)
		},
		"/429": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Retry-After", "1")
			w.WriteHeader(429)
			io.WriteString(w, "{}")
		},
		"/503":   func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503); io.WriteString(w, `{"status":503}`) },
		"/empty": func(http.ResponseWriter, *http.Request) {},
		"/gzip": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Header().Set("Content-Type", "application/json")
			w.Write(zipped.Bytes())
		},
		"/untyped": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			io.WriteString(w, "<html>")
		},
		"/chunked": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain")
			w.(http.Flusher).Flush()
			io.WriteString(w, "x")
		},
		"/binary": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/cbor")
			w.Write([]byte{0, 255, 10, 13})
		},
		"/headers": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Warning"] = []string{`299 a "x"`, `299 b "y"`}
			w.Header().Set("X-elastic-product", "Elasticsearch")
		},
		"/big":         func(w http.ResponseWriter, _ *http.Request) { w.Write(bytes.Repeat([]byte("0123456789"), 100_000)) },
		"/_search/own": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(404) },
	}
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, r *http.Request, _ []byte) bool {
		answers[r.URL.Path](w, r)
		return true
	}
	r := startProxy(t, e, setup{})
	direct := &rig{Server: e.Server, client: r.client}
	for path := range answers {
		for _, method := range []string{"GET", "HEAD", "POST"} {
			want, got := direct.do(t, method, path, ""), r.do(t, method, path, "")
			want.header.Del("Date")
			got.header.Del("Date")
			if got.status != want.status || !bytes.Equal(got.body, want.body) {
				t.Errorf("%s %s: %d %q, want %d %q", method, path, got.status, cut(got.body), want.status, cut(want.body))
			}
			if a, b := headerLines(got.header), headerLines(want.header); a != b {
				t.Errorf("%s %s: %s, want %s", method, path, a, b)
			}
		}
	}
}

func headerLines(h http.Header) string {
	var b strings.Builder
	h.Write(&b)
	return b.String()
}

func TestInterimAnswersPass(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		w.Header().Set("Link", "</x>")
		w.WriteHeader(103)
		w.WriteHeader(200)
		return true
	}
	r := startProxy(t, e, setup{})
	var interim int
	req := httptest.NewRequest("GET", r.URL+"/x", nil)
	req.RequestURI = ""
	req = req.WithContext(httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		Got1xxResponse: func(code int, _ textproto.MIMEHeader) error { interim = code; return nil },
	}))
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if interim != 103 || res.StatusCode != 200 {
		t.Errorf("interim %d, final %d", interim, res.StatusCode)
	}
}

func TestExpectContinueIsAnswered(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	for _, size := range []int{10, smallBody + 10} {
		body := strings.Repeat("x", size)
		req, err := http.NewRequest("PUT", r.URL+"/notes/_doc/1", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Expect", "100-continue")
		res, err := r.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		got := e.requests()[len(e.requests())-1]
		if string(got.body) != body || got.header.Get("Content-Length") != strconv.Itoa(size) && size <= smallBody {
			t.Errorf("%d bytes: engine got %d, %v", size, len(got.body), got.header)
		}
	}
}
