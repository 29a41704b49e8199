package proxy

import (
	"strconv"
	"testing"
)

// TestAmbiguousQueryStringsGoVerbatim sends query strings that an engine and a proxy could read differently: they are never planned,
// and no byte of them changes.
func TestAmbiguousQueryStringsGoVerbatim(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	for _, raw := range []string{
		"size=5&size=50",
		"size=5&%73ize=50",   // the same name, escaped
		"s%69ze=5&si%7Ae=50", // twice, each in its own way
		"q=fox&q=",           // an empty value is a value
		"q=fox&%71",          // and so is none
		"size=5;from=100",    // engines split here, Go does not
		"q=fox;size=50",      //
		"pretty&q=a;b",       //
		"q=100%",             // a broken escape
		"q=%zz&size=5",       //
		"q=%e4%b8",           // half a character
		"q=fox&filter_path=a&filter%5Fpath=b",
		"typed_keys=true&typed_keys=true",
		"=5&q=fox",
		"q=fox&%00size=5&%00size=6",
		"q=%c0%af",
	} {
		for _, target := range []string{"/notes/_search?", "/_search?"} {
			res, _ := rawExchange(t, r, "POST "+target+raw+" HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(query)+2)+"\r\n\r\n{"+query+"}")
			answer{header: res.Header}.expect(t, StatusBypassed, ReasonQueryString)
			if got := e.requests()[len(e.requests())-1]; got.uri != target+raw || string(got.body) != "{"+query+"}" {
				t.Errorf("%s%s: the engine got %s %s", target, raw, got.uri, got.body)
			}
		}
	}
	// An escaped ";" is a character as any other.
	a := r.do(t, "GET", "/notes/_search?q=fox%3Bden&size=5", "")
	a.expect(t, StatusReranked, "")
	if got := e.requests()[len(e.requests())-1]; got.uri != "/notes/_search?q=fox%3Bden&size=20" {
		t.Errorf("the engine got %s", got.uri)
	}
}
