package wire

import (
	"crypto/tls"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestTLS speaks both protocols, and is attacked over TLS too.
func TestTLS(t *testing.T) {
	borrowed := httptest.NewTLSServer(nil) // for its certificate
	defer borrowed.Close()
	config := &tls.Config{Certificates: borrowed.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}
	address := serve(t, Options{TLS: config})
	trust := borrowed.Client().Transport.(*http.Transport).TLSClientConfig
	for proto, h2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		transport := &http.Transport{TLSClientConfig: trust.Clone(), ForceAttemptHTTP2: h2}
		res, err := (&http.Client{Transport: transport}).Post("https://"+address+"/x", "text/plain", strings.NewReader("hello"))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || res.Proto != proto || string(body) != `POST /x "hello" tls=true` {
			t.Errorf("%s: %s %q %v", proto, res.Proto, body, err)
		}
		transport.CloseIdleConnections()
	}
	c, err := tls.Dial("tcp", address, trust)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(30 * time.Second))
	io.WriteString(c, get("Content-Length: 3", "Transfer-Encoding: chunked")+"0\r\n\r\n")
	if answer, err := io.ReadAll(c); err != nil || !strings.HasPrefix(string(answer), "HTTP/1.1 400 ") {
		t.Errorf("%q %v", answer, err)
	}
}

// TestHandshakesDoNotWaitForOneAnother connects without a word, and without TLS, before one that knows how.
func TestHandshakesDoNotWaitForOneAnother(t *testing.T) {
	borrowed := httptest.NewTLSServer(nil)
	defer borrowed.Close()
	address := serve(t, Options{TLS: &tls.Config{Certificates: borrowed.TLS.Certificates}})
	silent, plain := dial(t, address), dial(t, address)
	io.WriteString(plain, get())
	if answer, err := io.ReadAll(plain); err != nil || !strings.Contains(string(answer), "HTTPS") {
		t.Errorf("%q %v", answer, err)
	}
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: borrowed.Client().Transport.(*http.Transport).TLSClientConfig}}
	defer client.CloseIdleConnections()
	res, err := client.Get("https://" + address)
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	silent.Close()
}

// TestSilentHandshakesEnd gives up a client that never speaks.
func TestSilentHandshakesEnd(t *testing.T) {
	borrowed := httptest.NewTLSServer(nil)
	defer borrowed.Close()
	address := serve(t, Options{TLS: &tls.Config{Certificates: borrowed.TLS.Certificates}, HeaderTime: 30 * time.Millisecond})
	silent := dial(t, address)
	if _, err := silent.Read(make([]byte, 1)); err == nil {
		t.Error("it was spoken to")
	} else if timeout, ok := err.(net.Error); ok && timeout.Timeout() {
		t.Error("it was left open")
	}
}
