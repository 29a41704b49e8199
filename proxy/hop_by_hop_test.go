package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
)

// rawExchange sends bytes as they are and reads one answer.
func rawExchange(t *testing.T, r *rig, request string) (*http.Response, string) {
	t.Helper()
	conn, err := net.Dial("tcp", r.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	res, err := http.ReadResponse(bufio.NewReader(conn), &http.Request{Method: method})
	if err != nil {
		t.Fatal(err)
	}
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res, string(body)
}

func TestHopByHopFieldsOfTheRequestEndHere(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	for _, target := range []string{"/_cat/indices", "/notes/_search"} {
		rawExchange(t, r, "POST "+target+" HTTP/1.1\r\nHost: search.example\r\nConnection: keep-alive, X-Hop, Upgrade, HTTP2-Settings\r\nX-Hop: 1\r\n"+
			"Keep-Alive: timeout=5\r\nProxy-Connection: keep-alive\r\nProxy-Authorization: Basic eDp5\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMA\r\n"+
			"TE: trailers, gzip\r\nX-Stay: 1\r\nAuthorization: Basic YTpi\r\nX-Resift-Window: 5\r\nX-Forwarded-For: 6.6.6.6\r\nForwarded: for=6.6.6.6\r\n"+
			"Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}")
		got := e.requests()[len(e.requests())-1]
		for _, name := range []string{"Connection", "X-Hop", "Keep-Alive", "Proxy-Connection", "Proxy-Authorization", "Upgrade",
			"Http2-Settings", "X-Resift-Window", "X-Forwarded-For", "X-Forwarded-Host", "Forwarded"} {
			if v, ok := got.header[name]; ok {
				t.Errorf("%s: the engine got %s: %q", target, name, v)
			}
		}
		if te := got.header.Get("Te"); te != "" && te != "trailers" {
			t.Errorf("%s: TE %q", target, te)
		}
		if got.header.Get("X-Stay") != "1" || got.header.Get("Authorization") != "Basic YTpi" {
			t.Errorf("%s: end-to-end fields are gone: %v", target, got.header)
		}
		if want := strings.TrimPrefix(e.URL, "http://"); got.host != want {
			t.Errorf("%s: Host %q, want the engine's, %q", target, got.host, want)
		}
	}
}

func TestFirstStageCarriesTheClientsFields(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	a := r.search(t, "", "Authorization", "Bearer abc", "X-Opaque-Id", "mine", "Accept-Encoding", "gzip, br", "X-Resift-Mode", "rerank",
		"X-Forwarded-For", "6.6.6.6", "Connection", "X-Hop", "X-Hop", "1")
	a.expect(t, StatusReranked, "")
	h := e.requests()[0].header
	if h.Get("Authorization") != "Bearer abc" || h.Get("X-Opaque-Id") != "mine" || h.Get("Accept-Encoding") != "gzip" { // the engine's habit is to be learned
		t.Errorf("first stage: %v", h)
	}
	for _, name := range []string{"X-Resift-Mode", "X-Forwarded-For", "X-Hop", "Connection"} {
		if v, ok := h[name]; ok {
			t.Errorf("first stage carries %s: %q", name, v)
		}
	}
}

func TestHopByHopFieldsOfTheAnswerEndHere(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, _ *http.Request, body []byte) bool {
		h := w.Header()
		h.Set("Connection", "X-Hop")
		h.Set("X-Hop", "1")
		h.Set("Keep-Alive", "timeout=1")
		h.Set("Proxy-Authenticate", "Basic")
		h.Set("X-Stay", "1")
		return false
	}
	r := startProxy(t, e, setup{})
	for _, a := range []answer{r.do(t, "GET", "/_cat/indices", ""), r.search(t, ""), r.search(t, `,"sort":["n"]`)} {
		for _, name := range []string{"Connection", "X-Hop", "Keep-Alive", "Proxy-Authenticate"} {
			if v, ok := a.header[name]; ok {
				t.Errorf("the client got %s: %q", name, v)
			}
		}
		if a.header.Get("X-Stay") != "1" {
			t.Errorf("end-to-end fields are gone: %v", a.header)
		}
	}
}

func TestConnectionMayNotNominateEndToEndFields(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	for _, name := range []string{"Authorization", "authorization", "Cookie", "Content-Type", "Host", "X-Opaque-Id", "es-security-runas-user",
		"X-Resift-Mode", "traceparent", "X-Forwarded-For"} {
		for _, target := range []string{"/_cluster/health", "/notes/_search"} {
			a := r.do(t, "GET", target, "", "Connection", "close, "+name, "Authorization", "Basic YTpi")
			if a.status != 400 || !strings.Contains(string(a.body), "illegal_argument_exception") {
				t.Errorf("Connection: %s: %d %s", name, a.status, a.body)
			}
		}
	}
	if n := len(e.requests()); n != 0 {
		t.Errorf("the engine got %d of them", n)
	}
}

func TestMethodsAndUpgradesThatAreRefused(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	for _, c := range []struct {
		request string
		status  int
	}{
		{"TRACE / HTTP/1.1\r\nHost: x\r\n\r\n", 405},
		{"CONNECT other:443 HTTP/1.1\r\nHost: other:443\r\n\r\n", 405},
		{"GET / HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", 400},
	} {
		res, body := rawExchange(t, r, c.request)
		if res.StatusCode != c.status || !strings.HasPrefix(body, `{"error":{"root_cause":[{"type":"`) ||
			!strings.HasSuffix(body, fmt.Sprintf(`"status":%d}`, c.status)) {
			t.Errorf("%q: %d %s", c.request, res.StatusCode, body)
		}
	}
	if n := len(e.requests()); n != 0 {
		t.Errorf("the engine got %d of them", n)
	}
}

func TestTrustedForwardingFieldsPassWithThePeerAdded(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{options: func(o *Options) { o.TrustForwarded = true }})
	r.do(t, "GET", "/_cat/indices", "", "X-Forwarded-For", "10.1.2.3", "X-Forwarded-Proto", "https")
	r.search(t, "", "X-Forwarded-For", "10.1.2.3", "X-Forwarded-Proto", "https")
	for _, got := range e.requests() {
		if got.header.Get("X-Forwarded-For") != "10.1.2.3, 127.0.0.1" || got.header.Get("X-Forwarded-Proto") != "https" {
			t.Errorf("%s: %v", got.uri, got.header)
		}
	}
}
