package proxy

import (
	"net/http"
	"strings"
	"testing"
)

// asUser are fields that claim to be someone.
var asUser = []string{
	"es-security-runas-user", "x-proxy-user", "x-proxy-roles", "x-proxy-ext-department", "x-forwarded-user", "X-Remote-User", "REMOTE-USER",
	"X-Remote-Extra-Scopes", "x-auth-request-email", "x-forwarded-client-cert",
}

func TestFieldsThatClaimAnIdentityAreStripped(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	for _, name := range asUser {
		for _, target := range []string{"/_cat/indices", "/notes/_search"} {
			res, body := rawExchange(t, r, "POST "+target+" HTTP/1.1\r\nHost: x\r\n"+name+": admin\r\nX-Opaque-Id: mine\r\nContent-Length: 0\r\n\r\n")
			if res.StatusCode != 200 {
				t.Errorf("%s: %d %s", name, res.StatusCode, body)
			}
			got := e.requests()[len(e.requests())-1].header
			if v, there := got[http.CanonicalHeaderKey(name)]; there || got.Get("X-Opaque-Id") != "mine" {
				t.Errorf("%s of %s: %q, others: %v", name, target, v, got)
			}
		}
	}
}

// TestFirstStagesAndFallbacksClaimNoIdentity looks at both requests that a search can become.
func TestFirstStagesAndFallbacksClaimNoIdentity(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		if _, size := pageOf(body); size == 20 {
			w.WriteHeader(400)
			return true
		}
		return false
	}
	r := startProxy(t, e, setup{})
	r.search(t, "", "X-Proxy-User", "admin", "X-Proxy-Roles", "all_access").expect(t, StatusFallback, ReasonEngineStatus)
	for _, x := range e.requests() {
		if x.header.Get("X-Proxy-User") != "" || x.header.Get("X-Proxy-Roles") != "" {
			t.Errorf("%s %s: %v", x.uri, x.body, x.header)
		}
	}
}

func TestAllowedFieldsPass(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{options: func(o *Options) {
		o.AllowHeaders = []string{"es-security-runas-user", "x-proxy-ext-*", "security_tenant"}
	}})
	for _, target := range []string{"/_cat/indices", "/notes/_search"} {
		a := r.do(t, "POST", target, "{"+query+"}", "es-security-runas-user", "alice", "X-Proxy-Ext-Team", "blue", "security_tenant", "t", "x-proxy-user", "admin")
		got := e.requests()[len(e.requests())-1].header
		if a.status != 200 || got.Get("Es-Security-Runas-User") != "alice" || got.Get("X-Proxy-Ext-Team") != "blue" || got.Get("security_tenant") != "t" ||
			got.Get("X-Proxy-User") != "" {
			t.Errorf("%s: %d %v", target, a.status, got)
		}
	}
}

func TestUnderscoresInNamesAreRefused(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	for _, name := range []string{"Content_Length", "Transfer_Encoding", "X_Forwarded_For", "x_proxy_user", "opendistro_security_impersonate_as", "_x", "x_"} {
		for _, target := range []string{"/_cat/indices", "/notes/_search"} {
			res, body := rawExchange(t, r, "POST "+target+" HTTP/1.1\r\nHost: x\r\n"+name+": 4\r\nContent-Length: 0\r\n\r\n")
			if res.StatusCode != 400 || !res.Close || !strings.Contains(body, "illegal_argument_exception") {
				t.Errorf("%s: %d %s", name, res.StatusCode, body)
			}
		}
	}
	if n := len(e.requests()); n != 0 {
		t.Errorf("the engine got %d of them", n)
	}
}
