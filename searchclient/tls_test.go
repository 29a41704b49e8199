package searchclient

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestTLS(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, r.Proto) }))
	s.EnableHTTP2 = true
	s.Config.ErrorLog = quiet()
	s.StartTLS()
	defer s.Close()

	_, err := search(context.Background(), open(t, nil, s.URL))
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		t.Errorf("an unknown authority was accepted: %v", err)
	}

	roots := x509.NewCertPool()
	roots.AddCert(s.Certificate())
	trusting := &tls.Config{RootCAs: roots}
	res, err := search(context.Background(), open(t, func(o *Options) { o.TLS = trusting }, s.URL))
	if err != nil || string(res.Body) != "HTTP/1.1" {
		t.Errorf("with the server's authority: %+v, %v; want an answer by HTTP/1.1 from a server that offers HTTP/2", res, err)
	}

	other := &tls.Config{RootCAs: roots, ServerName: "another.example"}
	if _, err := search(context.Background(), open(t, func(o *Options) { o.TLS = other }, s.URL)); err == nil {
		t.Error("a certificate for another name was accepted")
	}
}
