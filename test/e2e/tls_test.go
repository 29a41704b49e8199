package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

// certificate writes a self-signed one for loopback, and returns the two files.
func certificate(t *testing.T) (cert, key string, pool *x509.CertPool) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "e2e"}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	if err != nil {
		t.Fatal(err)
	}
	encoded, err := x509.MarshalECPrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	cert, key = filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	certPEM := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	writeFile(t, cert, string(certPEM))
	writeFile(t, key, string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: encoded})))
	pool = x509.NewCertPool()
	pool.AppendCertsFromPEM(certPEM)
	return cert, key, pool
}

// TestTLS speaks TLS on both sides, HTTP/2 to the client where it wants that.
func TestTLS(t *testing.T) {
	e := shared.elasticsearch
	cert, key, pool := certificate(t)
	to, err := url.Parse(e.url)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	inner := &http.Transport{Proxy: nil, DisableCompression: true}
	secure := httptest.NewUnstartedServer(&httputil.ReverseProxy{Transport: inner, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }})
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // it will be told that it is not trusted
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{pair}}
	secure.StartTLS()
	t.Cleanup(func() { secure.Close(); inner.CloseIdleConnections() })

	c := withScorer(&engine{url: secure.URL}, rig.NewScorer(t, rig.KeepOrder))
	c.indices = `[{match: "*", fields: [title, text, key], score: keep}]`
	c.rest += "\ntls: {cert: " + cert + ", key: " + key + "}"
	trusting := start(t, c, "RESIFT_ENGINE_TLS_CA="+cert)
	for name, http2 := range map[string]bool{"HTTP/1.1": false, "HTTP/2.0": true} {
		transport := &http.Transport{Proxy: nil, TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: http2}
		client := &http.Client{Transport: transport, Timeout: exchangeLimit}
		res, err := client.Post("https://"+trusting.address+"/"+docs+"/_search", "application/json", strings.NewReader(plainSearch))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		transport.CloseIdleConnections()
		if err != nil || res.Proto != name {
			t.Errorf("%s: %s %v", name, res.Proto, err)
		}
		got := answer{status: res.StatusCode, header: res.Header, body: body}
		if d := differences(ask(t, e.address, post("/"+docs+"/_search", plainSearch)), got); d != nil || got.resiftStatus() != "reranked" {
			t.Errorf("%s: %q%s", name, got.resiftStatus(), indent(d))
		}
	}

	c.rest = "cache: {size: 0}"
	p := start(t, c) // the system knows nothing of this authority
	if a := p.ask(post("/"+docs+"/_search", plainSearch)); a.status != 502 || a.resiftStatus() != "fallback engine_unreachable" {
		t.Errorf("an engine that cannot be trusted: %s", a)
	}
}

// TestMutualTLS has the engine and resift each ask who speaks to them.
func TestMutualTLS(t *testing.T) {
	e := shared.opensearch
	cert, key, pool := certificate(t)
	otherCert, otherKey, _ := certificate(t)
	to, err := url.Parse(e.url)
	if err != nil {
		t.Fatal(err)
	}
	pair, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	inner := &http.Transport{Proxy: nil, DisableCompression: true}
	secure := httptest.NewUnstartedServer(&httputil.ReverseProxy{Transport: inner, Rewrite: func(p *httputil.ProxyRequest) { p.SetURL(to) }})
	secure.Config.ErrorLog = log.New(io.Discard, "", 0) // some will not show who they are
	secure.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: pool}
	secure.StartTLS()
	t.Cleanup(func() { secure.Close(); inner.CloseIdleConnections() })

	c := withScorer(&engine{url: secure.URL}, rig.NewScorer(t, rig.KeepOrder))
	c.rest += "\ntls: {cert: " + cert + ", key: " + key + ", client_ca: " + cert + "}"
	known := start(t, c, "RESIFT_ENGINE_TLS_CA="+cert, "RESIFT_ENGINE_TLS_CERT="+cert, "RESIFT_ENGINE_TLS_KEY="+key)
	unknown := start(t, c, "RESIFT_ENGINE_TLS_CA="+cert, "RESIFT_ENGINE_TLS_CERT="+otherCert, "RESIFT_ENGINE_TLS_KEY="+otherKey)
	post := func(p *process, certificates ...tls.Certificate) (*http.Response, error) {
		transport := &http.Transport{Proxy: nil, TLSClientConfig: &tls.Config{RootCAs: pool, Certificates: certificates}}
		defer transport.CloseIdleConnections()
		client := &http.Client{Transport: transport, Timeout: exchangeLimit}
		res, err := client.Post("https://"+p.address+"/"+docs+"/_search", "application/json", strings.NewReader(plainSearch))
		if err == nil {
			_, err = io.Copy(io.Discard, res.Body)
			res.Body.Close()
		}
		return res, err
	}
	if res, err := post(known, pair); err != nil || res.StatusCode != 200 || res.Header.Get("X-Resift-Status") != "reranked" {
		t.Errorf("both known: %v %v", res, err)
	}
	if res, err := post(unknown, pair); err != nil || res.StatusCode != 502 {
		t.Errorf("resift unknown to the engine: %v %v", res, err)
	}
	if res, err := post(known); err == nil {
		t.Errorf("a client without a certificate: %v", res)
	}
	other, err := tls.LoadX509KeyPair(otherCert, otherKey)
	if err != nil {
		t.Fatal(err)
	}
	if res, err := post(known, other); err == nil {
		t.Errorf("a client with a certificate of another authority: %v", res)
	}
}
