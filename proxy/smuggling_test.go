package proxy

import (
	"fmt"
	"strings"
	"testing"
)

// TestSmuggledRequestsNeverReachTheEngine hides a request behind one whose length two programs could read differently. Package wire
// knows all variants; here the answer is the engine's shape, it is counted, and neither request goes on.
func TestSmuggledRequestsNeverReachTheEngine(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startObserved(t, e)
	const hidden = "0\r\n\r\nDELETE /notes HTTP/1.1\r\nHost: x\r\n\r\n"
	refused := 0
	for name, x := range map[string]struct {
		fields string
		status int
	}{
		"length beside chunks":   {"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", 400},
		"chunks in HTTP/1.0":     {"Transfer-Encoding: chunked\r\n", 400},
		"chunked, identity":      {"Transfer-Encoding: chunked, identity\r\n", 400},
		"length twice":           {"Content-Length: 4\r\nContent-Length: 4\r\n", 400},
		"a list of lengths":      {"Content-Length: 4, 4\r\n", 400},
		"a space before a colon": {"Transfer-Encoding : chunked\r\n", 400},
		"a fold":                 {"X-Note: a\r\n Content-Length: 4\r\n", 400},
		"a bare LF":              {"X-Note: a\nContent-Length: 4\r\n", 400},
		"NUL":                    {"X-Note: a\x00b\r\n", 400},
		"a large header":         {"X-Note: " + strings.Repeat("x", 70<<10) + "\r\n", 431},
	} {
		version := "HTTP/1.1"
		if strings.HasSuffix(name, "1.0") {
			version = "HTTP/1.0"
		}
		for _, target := range []string{"/_cat/indices", "/notes/_search"} {
			res, body := rawExchange(t, r.rig, "POST "+target+" "+version+"\r\nHost: x\r\nConnection: keep-alive\r\n"+x.fields+"\r\n"+hidden)
			if res.StatusCode != x.status || !res.Close || !strings.HasPrefix(body, `{"error":{"root_cause":[{"type":"`) ||
				!strings.HasSuffix(body, fmt.Sprintf(`"status":%d}`, x.status)) {
				t.Errorf("%s: %d, close %v, %s", name, res.StatusCode, res.Close, body)
			}
			refused++
		}
	}
	if n := len(e.requests()); n != 0 {
		t.Errorf("the engine got %d requests", n)
	}
	if got, want := counts(t, r.collect(t)["resift.requests"]), fmt.Sprintf("refused/ %d", refused); len(got) != 1 || got[0] != want {
		t.Errorf("counted %q, want %q", got, want)
	}
}

// TestBrokenChunksBreakTheEnginesRequestOff has a chunk go wrong in a body that is on its way already: neither the rest of it nor
// what is hidden in it goes on.
func TestBrokenChunksBreakTheEnginesRequestOff(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	for _, rest := range []string{"5;\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "5 \r\nhello\r\n0\r\n\r\n", "0\r\nX: 1\n\r\n"} {
		large := strings.Repeat("a", smallBody+1)
		res, body := rawExchange(t, r, fmt.Sprintf("POST /_bulk HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n%s%s",
			len(large), large, rest, "DELETE /notes HTTP/1.1\r\nHost: x\r\n\r\n"))
		if res.StatusCode != 400 || !res.Close || !strings.Contains(body, failBody.reason) {
			t.Errorf("%q: %d, close %v, %s", rest, res.StatusCode, res.Close, body)
		}
	}
	if n := len(e.requests()); n != 0 { // startEngine records whole requests
		t.Errorf("the engine got %d whole requests", n)
	}
}

// TestTrailersEndHere sends a field after the body: no engine reads one, and one that did would read it past every check.
func TestTrailersEndHere(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	for _, size := range []int{2, smallBody + 1} {
		res, body := rawExchange(t, r, fmt.Sprintf("POST /_bulk HTTP/1.1\r\nHost: x\r\nTrailer: Authorization\r\nTransfer-Encoding: chunked\r\n\r\n"+
			"%x\r\n%s\r\n0\r\nAuthorization: Basic eDp5\r\n\r\n", size, strings.Repeat("a", size)))
		if res.StatusCode != 200 {
			t.Errorf("%d %s", res.StatusCode, body)
		}
	}
	got := e.requests()
	for _, x := range got {
		if len(x.trailer) > 0 || x.header.Get("Authorization") != "" {
			t.Errorf("the engine got the trailers %v and %v", x.trailer, x.header)
		}
	}
	if len(got) != 2 {
		t.Errorf("the engine got %d requests", len(got))
	}
}
