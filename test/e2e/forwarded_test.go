package e2e

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

// TestForwarded compares what is not a search: direct and through resift, byte for byte.
func TestForwarded(t *testing.T) {
	const msearch = "{\"index\":\"e2e-docs\"}\n{\"query\":{\"match\":{\"text\":\"memory\"}},\"size\":2}\n{}\n{\"query\":{\"nonsense\":{}}}\n"
	ndjson := "Content-Type: application/x-ndjson"
	cases := []struct {
		name, only string
		send       request
	}{
		{"cat", "", get("/_cat/indices/e2e-docs?v&h=index,docs.count,pri")},
		{"cat as JSON", "", get("/_cat/aliases/e2e-*?format=json&h=alias,index&s=alias,index")},
		{"cluster health", "", get("/_cluster/health?filter_path=status,number_of_nodes,cluster_name")},
		{"root", "", get("/")},
		{"document", "", get("/e2e-docs/_doc/virus")},
		{"document, pretty", "", get("/e2e-odd/_doc/integers?pretty")},
		{"document that is missing", "", get("/e2e-docs/_doc/none")},
		{"document with an odd name", "", get("/e2e-odd/_doc/key%20only")},
		{"document, HEAD", "", request{method: "HEAD", target: "/e2e-docs/_doc/virus"}},
		{"index, HEAD", "", request{method: "HEAD", target: "/e2e-none"}},
		{"source", "", get("/e2e-odd/_source/escapes")},
		{"source, compressed", "", get("/e2e-docs/_source/virus", "Accept-Encoding: gzip")},
		{"source as CBOR", "", get("/e2e-odd/_doc/nul", "Accept: application/cbor")},
		{"source as SMILE", "", get("/e2e-odd/_doc/emoji", "Accept: application/smile")},
		{"mget", "", post("/e2e-docs/_mget", `{"ids":["virus","none","ram"]}`)},
		{"count", "", post("/e2e-docs/_count", `{"query":{"match":{"text":"memory"}}}`)},
		{"explain", "", post("/e2e-docs/_explain/virus", `{"query":{"match":{"text":"virus"}}}`)},
		{"validate", "", post("/e2e-docs/_validate/query?explain=true", `{"query":{"match":{"text":"virus"}}}`)},
		{"field_caps", "", get("/e2e-docs/_field_caps?fields=title,text")},
		{"mapping", "", get("/e2e-docs/_mapping")},
		{"analyze", "", post("/_analyze", `{"analyzer":"standard","text":"Odd   WORDS 👩‍👩‍👧‍👦"}`)},
		{"termvectors", "", get("/e2e-docs/_termvectors/virus?fields=title&realtime=false")},
		{"msearch", "", post("/_msearch", msearch, ndjson)},
		{"msearch of an index", "", post("/e2e-docs/_msearch?typed_keys", msearch, ndjson)},
		{"msearch that is malformed", "", post("/_msearch", "{\n", ndjson)},
		{"template rendered", "opensearch", post("/_render/template", `{"source":{"query":{"match":{"text":"{{q}}"}}},"params":{"q":"memory"}}`)},
		{"template where there is none", "elasticsearch", post("/e2e-docs/_search/template", `{"source":{"size":2}}`)},
		{"rank_eval", "opensearch", post("/e2e-docs/_rank_eval", `{"requests":[{"id":"q","request":{"query":{"match":{"text":"virus"}}},"ratings":[{"_index":"e2e-docs","_id":"virus","rating":1}]}],"metric":{"precision":{"k":3}}}`)},
		{"no such path", "", get("/_nonsense/at/all")},
		{"method that is refused", "", post("/_cat/indices", "{}")},
		{"malformed document", "", post("/e2e-docs/_doc/x", `{"title":`)},
		{"delete of what is missing", "", request{method: "DELETE", target: "/e2e-none"}},
		{"options", "", request{method: "OPTIONS", target: "/"}},
		{"escaped slash", "", get("/e2e-docs/_doc/a%2Fb%3Fc")},
		{"two slashes", "", get("//e2e-docs/_doc/virus")},
		{"dots", "", get("/e2e-docs/../_cat/indices/e2e-docs?h=index")},
		{"parameters that Go drops", "", get("/_cat/indices/e2e-docs?h=index;v=true")},
		{"compressed body", "", request{method: "POST", target: "/e2e-docs/_count", body: zipped(`{"query":{"match":{"text":"memory"}}}`),
			header: []string{"Content-Type: application/json", "Content-Encoding: gzip"}}},
		{"body in chunks", "", chunked(post("/e2e-docs/_count", `{"query":{"match":{"text":"memory"}}`+strings.Repeat(" ", 5000)+"}"))},
	}
	onBoth(t, func(t *testing.T, e *engine) {
		p := start(t, withScorer(e, rig.NewScorer(t, rig.KeepOrder)))
		for _, c := range cases {
			if c.only != "" && c.only != e.name {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				direct, proxied := ask(t, e.address, c.send), p.ask(c.send)
				if d := differences(direct, proxied); d != nil {
					t.Errorf("%s %s%s", c.send.method, c.send.target, indent(d))
				}
			})
		}
	})
}

func zipped(text string) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	z.Write([]byte(text)) // into memory
	z.Close()
	return b.Bytes()
}

// TestWrites does through resift what an app does to its index, and looks at the engine itself for the outcome.
func TestWrites(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		p := start(t, withScorer(e, rig.NewScorer(t, rig.KeepOrder)))
		const index = "/e2e-writes"
		done := func(want int, r request) {
			t.Helper()
			if a := p.ask(r); a.status != want {
				t.Fatalf("%s %s: %s, want %d", r.method, r.target, a, want)
			}
		}
		count := func() string {
			t.Helper()
			body, err := e.read(t.Context(), "GET", index+"/_count?filter_path=count", "", nil)
			if err != nil {
				t.Fatal(err)
			}
			return string(body)
		}
		t.Cleanup(func() { ask(t, e.address, request{method: "DELETE", target: index}) })
		ask(t, e.address, request{method: "DELETE", target: index})
		done(200, post(index, `{"settings":{"number_of_replicas":0},"mappings":{"properties":{"n":{"type":"integer"}}}}`).by("PUT"))
		done(201, post(index+"/_doc/1?refresh=true", `{"n":1,"text":"first"}`).by("PUT"))
		done(200, post(index+"/_update/1?refresh=true", `{"doc":{"n":2}}`))
		done(409, post(index+"/_create/1", `{"n":3}`))
		done(200, request{method: "DELETE", target: index + "/_doc/1?refresh=true"})

		var bulk bytes.Buffer
		for i := range 20_000 {
			fmt.Fprintf(&bulk, "{\"index\":{\"_id\":\"b%d\"}}\n{\"n\":%d,\"text\":\"%s\"}\n", i, i, strings.Repeat("words ", 30))
		}
		ndjson := "Content-Type: application/x-ndjson"
		large := post(index+"/_bulk?refresh=true&filter_path=errors", bulk.String(), ndjson)
		if a := p.ask(large); a.status != 200 || string(a.body) != `{"errors":false}` {
			t.Fatalf("bulk of %d bytes: %s", bulk.Len(), a)
		}
		if got := count(); got != `{"count":20000}` {
			t.Errorf("after the bulk: %s", got)
		}
		second := chunked(post(index+"/_bulk?refresh=true&filter_path=errors", strings.ReplaceAll(bulk.String()[:400_000], "\"b", "\"c"), ndjson))
		second.body = second.body[:bytes.LastIndex(second.body, []byte("\n{\"index"))+1]
		if a := p.ask(second); a.status != 200 || string(a.body) != `{"errors":false}` {
			t.Fatalf("bulk in chunks: %s", a)
		}
		third := post(index+"/_bulk?refresh=true&filter_path=errors", "", ndjson, "Content-Encoding: gzip")
		third.body = zipped("{\"index\":{\"_id\":\"z\"}}\n{\"n\":-1}\n")
		if a := p.ask(third); a.status != 200 || string(a.body) != `{"errors":false}` {
			t.Fatalf("compressed bulk: %s", a)
		}
		if e.name == "opensearch" { // the other is booted without the module
			done(200, post(index+"/_delete_by_query?refresh=true&conflicts=proceed", `{"query":{"range":{"n":{"gte":10}}}}`))
			if got, want := count(), fmt.Sprintf(`{"count":%d}`, 10+10+1); got != want {
				t.Errorf("after the delete by query: %s, want %s", got, want)
			}
		}
		done(200, post("/_aliases", `{"actions":[{"add":{"index":"e2e-writes","alias":"e2e-written"}}]}`))
		if a := p.ask(post("/e2e-written/_search", `{"query":{"match":{"text":"words"}}}`)); a.resiftStatus() != "reranked" {
			t.Errorf("search by the new alias: %s", a)
		}
		done(200, request{method: "DELETE", target: index})
	})
}

// TestKeptConnection sends requests of all kinds over one connection.
func TestKeptConnection(t *testing.T) {
	e := shared.opensearch
	p := start(t, withScorer(e, rig.NewScorer(t, rig.KeepOrder)))
	conn, err := net.Dial("tcp", p.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(exchangeLimit))
	from := bufio.NewReader(conn)
	requests := []request{
		post("/e2e-docs/_search", `{"query":{"match":{"text":"memory"}},"size":3}`), get("/_cat/indices/e2e-docs?h=index"),
		post("/e2e-docs/_search", `{"query":`), {method: "HEAD", target: "/e2e-docs"}, chunked(post("/e2e-docs/_count", `{"query":{"match_all":{}}}`)),
		get("/e2e-docs/_search?q=text:memory&size=1"), get("/e2e-none/_search?q=x"),
	}
	for range 3 {
		for _, r := range requests {
			if _, err := conn.Write(r.wire()); err != nil {
				t.Fatal(err)
			}
			proxied, err := readAnswer(from, r.method)
			if err != nil {
				t.Fatalf("%s %s: %v", r.method, r.target, err)
			}
			if d := differences(ask(t, e.address, r), proxied); d != nil && proxied.resiftStatus() != "reranked" {
				t.Errorf("%s %s%s", r.method, r.target, indent(d))
			}
		}
	}
}

// TestCompressedAnswer asks for a compressed answer: what is re-ranked comes as it is.
func TestCompressedAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		c := withScorer(e, rig.NewScorer(t, rig.KeepOrder))
		c.indices = `[{match: "*", fields: [title, text, key], score: keep}]`
		p := start(t, c)
		r := post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"size":20}`).with("Accept-Encoding: gzip")
		direct, proxied := ask(t, e.address, r), p.ask(r)
		for _, a := range []*answer{&direct, &proxied} {
			if a.header.Get("Content-Encoding") != "gzip" {
				continue
			}
			z, err := gzip.NewReader(bytes.NewReader(a.body))
			if err != nil {
				t.Fatal(err)
			}
			if a.body, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		direct.header.Del("Content-Encoding")
		proxied.header.Del("Content-Encoding")
		if proxied.resiftStatus() != "reranked" {
			t.Errorf("status %q", proxied.resiftStatus())
		}
		if d := differences(direct, proxied); d != nil {
			t.Error(indent(d))
		}
	})
}
