package e2e

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/resift/resift/test/rig"
)

// rightsFront stands before an engine and gives each user the documents that are theirs, by a filtered alias: what document-level
// security does. Everyone else gets a 401.
func rightsFront(t *testing.T, e *engine, index string, users ...string) *httptest.Server {
	t.Helper()
	to, err := url.Parse(e.url)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: nil, DisableCompression: true}
	forward := &httputil.ReverseProxy{Transport: transport, Rewrite: func(p *httputil.ProxyRequest) {
		user, _, _ := p.In.BasicAuth()
		p.SetURL(to)
		p.Out.URL.Path = strings.Replace(p.In.URL.Path, "/"+index+"/", "/"+index+"-"+user+"/", 1)
		p.Out.Header.Del("Authorization")
	}}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if user, password, ok := r.BasicAuth(); !ok || password != "of-"+user || !slices.Contains(users, user) {
			w.Header().Set("WWW-Authenticate", `Basic realm="rights"`)
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			fmt.Fprint(w, `{"error":{"type":"security_exception","reason":"who are you"},"status":401}`)
			return
		}
		forward.ServeHTTP(w, r)
	}))
	t.Cleanup(func() { s.Close(); transport.CloseIdleConnections() })
	return s
}

// TestUsersSeeTheirOwnHits has users with different rights search for the same at the same time, over texts that are the same in
// documents of both, so that the cache has what each needs from the other.
func TestUsersSeeTheirOwnHits(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		const index = "e2e-rights"
		users := []string{"alice", "bob"}
		ask(t, e.address, request{method: "DELETE", target: "/" + index})
		t.Cleanup(func() { ask(t, e.address, request{method: "DELETE", target: "/" + index}) })
		aliases := ""
		for _, u := range users {
			aliases += fmt.Sprintf(`,"%s-%s":{"filter":{"term":{"owner":"%s"}}}`, index, u, u)
		}
		ask(t, e.address, post("/"+index, `{"mappings":{"properties":{"title":{"type":"text"},"owner":{"type":"keyword"}}},"aliases":{`+aliases[1:]+`}}`).by("PUT"))
		var bulk strings.Builder
		for i := range 40 {
			for _, u := range users {
				fmt.Fprintf(&bulk, `{"index":{"_id":"%s-%d"}}`+"\n"+`{"title":"secret memo %d","owner":"%s"}`+"\n", u, i, i, u)
			}
		}
		if a := ask(t, e.address, post("/"+index+"/_bulk?refresh=true", bulk.String())); a.status != 200 || strings.Contains(string(a.body), `"errors":true`) {
			t.Fatal(a)
		}
		front := rightsFront(t, e, index, users...)
		c := withScorer(&engine{url: front.URL}, rig.NewScorer(t, rig.ByHash))
		c.rest = "" // with a cache
		p := start(t, c)
		search := post("/"+index+"/_search", `{"query":{"match":{"title":"memo"}},"size":40}`)
		by := func(user, password string) request {
			r, _ := http.NewRequest("GET", "http://x/", nil)
			r.SetBasicAuth(user, password)
			return search.with("Authorization: " + r.Header.Get("Authorization"))
		}
		var wg sync.WaitGroup
		for n := range 40 {
			wg.Go(func() {
				user := users[n%2]
				a, err := send(p.address, by(user, "of-"+user))
				if err != nil || a.resiftStatus() != "reranked" {
					t.Errorf("%s: %v %s", user, err, a)
					return
				}
				_, hits := readFound(t, a)
				for _, h := range hits {
					if !strings.HasPrefix(h.ID, user+"-") {
						t.Errorf("%s sees %s", user, h.raw)
					}
				}
				if len(hits) != 40 || !strings.Contains(string(a.body), `"value":40`) {
					t.Errorf("%s sees %d hits of 40: %.200s", user, len(hits), a.body)
				}
			})
		}
		wg.Wait()
		for _, nobody := range []request{search, by("alice", "of-bob"), by("mallory", "of-mallory")} {
			if a := ask(t, p.address, nobody); a.status != 401 || strings.Contains(string(a.body), "memo") || a.header.Get("WWW-Authenticate") == "" {
				t.Errorf("nobody gets %s", a)
			}
		}
	})
}
