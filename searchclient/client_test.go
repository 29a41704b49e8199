package searchclient

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/resift/resift/searchclient/coding"
)

const okAnswer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nWarning: 299 one\r\nWarning: 299 two\r\nX-Elastic-Product: Elasticsearch\r\n\r\n{}"

func TestRequestsGoOutAsTheyStand(t *testing.T) {
	targets := []string{
		"/docs/_search", "/", "/_search?q=a+b%20c", "/a%2Fb/%5Blogs%5D/_search", "/%3Clogs-%7Bnow%2Fd%7D%3E/_search?x=1;y=2&&x=%zz",
		"/a|b^c/_search", "/é/_search", "/a//b/../c/.", "/_search?", "//_search", "/docs/_doc/a%00b", "/a:b/c",
	}
	for _, prefix := range []string{"", "/es/v%2F1"} {
		heads := make(chan string, len(targets))
		e := startRaw(t, func(conn net.Conn, r *bufio.Reader, _ int) {
			for range targets {
				head, _ := readRequest(t, r)
				heads <- head
				io.WriteString(conn, okAnswer)
			}
		})
		c := open(t, nil, e.url+prefix)
		for _, target := range targets {
			req := httptest.NewRequest("PUT", target, strings.NewReader("{}"))
			req.RequestURI = ""
			req.Host = "client.example"
			req.Header = http.Header{"X-Two": {"a", "b"}, "Authorization": {"ApiKey x"}, "X-Elastic-Client-Meta": {"es=1"}}
			res, err := c.RoundTrip(req)
			if err != nil {
				t.Fatalf("%s: %v", target, err)
			}
			io.Copy(io.Discard, res.Body)
			res.Body.Close()
			if len(res.Header["Warning"]) != 2 || res.Header.Get("X-Elastic-Product") != "Elasticsearch" {
				t.Errorf("%s: answer has the header %v", target, res.Header)
			}
			want := "PUT " + prefix + target + " HTTP/1.1\r\nHost: " + strings.TrimPrefix(e.url, "http://") +
				"\r\nContent-Length: 2\r\nAuthorization: ApiKey x\r\nX-Elastic-Client-Meta: es=1\r\nX-Two: a\r\nX-Two: b\r\n\r\n"
			if got := <-heads; got != want {
				t.Errorf("%s went out as\n%q, want\n%q", target, got, want)
			}
			if req.URL.String() != mustParse(t, target).String() || len(req.Header) != 3 || req.Host != "client.example" {
				t.Errorf("%s: the caller's request was changed", target)
			}
		}
		c.Close()
	}
}

func TestUserAgentIsTheCallers(t *testing.T) {
	seen := make(chan []string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { seen <- r.Header["User-Agent"] }))
	defer s.Close()
	c := open(t, nil, s.URL)
	for _, agent := range []string{"", "elasticsearch-py/9.1"} {
		req := httptest.NewRequest("GET", "/", nil)
		req.Header = http.Header{}
		if agent != "" {
			req.Header.Set("User-Agent", agent)
		}
		res, err := c.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		res.Body.Close()
		if got := strings.Join(<-seen, "|"); got != agent {
			t.Errorf("the engine saw the agent %q, want %q", got, agent)
		}
	}
}

func TestNothingIsFollowed(t *testing.T) {
	elsewhere := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s reached another host, with Authorization %q", r.Method, r.URL, r.Header.Get("Authorization"))
	}))
	defer elsewhere.Close()
	for _, status := range []int{301, 302, 307, 308, 401, 403, 404, 429, 500, 503} {
		calls := 0
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			calls++
			w.Header().Set("Location", elsewhere.URL)
			w.Header().Set("Retry-After", "7")
			w.WriteHeader(status)
			io.WriteString(w, `{"status":"as it is"}`)
		}))
		c := open(t, nil, s.URL)
		res, err := search(context.Background(), c)
		if err != nil || res.StatusCode != status || string(res.Body) != `{"status":"as it is"}` || res.Header.Get("Retry-After") != "7" {
			t.Errorf("status %d: %+v, %v", status, res, err)
		}
		if calls != 1 {
			t.Errorf("status %d: the engine was asked %d times", status, calls)
		}
		c.Close()
		s.Close()
	}
}

// TestCompressedAnswers has successes decoded, within the bound, and refusals left as they come.
func TestCompressedAnswers(t *testing.T) {
	var c coding.Coder
	page := []byte(`{"hits":{"hits":[]}}` + strings.Repeat(" ", 10_000))
	for _, x := range []struct {
		name, encoding string
		status         int
		body           []byte
		coding         string // of the response
		want           []byte
		err            error
	}{
		{"gzip", "gzip", 200, c.Encode(nil, coding.Gzip, page), coding.Gzip, page, nil},
		{"deflate", "Deflate", 201, c.Encode(nil, coding.Deflate, page), coding.Deflate, page, nil},
		{"a refusal", "gzip", 403, c.Encode(nil, coding.Gzip, page), coding.Identity, c.Encode(nil, coding.Gzip, page), nil},
		{"a refusal in parts unknown", "br", 500, []byte("?"), coding.Identity, []byte("?"), nil},
		{"broken", "gzip", 200, []byte("\x1f\x8bzipped"), "", nil, coding.ErrBroken},
		{"unknown", "br", 200, []byte("?"), "", nil, coding.ErrUnknown},
		{"a bomb", "gzip", 200, c.Encode(nil, coding.Gzip, make([]byte, 8<<20)), "", nil, ErrTooLarge},
	} {
		t.Run(x.name, func(t *testing.T) {
			s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header["Accept-Encoding"]; len(got) != 0 {
					t.Errorf("asked for the encodings %v", got)
				}
				w.Header().Set("Content-Encoding", x.encoding)
				w.WriteHeader(x.status)
				w.Write(x.body)
			}))
			defer s.Close()
			res, err := search(context.Background(), open(t, func(o *Options) { o.MaxAnswer = 64 << 10 }, s.URL))
			if !errors.Is(err, x.err) {
				t.Fatal(err)
			}
			if err != nil {
				return
			}
			if !bytes.Equal(res.Body, x.want) || res.Coding != x.coding || (res.Header.Get("Content-Encoding") == "") != (x.coding != coding.Identity) {
				t.Errorf("%d bytes, coding %q, %v", len(res.Body), res.Coding, res.Header)
			}
		})
	}
}

// go-elasticsearch's requests run over a Client, and so against engines that send no product header.
func TestRequestsOfGoElasticsearch(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != "POST" || r.URL.Path != "/docs/_search" || r.URL.RawQuery != "size=3" {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		io.Copy(w, r.Body)
	}))
	defer s.Close()
	size := 3
	res, err := esapi.SearchRequest{Index: []string{"docs"}, Size: &size, Body: strings.NewReader(`{"echo":1}`)}.
		Do(context.Background(), open(t, nil, s.URL))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if body, err := io.ReadAll(res.Body); err != nil || string(body) != `{"echo":1}` {
		t.Errorf("answer %q, %v", body, err)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, urls := range [][]string{
		nil, {""}, {"127.0.0.1:9200"}, {"ftp://a"}, {"http://"}, {"http://:9200"}, {"http://u:secret@a:9200"}, {"http://a/?x=1"},
		{"http://a/#f"}, {"http://a", "http://b?"}, {"http://a b"},
	} {
		_, err := New(Options{URLs: urls})
		if err == nil {
			t.Errorf("%q were accepted", urls)
		} else if strings.Contains(err.Error(), "secret") {
			t.Errorf("the error shows a password: %v", err)
		}
	}
	if _, err := New(Options{URLs: []string{"https://a:9200/prefix/", "http://[::1]:9200"}}); err != nil {
		t.Error(err)
	}
}
