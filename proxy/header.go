package proxy

import (
	"net"
	"net/http"
	"net/textproto"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// controlPrefix begins the names of the headers that speak to this proxy; the engine never sees them.
const controlPrefix = "X-Resift-"

// hopByHop are the fields that end at the next hop whether or not Connection names them (RFC 9110, 7.6.1; RFC 2616, 13.5.1).
var hopByHop = [...]string{
	"Connection", "Proxy-Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Te", "Trailer",
	"Transfer-Encoding", "Upgrade", "Http2-Settings",
}

// forwarding are the fields that tell an engine who asked. A client could write anyone's address into them.
var forwarding = [...]string{"Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto"}

// nominated returns the first field that Connection names although it is meant for the engine. Dropping it would change who
// asks, or for what: "Connection: Authorization" turns a signed request into an anonymous one.
func nominated(h http.Header) (string, bool) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			name = textproto.CanonicalMIMEHeaderKey(textproto.TrimString(name))
			if endToEnd(name) {
				return name, true
			}
		}
	}
	return "", false
}

// endToEnd tells of a canonical name whether the engine may act on it.
func endToEnd(name string) bool {
	switch name {
	case "Authorization", "Cookie", "Host", "Expect", "User-Agent", "Range", "Cache-Control", "Date", "Via", "Warning",
		"Traceparent", "Tracestate", "Forwarded", "Securitytenant", "Security_tenant", "X-Opaque-Id":
		return true
	}
	for _, prefix := range [...]string{"Accept", "Content-", "Es-", "X-Elastic-", "X-Opensearch-", "X-Proxy-", "X-Forwarded-", controlPrefix} {
		if strings.HasPrefix(name, prefix) {
			return true
		}
	}
	return false
}

// upgrade tells whether a request wants another protocol that an engine might speak. An offer of h2c, which the JDK's client
// makes with every request, may be ignored (RFC 9110, 7.8).
func upgrade(h http.Header) bool {
	return httpguts.HeaderValuesContainsToken(h["Connection"], "Upgrade") && !strings.EqualFold(h.Get("Upgrade"), "h2c")
}

// dropHopByHop removes the fields that end at this hop.
func dropHopByHop(h http.Header) {
	for _, line := range h["Connection"] {
		for name := range strings.SplitSeq(line, ",") {
			if name = textproto.TrimString(name); name != "" {
				h.Del(name)
			}
		}
	}
	for _, name := range hopByHop {
		h.Del(name)
	}
}

// dropControls removes the fields that speak to this proxy.
func dropControls(h http.Header) {
	for name := range h {
		if strings.HasPrefix(name, controlPrefix) {
			delete(h, name)
		}
	}
}

// setForwarding removes what the client says about who asked, or, where it is trusted, adds the peer to it.
func setForwarding(out, in http.Header, peer string, trust bool) {
	for _, name := range forwarding {
		if !trust {
			out.Del(name)
		} else if v, ok := in[name]; ok {
			out[name] = v
		}
	}
	if !trust {
		return
	}
	if host, _, err := net.SplitHostPort(peer); err == nil {
		chain := append(append([]string(nil), in["X-Forwarded-For"]...), host)
		out.Set("X-Forwarded-For", strings.Join(chain, ", "))
	}
}

// searchHeader makes the fields of a first-stage request from those of the client: end-to-end ones only, and no coding
// that would have to be undone before the answer can be split.
func searchHeader(own http.Header, r *http.Request, trust bool) http.Header {
	h := own.Clone()
	if h == nil {
		h = http.Header{}
	}
	dropHopByHop(h)
	dropControls(h)
	for _, name := range [...]string{"Content-Length", "Expect", "Host"} {
		h.Del(name)
	}
	setForwarding(h, r.Header, r.RemoteAddr, trust)
	h.Set("Accept-Encoding", "identity")
	return h
}

// copyAnswerHeader copies the end-to-end fields of an engine's answer whose body was read whole.
func copyAnswerHeader(dst, src http.Header) {
	for name, values := range src {
		dst[name] = append([]string(nil), values...)
	}
	dropHopByHop(dst)
	dst.Del("Content-Length")
}
