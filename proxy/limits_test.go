package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/reranker"
)

func TestHeaderLimits(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	long := strings.Repeat("x", 100<<10)
	res, _ := rawExchange(t, r, "GET / HTTP/1.1\r\nHost: x\r\nX-Long: "+long+"\r\n\r\n")
	if res.StatusCode != 431 {
		t.Errorf("a header of 100 KiB: %d", res.StatusCode)
	}
	if n := len(e.requests()); n != 0 {
		t.Errorf("the engine got %d requests", n)
	}
}

// TestSlowHeaderEndsTheConnection sends half a header and waits.
func TestSlowHeaderEndsTheConnection(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := NewServer(http.NotFoundHandler(), ServerOptions{HeaderTime: 30 * time.Millisecond})
	done := make(chan error, 1)
	go func() { done <- server.Serve(l) }()
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.1\r\nHost:")
	conn.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := io.ReadAll(conn); err != nil {
		t.Errorf("the connection stays open: %v", err)
	}
	server.Close()
	<-done
}

// TestShutdownLetsSearchesFinish stops the server while the model works.
func TestShutdownLetsSearchesFinish(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	scoring, goOn := make(chan struct{}), make(chan struct{})
	r.scorer.score = func(_ context.Context, q string, p []string) (reranker.Result, error) {
		close(scoring)
		<-goOn
		return opinions(q, p), nil
	}
	answered := make(chan answer, 1)
	go func() {
		a, err := r.try(context.Background(), "POST", "/notes/_search", "{"+query+"}")
		if err != nil {
			t.Error(err)
		}
		answered <- a
	}()
	<-scoring
	stopped := make(chan error, 1)
	go func() { stopped <- r.Config.Shutdown(context.Background()) }()
	eventually(t, "the listener is closed", func() bool {
		conn, err := net.Dial("tcp", r.Listener.Addr().String())
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(goOn)
	a := <-answered
	a.expect(t, StatusReranked, "")
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

func TestNewRefusesMissingParts(t *testing.T) {
	whole := Options{Engine: noEngine{}, Scorer: &hashScorer{}, Scores: noScores{}, Rules: &Rules{}}
	if _, err := New(whole); err != nil {
		t.Fatal(err)
	}
	for name, spoil := range map[string]func(*Options){
		"engine": func(o *Options) { o.Engine = nil },
		"scorer": func(o *Options) { o.Scorer = nil },
		"scores": func(o *Options) { o.Scores = nil },
		"rules":  func(o *Options) { o.Rules = nil },
		"limit":  func(o *Options) { o.Limits.Searches = -1 },
	} {
		o := whole
		spoil(&o)
		if _, err := New(o); err == nil || !strings.Contains(err.Error(), strings.TrimSuffix(name, "s")) && name != "scores" {
			t.Errorf("%s: %v", name, err)
		}
	}
}

type noEngine struct{ Engine }
type noScores struct{ Scores }
