package e2e

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// request is written to a port exactly as it stands here, so that both sides of a comparison get the same bytes.
type request struct {
	method, target string
	header         []string // "Name: value"
	body           []byte
	chunked        bool // body as chunks of 1000 bytes, without a length
}

func get(target string, header ...string) request {
	return request{method: "GET", target: target, header: header}
}

// post is a request with a JSON body, unless a header says otherwise.
func post(target, body string, header ...string) request {
	r := request{method: "POST", target: target, header: header, body: []byte(body)}
	for _, h := range header {
		if strings.HasPrefix(strings.ToLower(h), "content-type:") {
			return r
		}
	}
	r.header = append([]string{"Content-Type: application/json"}, header...)
	return r
}

func (r request) with(header ...string) request {
	r.header = append(append([]string(nil), r.header...), header...)
	return r
}

// by is the request with another method.
func (r request) by(method string) request {
	r.method = method
	return r
}

// wire is the request as bytes.
func (r request) wire() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\nHost: search.example\r\n", r.method, r.target)
	for _, h := range r.header {
		b.WriteString(h + "\r\n")
	}
	switch {
	case r.chunked:
		b.WriteString("Transfer-Encoding: chunked\r\n\r\n")
		for rest := r.body; len(rest) > 0; {
			n := min(1000, len(rest))
			fmt.Fprintf(&b, "%x\r\n%s\r\n", n, rest[:n])
			rest = rest[n:]
		}
		b.WriteString("0\r\n\r\n")
	case len(r.body) > 0:
		fmt.Fprintf(&b, "Content-Length: %d\r\n\r\n", len(r.body))
		b.Write(r.body)
	default:
		b.WriteString("\r\n")
	}
	return b.Bytes()
}

// answer is a response read whole.
type answer struct {
	status int
	header http.Header
	body   []byte
	length int64 // Content-Length, -1 for none
}

// resiftStatus is what X-Resift-Status and X-Resift-Reason say, "reranked" or "bypassed sort"; "" without them.
func (a answer) resiftStatus() string {
	return strings.TrimSpace(a.header.Get("X-Resift-Status") + " " + a.header.Get("X-Resift-Reason"))
}

func (a answer) String() string {
	return fmt.Sprintf("%d %q %.600s", a.status, a.resiftStatus(), a.body)
}

// exchangeLimit bounds one request with its answer.
const exchangeLimit = 60 * time.Second

// send writes a request to address and reads the answer. It may be called from any goroutine.
func send(address string, r request) (answer, error) {
	conn, err := net.DialTimeout("tcp", address, 5*time.Second)
	if err != nil {
		return answer{}, err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(exchangeLimit)); err != nil {
		return answer{}, err
	}
	written := make(chan error, 1)
	go func() { // an answer may come before a large body is through
		_, err := conn.Write(r.wire())
		written <- err
	}()
	defer func() {
		conn.Close()
		<-written
	}()
	return readAnswer(bufio.NewReader(conn), r.method)
}

func readAnswer(from *bufio.Reader, method string) (answer, error) {
	res, err := http.ReadResponse(from, &http.Request{Method: method})
	if err != nil {
		return answer{}, err
	}
	body, err := io.ReadAll(res.Body)
	res.Body.Close()
	if err != nil {
		return answer{}, fmt.Errorf("status %d, broken off after %d bytes: %w", res.StatusCode, len(body), err)
	}
	return answer{status: res.StatusCode, header: res.Header, body: body, length: res.ContentLength}, nil
}

// ask is send for a test that cannot go on without an answer.
func ask(t testing.TB, address string, r request) answer {
	t.Helper()
	a, err := send(address, r)
	if err != nil {
		t.Fatalf("%s %.200s: %v", r.method, r.target, err)
	}
	return a
}

// httpClient is for calls whose bytes do not matter.
var httpClient = &http.Client{
	Timeout:   exchangeLimit,
	Transport: &http.Transport{Proxy: nil, DisableCompression: true, MaxIdleConnsPerHost: 16},
}

// fetch gets a URL.
func fetch(t testing.TB, url string) (status int, body string) {
	t.Helper()
	res, err := httpClient.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return res.StatusCode, string(text)
}
