package proxy

import (
	"maps"
	"net/http"
	"strings"
)

// identity are the fields by which a front proxy, or a user with that right, tells an engine who asks: Elasticsearch's run-as,
// the header authentication of OpenSearch's security plugin, and what common authenticating proxies write. An engine that trusts this
// proxy's address would believe them from anyone. A "*" at the end stands for any rest.
var identity = [...]string{
	"Es-Security-Runas-User", "X-Proxy-User", "X-Proxy-Roles", "X-Proxy-Ext-*", "X-Proxy-Remote-*", "X-Forwarded-User", "X-Forwarded-Groups",
	"X-Forwarded-Roles", "X-Forwarded-Email", "X-Forwarded-Preferred-Username", "X-Forwarded-Access-Token", "X-Forwarded-Client-Cert",
	"X-Remote-User", "X-Remote-Group", "X-Remote-Groups", "X-Remote-Roles", "X-Remote-Extra-*", "Remote-User", "Remote-Groups",
	"X-Auth-Request-*", "X-Authenticated-*", "X-Webauth-*", "X-Ssl-Client-*", "X-Client-Cert", "X-Client-Dn",
}

// fieldRules say which fields of a request may reach the engine.
type fieldRules struct{ allowed []string }

func newFieldRules(allowed []string) fieldRules {
	var f fieldRules
	for _, name := range allowed {
		f.allowed = append(f.allowed, http.CanonicalHeaderKey(name))
	}
	return f
}

// apply returns r without the fields that tell who asks, and refuses one with an underscore in a name: a program that reads
// header fields as variables, as CGI does, takes Content_Length for Content-Length.
func (f fieldRules) apply(r *http.Request) (*http.Request, failure, bool) {
	stripped := false
	for name := range r.Header {
		underscore := strings.IndexByte(name, '_') >= 0
		if !underscore && !matchesName(identity[:], name) || matchesName(f.allowed, name) {
			continue
		}
		if underscore {
			return r, failUnderscore, true
		}
		if !stripped {
			out := *r
			out.Header = maps.Clone(r.Header)
			r, stripped = &out, true
		}
		delete(r.Header, name)
	}
	return r, failure{}, false
}

func matchesName(patterns []string, name string) bool {
	for _, p := range patterns {
		if prefix, open := strings.CutSuffix(p, "*"); p == name || open && strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}
