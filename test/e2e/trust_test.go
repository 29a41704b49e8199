package e2e

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/resift/resift/test/rig"
)

// TestHostIsOurs has requests that name another host in every way they can: they reach the engine and nobody else.
func TestHostIsOurs(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	var reached atomic.Int32
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			reached.Add(1)
			conn.Close()
		}
	}()
	e, other := shared.opensearch, l.Addr().String()
	x := newTap(t, e)
	p := start(t, withScorer(&engine{url: x.URL}, rig.NewScorer(t, rig.KeepOrder)))
	for _, target := range []string{"/_cat/indices/e2e-docs?h=index", "/" + docs + "/_search?q=text:memory&size=1"} {
		for name, r := range map[string]request{
			"absolute target": get("http://" + other + target),
			"forwarded host":  get(target, "X-Forwarded-Host: "+other, "Forwarded: host="+other, "X-Forwarded-For: 10.0.0.1"),
			"second host":     get(target, "X-Host: "+other, "X-Original-URL: http://"+other+"/", "X-Rewrite-URL: http://"+other+"/"),
		} {
			a, err := send(p.address, r)
			if err != nil || a.status != 200 || !strings.Contains(string(a.body), "e2e-docs") {
				t.Errorf("%s: %v %s", name, err, a)
			}
			for _, h := range x.take() {
				if h.Get("X-Forwarded-Host") != "" || h.Get("Forwarded") != "" || strings.Contains(h.Get("X-Forwarded-For"), "10.0.0.1") {
					t.Errorf("%s: the engine was told %v", name, h)
				}
			}
		}
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("another host was reached %d times", n)
	}
}

// TestCredentialsStay sends credentials and cookies: the engine gets them, but for who a request claims to act for, and the
// model server does not, nor do answers of one caller reach another.
func TestCredentialsStay(t *testing.T) {
	s := rig.NewScorer(t, rig.KeepOrder)
	x := newTap(t, shared.opensearch)
	c := withScorer(&engine{url: x.URL}, s)
	c.rest = ""
	p := start(t, c, "RESIFT_RERANKER_TOKEN=model-server-token")
	r := post("/"+docs+"/_search", plainSearch)
	for _, who := range []string{"Basic YTpi", "Bearer second"} {
		a := p.ask(r.with("Authorization: "+who, "Cookie: session=1", "Es-Security-Runas-User: x", "X-Resift-Window: 20"))
		if a.resiftStatus() != "reranked" {
			t.Fatalf("%s", a)
		}
		seen := x.take()
		if len(seen) != 1 || seen[0].Get("Authorization") != who || seen[0].Get("Cookie") != "session=1" || seen[0].Get("Es-Security-Runas-User") != "" {
			t.Errorf("the engine saw %v", seen)
		}
		for name := range seen[0] {
			if strings.HasPrefix(name, "X-Resift-") {
				t.Errorf("the engine saw %s", name)
			}
		}
	}
	calls := s.Headers()
	if len(calls) == 0 {
		t.Error("the model server was not asked")
	}
	for _, h := range calls {
		if h.Get("Authorization") != "Bearer model-server-token" || h.Get("Cookie") != "" || h.Get("Es-Security-Runas-User") != "" {
			t.Errorf("the model server saw %v", h)
		}
	}
	if log := p.Log.String(); strings.Contains(log, "model-server-token") || strings.Contains(log, "YTpi") {
		t.Error("the log holds a credential")
	}
}
