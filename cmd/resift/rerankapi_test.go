package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/resift/resift/configs"
)

// running is a server in this process, with the tiny model and an engine that nobody is at.
type running struct {
	*server
	t    *testing.T
	file string
	log  *lockedBuffer
	stop func() error
}

type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

func configText(rerank string) string {
	return fmt.Sprintf(`listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
rerank_api: %s
engine: {urls: ["http://127.0.0.1:1"]}
reranker: {model: ../../reranker/testdata/tiny, device: cpu}
indices: [{match: "*", fields: [text]}]
`, rerank)
}

func serveConfig(t *testing.T, rerank string) *running { return serveText(t, configText(rerank)) }

// serveText serves a configuration until the test ends.
func serveText(t *testing.T, text string) *running {
	t.Helper()
	s := &running{t: t, file: filepath.Join(t.TempDir(), "resift.yaml"), log: &lockedBuffer{}}
	s.writeText(text)
	c, err := configs.Load(s.file, nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{env: []string{"HOME=" + t.TempDir()}, stdout: io.Discard, stderr: s.log}
	ctx, cancel := context.WithCancel(context.Background())
	if s.server, err = newServer(ctx, p, c); err != nil {
		t.Fatal(err)
	}
	done := make(chan error, 1)
	go func() { done <- s.run(ctx) }()
	s.stop = sync.OnceValue(func() error { cancel(); return <-done })
	t.Cleanup(func() {
		if err := s.stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func (s *running) write(rerank string) { s.writeText(configText(rerank)) }

func (s *running) writeText(text string) {
	s.t.Helper()
	if err := os.WriteFile(s.file, []byte(text), 0o600); err != nil {
		s.t.Fatal(err)
	}
}

func (s *running) rerankWith(token string) (status int, body string) {
	s.t.Helper()
	return s.ask(http.MethodPost, s.RerankURL()+"/v2/rerank", token, `{"query":"memory","documents":["a program","memory"]}`)
}

func (s *running) ask(method, url, token, body string) (int, string) {
	s.t.Helper()
	r, err := http.NewRequest(method, url, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// TestRerankPort serves the API, reloads its token, counts its calls and drains.
func TestRerankPort(t *testing.T) {
	s := serveConfig(t, `{listen: "127.0.0.1:0", token: first}`)
	if status, body := s.rerankWith("first"); status != 200 || !strings.Contains(body, `"relevance_score":0.`) {
		t.Fatalf("%d %s", status, body)
	}
	if status, body := s.ask(http.MethodPost, s.URL()+"/v2/rerank", "first", "{}"); status != http.StatusBadGateway {
		t.Errorf("at the search port: %d %s", status, body) // forwarded to the engine that is not there
	}

	s.write(`{listen: "127.0.0.1:0", token: second, texts: 1}`)
	s.reload(s.file)
	if status, body := s.rerankWith("first"); status != 401 {
		t.Errorf("the old token: %d %s", status, body)
	}
	if status, body := s.rerankWith("second"); status != 400 || !strings.Contains(body, "a call may have 1") {
		t.Errorf("the new limit: %d %s", status, body)
	}
	for _, rerank := range []string{`{listen: "127.0.0.1:1", token: second}`, `{token: second}`} {
		s.write(rerank)
		if err := s.tryReload(s.file); err == nil || !strings.Contains(err.Error(), "rerank_api.listen: changed; that takes a restart") {
			t.Errorf("%s: %v", rerank, err)
		}
	}

	_, metrics := s.ask(http.MethodGet, s.AdminURL()+"/metrics", "", "")
	for _, line := range []string{`path="/v2/rerank",status="200"} 1`, `path="/v2/rerank",status="401"} 1`, `path="/v2/rerank",status="400"} 1`} {
		found := false
		for l := range strings.Lines(metrics) {
			found = found || strings.HasPrefix(l, "resift_rerank_api_calls_total{") && strings.HasSuffix(strings.TrimSpace(l), line)
		}
		if !found {
			t.Errorf("no calls_total with %s", line)
		}
	}
	if !strings.Contains(metrics, "resift_rerank_api_texts_total") || !strings.Contains(metrics, "resift_rerank_api_duration_seconds_count") {
		t.Error("metrics lack texts or durations")
	}
	if strings.Contains(s.log.String(), "second") {
		t.Errorf("the token is in the log:\n%s", s.log)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
}

// TestNoRerankPort serves no API unless it is asked for, and says where a port is taken.
func TestNoRerankPort(t *testing.T) {
	s := serveConfig(t, `{}`)
	if url := s.RerankURL(); url != "" {
		t.Errorf("the API is at %s", url)
	}
	taken := s.search.Addr().String()
	c, err := configs.Parse([]byte(configText(fmt.Sprintf("{listen: %q}", taken))), nil)
	if err != nil {
		t.Fatal(err)
	}
	p := &program{env: []string{"HOME=" + t.TempDir()}, stdout: io.Discard, stderr: io.Discard}
	if _, err := newServer(context.Background(), p, c); err == nil || !strings.Contains(err.Error(), "rerank_api.listen: "+taken+" is in use") {
		t.Error(err)
	}
}

// TestRerankPortIsGuarded sends the rerank API a request that hides another.
func TestRerankPortIsGuarded(t *testing.T) {
	s := serveConfig(t, `{listen: "127.0.0.1:0"}`)
	conn, err := net.Dial("tcp", s.rerank.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "POST /rerank HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health HTTP/1.1\r\nHost: x\r\n\r\n")
	answer, err := io.ReadAll(conn)
	if err != nil || !bytes.HasPrefix(answer, []byte("HTTP/1.1 400 ")) || bytes.Count(answer, []byte("HTTP/1.1")) != 1 {
		t.Errorf("%s, %v", answer, err)
	}
}
