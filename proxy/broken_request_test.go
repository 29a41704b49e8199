package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// TestBrokenBodyNeverReachesTheEngine sends chunks that are none.
func TestBrokenBodyNeverReachesTheEngine(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	for _, target := range []string{"/_bulk", "/notes/_search"} {
		res, body := rawExchange(t, r, "POST "+target+" HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{\"a\":\r\nnonsense\r\n")
		if res.StatusCode != 400 || !strings.Contains(body, "the request body could not be read") {
			t.Errorf("%s: %d %s", target, res.StatusCode, body)
		}
	}
	if n := len(e.requests()); n != 0 {
		t.Errorf("the engine got %d of them", n)
	}
}

// TestBrokenStreamIsNotWholeForTheEngine breaks a body off that was already on its way: the engine must not take it for whole.
func TestBrokenStreamIsNotWholeForTheEngine(t *testing.T) {
	arrived, ended := make(chan struct{}), make(chan error, 1)
	address := rawEngine(t, func(c net.Conn) {
		defer c.Close()
		req, err := http.ReadRequest(bufio.NewReader(c))
		if err != nil {
			return
		}
		io.ReadFull(req.Body, make([]byte, smallBody))
		close(arrived)
		_, err = io.Copy(io.Discard, req.Body)
		ended <- err
	})
	r := startProxy(t, nil, setup{urls: []string{address}})
	conn, err := net.Dial("tcp", r.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprintf(conn, "POST /_bulk HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n", smallBody+1, strings.Repeat("a", smallBody+1))
	<-arrived
	conn.Close()
	select {
	case err := <-ended:
		if err == nil {
			t.Error("the engine took half a body for whole")
		}
	case <-time.After(5 * time.Second):
		t.Error("the engine still waits")
	}
}

// TestProtocolSwitchNobodyAskedFor has an engine answer 101.
func TestProtocolSwitchNobodyAskedFor(t *testing.T) {
	address := rawEngine(t, func(c net.Conn) {
		defer c.Close()
		if _, err := http.ReadRequest(bufio.NewReader(c)); err == nil {
			io.WriteString(c, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n")
		}
	})
	r := startProxy(t, nil, setup{urls: []string{address}})
	a := r.do(t, "GET", "/", "")
	if a.status != 502 {
		t.Errorf("%d %s", a.status, a.body)
	}
}
