package e2e

import (
	"fmt"
	"testing"

	"github.com/resift/resift/searchclient/coding"
	"github.com/resift/resift/test/rig"
)

// TestCompression has requests and answers coded both ways: the engine's own answer, coded as it would have.
func TestCompression(t *testing.T) {
	var c coding.Coder
	decode := func(t *testing.T, a answer) answer {
		t.Helper()
		name, err := coding.Of(a.header)
		if err == nil {
			a.body, err = c.Decode(name, a.body, 16<<20)
		}
		if err != nil {
			t.Fatal(err)
		}
		a.length = int64(len(a.body))
		a.header = a.header.Clone()
		a.header.Del("Content-Length") // the engine's encoder is another one
		return a
	}
	onBoth(t, func(t *testing.T, e *engine) {
		settings := withScorer(e, rig.NewScorer(t, rig.KeepOrder))
		settings.indices = `[{match: "*", fields: [title, text, key], score: keep, window: 50}]`
		p := start(t, settings)
		for _, accept := range []string{"identity", "gzip", "gzip, deflate", "deflate, gzip;q=0.5", "gzip;q=0", "br"} {
			for _, name := range []string{coding.Identity, coding.Gzip, coding.Deflate} {
				for _, x := range []struct{ target, body, want string }{
					{"/" + docs + "/_search", plainSearch, "reranked"},
					{"/" + docs + "/_search", `{"query":{"match":{"text":"memory"}},"size":40,"_source":["title"]}`, "reranked"},
					{"/" + docs + "/_search", `{"query":{"match":{"text":"nothing-like-this"}}}`, "reranked"},
					{"/" + docs + "/_search", `{"query":{"match":{"text":"memory"}},"sort":["_doc"]}`, "bypassed sort"},
					{"/" + docs + "/_search", `{"query":{"match":{"text":"memory"}},"no":1}`, "fallback engine_status"},
					{"/e2e-none/_search", plainSearch, "fallback engine_status"},
					{"/" + docs + "/_count", `{"query":{"match":{"text":"memory"}}}`, ""},
				} {
					r := post(x.target, string(c.Encode(nil, name, []byte(x.body))), "Content-Type: application/json", "Accept-Encoding: "+accept)
					if name != coding.Identity {
						r = r.with("Content-Encoding: " + name)
					}
					direct, proxied := ask(t, e.address, r), ask(t, p.address, r)
					what := fmt.Sprintf("%q, body coded %q, %s %s", accept, name, x.target, x.body)
					if got := proxied.resiftStatus(); got != x.want {
						t.Errorf("%s: status %q, want %q", what, got, x.want)
					}
					if want, got := direct.header.Get("Content-Encoding"), proxied.header.Get("Content-Encoding"); got != want {
						t.Errorf("%s: coded %q, by the engine %q", what, got, want)
					}
					if d := differences(decode(t, direct), decode(t, proxied)); d != nil {
						t.Errorf("%s%s", what, indent(d))
					}
				}
			}
		}
	})
}
