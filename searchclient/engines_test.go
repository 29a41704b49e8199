package searchclient

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/resift/resift/engines"
)

// TestRealEngines runs the client, the splitter and the path filter against engines as they are.
func TestRealEngines(t *testing.T) {
	if testing.Short() {
		t.Skip("boots engines")
	}
	for _, name := range []string{"opensearch-3.8", "elasticsearch-9.5"} {
		t.Run(name, func(t *testing.T) {
			e, err := engines.Start(t.Context(), engines.Options{Name: name, Progress: func(s string) { t.Log(s) }})
			if err != nil {
				t.Fatal(err)
			}
			defer e.Stop()
			c := open(t, nil, e.URL)
			index(t, c)
			t.Run("search", func(t *testing.T) { testRealSearches(t, c) })
			t.Run("filter path", func(t *testing.T) { testRealFilterPath(t, c, strings.HasPrefix(name, "opensearch")) })
			t.Run("fields", func(t *testing.T) { testRealFields(t, c) })
			t.Run("escapes", func(t *testing.T) { testRealEscapes(t, c) })
			t.Run("too large", func(t *testing.T) { testRealTooLarge(t, e.URL) })
		})
	}
}

// perform sends a request of go-elasticsearch and fails the test unless it is answered with a 2xx.
func perform(t *testing.T, c *Client, r interface {
	Do(context.Context, esapi.Transport) (*esapi.Response, error)
}) {
	t.Helper()
	res, err := r.Do(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil || res.IsError() {
		t.Fatalf("%T: %s %.300s (%v)", r, res.Status(), body, err)
	}
}

func index(t *testing.T, c *Client) {
	t.Helper()
	perform(t, c, esapi.IndicesCreateRequest{Index: "docs", Body: strings.NewReader(
		`{"mappings":{"properties":{"comments":{"type":"nested"},"title":{"type":"text"},"tags":{"type":"keyword","ignore_above":8}}}}`)})
	perform(t, c, esapi.IndicesCreateRequest{Index: "empty"})
	var bulk strings.Builder
	for i := range 150 {
		fmt.Fprintf(&bulk, `{"index":{"_id":"id %d/é"}}`+"\n"+
			`{"title":"window %d","text":"the %d words \u00fcber \"it\"\\ 值 😀\u0000","tags":["a%d","much too long"],"big":%d,"price":%d.25,"a.b":"dotted","a":{"c":null},`+
			`"comments":[{"text":"first","by":"x%d"},{"text":"second"}],"none":[],"empty":{}}`+"\n", i, i, i, i%3, 1<<60+i, i, i)
	}
	perform(t, c, esapi.BulkRequest{Index: "docs", Body: strings.NewReader(bulk.String()), Refresh: "true"})
}

// ask sends a search and returns its answer.
func ask(t *testing.T, c *Client, path, query, body string) []byte {
	t.Helper()
	r := &SearchRequest{Method: "POST", Path: path, RawQuery: query, Body: []byte(body), Header: http.Header{"Content-Type": {"application/json"}}}
	res, err := c.Search(t.Context(), r)
	if err != nil || res.StatusCode != 200 {
		t.Fatalf("%s?%s: %+v, %v", path, query, res, err)
	}
	return res.Body
}

func testRealSearches(t *testing.T, c *Client) {
	for _, query := range []string{"", "pretty", "human&typed_keys", "rest_total_hits_as_int=true&pretty"} {
		for _, body := range []string{
			`{"query":{"match":{"title":"window"}},"size":100}`,
			`{"query":{"match":{"title":"window"}},"size":3,"explain":true,"highlight":{"fields":{"title":{}}},"fields":["*"],"aggs":{"t":{"terms":{"field":"tags"}}}}`,
			`{"query":{"nested":{"path":"comments","query":{"match_all":{}},"inner_hits":{}}},"size":3,"sort":[{"price":"desc"}]}`,
			`{"query":{"match":{"title":"nowhere"}}}`, `{"size":0}`, `{"query":{"match_all":{}},"_source":false,"profile":true,"version":true}`,
		} {
			answer := ask(t, c, "/docs,empty/_search", query, body)
			a, err := Split(answer)
			if err != nil {
				t.Errorf("%s %s: %v", query, body, err)
				continue
			}
			if got := write(t, a, Page{Order: identity(a)}); got != string(answer) {
				t.Errorf("%s %s: came out different", query, body)
			}
			edited := split1(t, write(t, a, everyEdit(a)))
			if len(edited.Hits()) != len(a.Hits()) {
				t.Errorf("%s %s: %d hits of %d", query, body, len(edited.Hits()), len(a.Hits()))
			}
		}
	}
	res, err := c.Search(t.Context(), &SearchRequest{Method: "GET", Path: "/missing/_search"})
	if err != nil || res.StatusCode != 404 || !bytes.Contains(res.Body, []byte("index_not_found_exception")) {
		t.Errorf("missing index: %+v, %v", res, err)
	}
}

// testRealFilterPath compares with the engine's own filter_path on the same search.
func testRealFilterPath(t *testing.T, c *Client, dropEmpty bool) {
	found := `{"query":{"match":{"title":"window"}},"size":4,"sort":["_score","_doc"],"highlight":{"fields":{"title":{}}},"aggs":{"t":{"terms":{"field":"tags"}}}}`
	nothing := `{"query":{"match":{"title":"nowhere"}}}`
	for _, tt := range []struct{ body, patterns string }{
		{found, "hits.hits._id"}, {found, "hits.hits._source.title,hits.total"}, {found, "**.title"}, {found, "hits.hits._source.comments.by"},
		{found, "hits.*.value,aggregations.**.key"}, {found, "hits.hits._source.c*s.text"}, {found, `hits.hits._source.a\.b`}, {found, "hits.hits._source.a.b"},
		{found, "hits.hits._source.*"}, {found, "hits.hits._source.**"}, {found, "nothing.at.all"}, {found, "-hits.hits._source"}, {found, "-**.by,-_shards"},
		{found, "hits.hits,-hits.hits._source,-**.sort"}, {found, "hits,-hits"}, {found, "-hits.hits._source.comments.text"}, {found, "**._id,**.title,-hits.hits.highlight"},
		{found, "-hits.hits._source.a.c,-aggregations"}, {found, "hits.hits._source.none,hits.hits._source.empty"}, {found, "*,-hits.**.t*"},
		{found, "-hits.hits.*"}, {found, "-*"}, {found, "hits.max_score,timed_out"}, {found, "-hits.hits._source.none.x,-hits.hits._source.empty.x"},
		{nothing, "hits.hits"}, {nothing, "hits.hits._id"}, {nothing, "-hits.hits._source"}, {nothing, "-hits.total.value"},
	} {
		for _, look := range []string{"", "&pretty"} {
			whole := ask(t, c, "/docs/_search", look, tt.body)
			want := ask(t, c, "/docs/_search", "filter_path="+url.QueryEscape(tt.patterns)+look, tt.body)
			got, err := PathFilter{Patterns: strings.Split(tt.patterns, ","), DropEmpty: dropEmpty}.Apply(whole)
			if err != nil {
				t.Fatal(err)
			}
			same := reflect.DeepEqual(withoutTook(t, got), withoutTook(t, want))
			if !same {
				t.Errorf("%s%s:\n got %s\nwant %s", tt.patterns, look, got, want)
			}
			if look != "" && tt.body == nothing && same && layout(got) != layout(want) {
				t.Errorf("%s%s: laid out as\n%s\nnot\n%s", tt.patterns, look, got, want)
			}
		}
	}
}

func withoutTook(t *testing.T, answer []byte) any {
	t.Helper()
	d := json.NewDecoder(bytes.NewReader(answer))
	d.UseNumber()
	var v map[string]any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, answer)
	}
	if _, there := v["took"]; there {
		v["took"] = "?"
	}
	return v
}

// layout is the answer without its digits: took varies.
func layout(answer []byte) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return -1
		}
		return r
	}, string(answer))
}

// testRealFields reads the same text from _source and from fields, and takes out again what was asked for it.
func testRealFields(t *testing.T, c *Client) {
	paths := []string{"title", "comments.text", "tags"}
	body := `{"query":{"match":{"title":"window"}},"size":5,"fields":["title","comments.text","tags"]}`
	plain := strings.Replace(body, `,"fields":["title","comments.text","tags"]`, "", 1)
	a := split1(t, string(ask(t, c, "/docs/_search", "", body)))
	fetched, sourced := make([]Field, len(paths)), make([]Field, len(paths))
	for i, p := range paths {
		fetched[i], sourced[i] = Field{Path: p, Fetched: true}, Field{Path: p}
	}
	for _, h := range a.Hits() {
		got, want := strings.Split(h.Text(fetched), "\n"), strings.Split(h.Text(sourced), "\n")
		want = slices.DeleteFunc(want, func(s string) bool { return s == "much too long" }) // ignore_above
		if len(got) < 4 || !slices.Equal(got, want) {
			t.Errorf("hit %s: fields say %q, _source says %q", h.ID(), got, want)
		}
	}
	stripped := split1(t, write(t, a, Page{Order: identity(a), DropFields: paths}))
	direct := split1(t, string(ask(t, c, "/docs/_search", "", plain)))
	for i, h := range stripped.Hits() {
		if string(h.Raw()) != string(direct.Hits()[i].Raw()) {
			t.Errorf("hit %d without the added fields:\n%s\nnever asked for them:\n%s", i, h.Raw(), direct.Hits()[i].Raw())
		}
	}
}

// testRealEscapes reaches a document whose id needs escapes, by RoundTrip and with every byte of the path as sent.
func testRealEscapes(t *testing.T, c *Client) {
	for _, path := range []string{"/docs/_doc/id%207%2F%C3%A9", "/%64ocs/_doc/id%207%2f%c3%a9?realtime=true;preference=_local"} {
		req := httptest.NewRequest("GET", path, nil)
		req.RequestURI = ""
		res, err := c.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(res.Body)
		res.Body.Close()
		if err != nil || !bytes.Contains(body, []byte(`"_id":"id`)) {
			t.Errorf("%s: %d %s (%v)", path, res.StatusCode, body, err)
		}
	}
}

func testRealTooLarge(t *testing.T, url string) {
	c := open(t, func(o *Options) { o.MaxAnswer = 2000 }, url)
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	_, err := c.Search(ctx, &SearchRequest{Method: "GET", Path: "/docs/_search", RawQuery: "size=100"})
	if !errors.Is(err, ErrTooLarge) {
		t.Errorf("search: %v", err)
	}
}
