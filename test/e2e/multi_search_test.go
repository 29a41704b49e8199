package e2e

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/resift/resift/test/rig"
)

// multi is a multi-search of pairs of lines.
func multi(target string, lines ...string) request {
	return post(target, strings.Join(lines, "\n")+"\n", "Content-Type: application/x-ndjson")
}

const (
	onDocs      = `{"index":"e2e-docs"}`
	onOdd       = `{"index":["e2e-odd"]}`
	memory      = `{"query":{"match":{"text":"memory system"}}}`
	memoryPage  = `{"query":{"match":{"text":"memory"}},"from":3,"size":7,"aggs":{"t":{"terms":{"field":"topics"}}}}`
	oddWords    = `{"query":{"multi_match":{"query":"odd words","fields":["title","text"]}},"size":30}`
	sortedByKey = `{ "query":{"match":{"text":"memory"}},"sort":["key"] }`
)

// multiAnswers are multi-searches whose answers must not change with the order kept and the engine's scores. want is what
// resift says of the whole and of each search.
var multiAnswers = []struct {
	name           string
	send           request
	want, searches string
}{
	{"one", multi("/_msearch", onDocs, memory), "reranked", "reranked"},
	{"several", multi("/_msearch", onDocs, memory, onOdd, oddWords, onDocs, memoryPage), "reranked", "reranked;n=3"},
	{"by GET", multi("/_msearch", onDocs, memory).by("GET"), "reranked", "reranked"},
	{"as JSON", post("/_msearch", onDocs+"\n"+memory+"\n"), "reranked", "reranked"},
	{"index of the path", multi("/e2e-docs/_msearch", "{}", memory, "", memoryPage, onOdd, oddWords, "\r", memory+"\r"), "reranked", "reranked;n=4"},
	{"members of the header", multi("/_msearch", `{"index":"e2e-docs,e2e-odd","search_type":"dfs_query_then_fetch","preference":"p","routing":null,"ignore_unavailable":true}`, memory),
		"reranked", "reranked"},
	{"mixed", multi("/_msearch", onDocs, sortedByKey, onDocs, memory, onOdd, `{"size":0}`, onOdd, `{}`), "reranked",
		"bypassed;reason=sort, reranked, bypassed;reason=size_zero, bypassed;reason=no_query_text"},
	{"nothing to re-rank", multi("/_msearch", onDocs, sortedByKey, "", `{"size":0,"aggs":{"t":{"terms":{"field":"topics"}}}}`), "bypassed sort",
		"bypassed;reason=sort, bypassed;reason=size_zero"},
	{"parameters", multi("/_msearch?typed_keys=true&rest_total_hits_as_int=true&max_concurrent_searches=2&pre_filter_shard_size=5&search_type=dfs_query_then_fetch&pretty",
		onDocs, memoryPage, onOdd, oddWords), "reranked", "reranked;n=2"},
	{"ccs_minimize_roundtrips", multi("/_msearch?ccs_minimize_roundtrips=false", onDocs, memory), "reranked", "reranked"},
	{"filter_path", multi("/_msearch?filter_path=responses.hits.hits._id,responses.hits.total,responses.*.t,responses.error.type", onDocs, memoryPage,
		`{"index":"e2e-none"}`, memory, onOdd, `{"size":1}`), "fallback engine_status", "reranked, fallback;reason=engine_status, bypassed;reason=no_query_text"},
	{"filter_path that excludes", multi("/_msearch?filter_path=-responses.hits.hits._source,-took", onDocs, memoryPage, onDocs, memory), "reranked", "reranked;n=2"},
	{"an index that is missing", multi("/_msearch", onDocs, memory, `{"index":"e2e-none"}`, memory, onDocs, memoryPage), "fallback engine_status",
		"reranked, fallback;reason=engine_status, reranked"},
	{"a search that the engine refuses", multi("/_msearch", onDocs, memory, onDocs, `{"query":{"match":{"text":"memory"}},"size":10001}`, onDocs, memoryPage),
		"fallback engine_status", "reranked, fallback;reason=engine_status, reranked"},
	{"all missing", multi("/_msearch", `{"index":"e2e-none"}`, memory, `{"index":"e2e-none"}`, `{"size":0}`), "fallback engine_status",
		"fallback;reason=engine_status, bypassed;reason=size_zero"},
	{"a member that is unknown", multi("/_msearch", onDocs, memory, onDocs, `{"nonsense":1}`), "fallback engine_status",
		"fallback;reason=engine_status, bypassed;reason=no_query_text"},
	{"a header that is unknown", multi("/_msearch", onDocs, memory, `{"index":"e2e-docs","nonsense":1}`, memory), "fallback engine_status",
		"fallback;reason=engine_status, bypassed;reason=multi_search"},
	{"broken JSON", multi("/_msearch", onDocs, memory, onDocs, `{"query":`), "fallback engine_status", "fallback;reason=engine_status, bypassed;reason=malformed_body"},
	{"a header without a search", multi("/_msearch", onDocs, memory, onDocs), "reranked", "reranked"},
	{"an empty line at the end", multi("/_msearch", onDocs, memory, ""), "reranked", "reranked"},
	{"an empty search", multi("/_msearch", onDocs, memory, onDocs, ""), "fallback engine_status", "fallback;reason=engine_status, bypassed;reason=no_query_text"},
	{"a line break at the start", multi("/_msearch", "", onDocs, memory), "bypassed multi_search", ""},
	{"no line break at the end", post("/_msearch", onDocs+"\n"+memory), "bypassed multi_search", ""},
	{"no body", post("/_msearch", "", "Content-Type: application/x-ndjson"), "bypassed multi_search", ""},
	{"a parameter that is unknown", multi("/_msearch?nonsense=1", onDocs, memory), "fallback engine_status", "fallback;reason=engine_status"},
	{"parameters of a plain search", multi("/_msearch?size=1&q=x", onDocs, memory), "fallback engine_status", "fallback;reason=engine_status"},
	{"YAML", multi("/_msearch?format=yaml", onDocs, memory), "bypassed answer_format", ""},
	{"a media type that is unknown", post("/_msearch", onDocs+"\n"+memory+"\n", "Content-Type: text/plain"), "bypassed content_type", ""},
}

// TestMultiSearchSameAnswer holds multi-searches to what single ones are held to by TestSameAnswer.
func TestMultiSearchSameAnswer(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		c := withScorer(e, rig.NewScorer(t, rig.KeepOrder))
		c.indices = `[{match: "*", fields: [title, text, key], score: keep, window: 50}]`
		p := start(t, c)
		for _, x := range multiAnswers {
			t.Run(x.name, func(t *testing.T) {
				sameAnswer{send: x.send, want: x.want}.run(t, e, p)
				if got := p.ask(x.send).header.Get("X-Resift-Searches"); got != x.searches {
					t.Errorf("searches: %s\n    want: %s", got, x.searches)
				}
			})
		}
		if e.name == "elasticsearch" {
			r := post("/_msearch", onDocs+"\n"+memory+"\n", "Content-Type: application/vnd.elasticsearch+x-ndjson; compatible-with=9",
				"Accept: application/vnd.elasticsearch+json; compatible-with=9")
			sameAnswer{send: r, want: "reranked"}.run(t, e, p)
		}
	})
}

// responses are the parts of the answer to a multi-search.
func (a answer) responses(t *testing.T) []answer {
	t.Helper()
	var parsed struct{ Responses []json.RawMessage }
	if err := json.Unmarshal(a.body, &parsed); err != nil || len(parsed.Responses) == 0 {
		t.Fatalf("no answer to a multi-search (%v): %s", err, a)
	}
	var list []answer
	for _, body := range parsed.Responses {
		list = append(list, answer{status: a.status, header: a.header, body: body})
	}
	return list
}

// TestMultiSearchReversedOrder turns each window around and leaves all else.
func TestMultiSearchReversedOrder(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		p := withReversal(t, e)
		r := multi("/_msearch",
			onDocs, `{"query":{"match":{"text":"system"}},"size":70}`,
			onOdd, oddWords,
			`{"index":"e2e-shards"}`, `{"query":{"match":{"text":"system language"}},"size":60,"aggs":{"t":{"terms":{"field":"topics"}}}}`,
			onOdd, `{"query":{"match":{"title":"zzyzzxqq"}}}`)
		direct, proxied := ask(t, e.address, r).responses(t), p.ask(r).responses(t)
		if len(direct) != len(proxied) {
			t.Fatalf("%d responses, the engine has %d", len(proxied), len(direct))
		}
		for i := range direct {
			compareReversed(t, direct[i], proxied[i])
		}
	})
}

// TestMultiSearchWithoutScorer ends each search in the engine's own answer.
func TestMultiSearchWithoutScorer(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		s := rig.NewScorer(t, rig.KeepOrder)
		p := start(t, withScorer(e, s))
		s.Close()
		r := multi("/_msearch", onDocs, memory, onOdd, `{"size":1}`, onDocs, memoryPage)
		sameAnswer{send: r, want: "fallback model"}.run(t, e, p)
	})
}
