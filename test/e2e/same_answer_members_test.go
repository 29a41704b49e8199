package e2e

import (
	"encoding/json"
	"strings"
	"testing"
)

func sameAnswers() []sameAnswer {
	all := append(queryCases(), targetCases()...)
	return append(append(append(all, memberCases()...), pageCases()...), formCases()...)
}

// Members of the body beside the query.
func memberCases() []sameAnswer {
	with := func(name, want, members string) sameAnswer {
		return sameAnswer{name: "with " + name, want: want, send: post("/"+docs+"/_search", `{"query":{"match":{"text":"memory system"}},`+members+`}`)}
	}
	onOdd := func(name, members string) sameAnswer {
		return sameAnswer{name: "odd " + name, want: "reranked", send: post("/"+odd+"/_search", `{"query":{"multi_match":{"query":"odd words","fields":["title","text"]}},"size":30`+members+`}`)}
	}
	list := []sameAnswer{
		with("aggs", "reranked", `"aggs":{"topics":{"terms":{"field":"topics"},"aggs":{"len":{"avg":{"field":"length"}}}},"lens":{"histogram":{"field":"length","interval":500}}}`),
		with("highlight", "reranked", `"highlight":{"fields":{"text":{},"title":{"number_of_fragments":0}}}`),
		with("highlight of everything", "reranked", `"highlight":{"require_field_match":false,"fields":{"*":{"number_of_fragments":2,"fragment_size":60}},"pre_tags":["<b>"],"post_tags":["</b>"]},"sort":["_score",{"key":"asc"}],"version":true,"explain":false`),
		with("highlight, plain, in order", "reranked", `"highlight":{"type":"plain","order":"score","fields":[{"title":{}},{"text":{"matched_fields":["text"],"no_match_size":40}}]},"from":7,"size":13`),
		with("highlight of another query", "reranked", `"highlight":{"highlight_query":{"match_phrase_prefix":{"text":"computer sys"}},"fields":{"text":{"highlight_query":{"prefix":{"text":"mem"}}},"title":{}}},"_source":false,"fields":["title"]`),
		with("highlight, encoded", "reranked", `"highlight":{"encoder":"html","tags_schema":"styled","fields":{"text":{"boundary_scanner":"sentence","type":"unified"}}},"seq_no_primary_term":true,"docvalue_fields":["key"]`),
		with("highlight that fails", "fallback engine_status", `"highlight":{"fields":{"text":{"type":"nonsense"}}}`),
		with("highlight beside inner hits", "reranked", `"highlight":{"fields":{"text":{}}},"collapse":{"field":"key","inner_hits":{"name":"same","size":2,"highlight":{"fields":{"text":{}}}}}`),
		with("highlight with named queries", "reranked", `"post_filter":{"match":{"text":{"query":"memory","_name":"named"}}},"highlight":{"fields":{"text":{}}}`),
		with("collapse", "reranked", `"collapse":{"field":"key","inner_hits":{"name":"same","size":2,"_source":["title"]}},"size":5`),
		with("sort by score, then key", "reranked", `"sort":["_score",{"key":"asc"}]`),
		with("sort by score, object", "reranked", `"sort":{"_score":{"order":"desc"}},"track_scores":true`),
		with("sort by a field", "bypassed sort", `"sort":[{"key":{"order":"desc"}},"_score"]`),
		with("sort by score, ascending", "bypassed sort", `"sort":[{"_score":"asc"}]`),
		with("fields", "reranked", `"fields":["title","topics",{"field":"updated","format":"epoch_millis"}],"_source":false`),
		with("docvalue_fields", "reranked", `"docvalue_fields":["length",{"field":"updated","format":"yyyy"}]`),
		with("stored_fields", "reranked", `"stored_fields":["stored"]`),
		with("stored_fields and source", "reranked", `"stored_fields":["stored","_source"]`),
		with("no stored_fields", "bypassed stored_fields", `"stored_fields":"_none_"`),
		with("source off", "reranked", `"_source":false`),
		with("source, one name", "reranked", `"_source":"title"`),
		with("source, patterns", "reranked", `"_source":["ti*","k*y"]`),
		with("source, all but one", "reranked", `"_source":{"excludes":["topics"]}`),
		with("source, singular names", "reranked", `"_source":{"include":["title"],"exclude":["key"]}`),
		with("source, no names", "reranked", `"_source":[]`),
		with("source, empty filter", "reranked", `"_source":{}`),
		with("source of the wrong kind", "bypassed parameter", `"_source":7`),
		with("source, a rule's field by its end", "reranked", `"_source":["*itle"],"size":3`),
		with("source, nothing of the rule", "reranked", `"_source":["length"],"fields":["length"]`),
		with("track_total_hits on", "reranked", `"track_total_hits":true`),
		with("track_total_hits off", "reranked", `"track_total_hits":false`),
		with("track_total_hits of few", "reranked", `"track_total_hits":10`),
		with("min_score", "reranked", `"min_score":2.5`),
		with("terminate_after", "reranked", `"terminate_after":200`),
		with("timeout", "reranked", `"timeout":"10s"`),
		with("post_filter", "reranked", `"post_filter":{"range":{"length":{"lt":300}}}`),
		with("rescore", "reranked", `"rescore":{"window_size":20,"query":{"rescore_query":{"match":{"title":"memory"}},"query_weight":1,"rescore_query_weight":3}}`),
		with("suggest", "reranked", `"suggest":{"text":"memry systm","s1":{"term":{"field":"text"}},"s2":{"phrase":{"field":"text"}}}`),
		with("indices_boost", "reranked", `"indices_boost":[{"e2e-docs":1.5}]`),
		with("version and seq_no", "reranked", `"version":true,"seq_no_primary_term":true,"stats":["group"]`),
		with("search_after", "bypassed search_after", `"search_after":[1.0,"m"],"sort":["_score",{"key":"asc"}]`),
		with("knn", "bypassed knn", `"knn":{"field":"nothing","query_vector":[1,2],"k":3,"num_candidates":5}`),
		with("rank", "bypassed rank", `"rank":{"rrf":{}}`),
		with("a member that is unknown", "fallback engine_status", `"nonsense":true`),
		with("an ext that is unknown", "fallback engine_status", `"ext":{"nonsense":{}}`),
		with("a member of the wrong kind", "bypassed page", `"size":"many"`),
		with("a negative page", "bypassed page", `"from":-1`),
		with("a page over the engine's limit", "fallback engine_status", `"size":10001`),
		with("an aggregation that fails", "fallback engine_status", `"aggs":{"x":{"nonsense":{}}}`),
		with("slice", "bypassed slice", `"slice":{"id":0,"max":2}`),
		with("duplicate keys", "bypassed duplicate_key", `"size":3,"size":4`),
		with("a duplicate key deep inside", "bypassed duplicate_key", `"aggs":{"a":{"terms":{"field":"topics","field":"key"}}}`),

		onOdd("all of it", ""),
		onOdd("by fields", `,"_source":false,"fields":["*"]`),
		onOdd("by fields of ours", `,"_source":["raw","when"]`),
		onOdd("highlighted", `,"highlight":{"fields":{"*":{}}},"sort":["_score",{"key":"asc"}]`),
		onOdd("with docvalues", `,"docvalue_fields":["big","when","key"]`),

		// Once fields are asked for, Elasticsearch filters _source as a map, whose members come in another order.
		{name: "with source, both ways", want: "reranked", sameJSON: "elasticsearch", send: post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"_source":{"includes":["t*","key"],"excludes":["text"]}}`)},
		{name: "odd some of the source", want: "reranked", sameJSON: "elasticsearch", send: post("/"+odd+"/_search", `{"query":{"match":{"title":"odd"}},"size":30,"_source":["title","raw","people.name"]}`)},
		{name: "with explain", want: "reranked", explained: true, send: post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"explain":true,"size":3}`)},
		{name: "with explain in the URL", want: "reranked", explained: true, send: post("/"+docs+"/_search?explain=true&pretty", `{"query":{"match":{"text":"memory"}},"size":3}`)},
		{name: "with profile", want: "reranked", masks: []mask{profileMask}, send: post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"profile":true,"size":3}`)},
		{name: "with script_fields", only: "opensearch", want: "reranked", send: post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"script_fields":{"double":{"script":"doc['length'].value * 2"}},"_source":["title"]}`)},
		{name: "with runtime_mappings", only: "elasticsearch", want: "reranked", send: post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"runtime_mappings":{"first":{"type":"keyword"}},"fields":["first","title"],"size":4}`)},
		{name: "with derived", only: "opensearch", want: "reranked", send: post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"derived":{"twice":{"type":"long","script":{"source":"emit(doc['length'].value * 2)"}}},"fields":["twice","title"],"size":4,"highlight":{"fields":{"text":{}}}}`)},
		{name: "with runtime_mappings and highlight", only: "elasticsearch", want: "reranked", send: post("/"+docs+"/_search", `{"query":{"match":{"text":"memory"}},"runtime_mappings":{"key2":{"type":"keyword"}},"fields":["key2"],"highlight":{"fields":{"text":{}}},"size":4}`)},
		{name: "with a retriever of two", only: "elasticsearch", want: "bypassed retriever", send: post("/"+docs+"/_search", `{"retriever":{"standard":{"query":{"match":{"text":"memory"}}}}}`)},
		{name: "with a point in time", want: "reranked", prepare: openPIT, masks: []mask{pitMask}, send: post("/_search", `{"query":{"match":{"text":"memory"}},"pit":{"id":"PIT","keep_alive":"1m"},"size":4}`)},
	}
	return list
}

// openPIT puts a point in time of the engine in place of PIT.
func openPIT(t *testing.T, e *engine, r *request) {
	path := "/" + docs + "/_pit?keep_alive=1m"
	if e.name == "opensearch" {
		path = "/" + docs + "/_search/point_in_time?keep_alive=1m"
	}
	body, err := e.read(t.Context(), "POST", path, "", nil)
	if err != nil {
		t.Fatal(err)
	}
	var pit struct {
		ID    string `json:"id"`
		PITID string `json:"pit_id"`
	}
	if err := json.Unmarshal(body, &pit); err != nil {
		t.Fatal(err)
	}
	r.body = []byte(strings.Replace(string(r.body), "PIT", pit.ID+pit.PITID, 1))
}

// Pages inside the window, over its end and past it.
func pageCases() []sameAnswer {
	page := func(name, want, parameters, members string) sameAnswer {
		return sameAnswer{name: "page " + name, want: want, send: post("/"+docs+"/_search"+parameters, `{"query":{"match":{"text":"system"}}`+members+`}`)}
	}
	return []sameAnswer{
		page("first", "reranked", "", ""),
		page("inside", "reranked", "", `,"from":20,"size":10`),
		page("in the URL", "reranked", "?from=20&size=10", ""),
		page("in both", "reranked", "?size=3", `,"from":4,"size":9`),
		page("of one", "reranked", "", `,"from":49,"size":1`),
		page("that is the window", "reranked", "", `,"size":50`),
		page("larger than the window", "reranked", "", `,"size":120`),
		page("over the end", "reranked", "", `,"from":45,"size":10`),
		page("at the end", "bypassed past_window", "", `,"from":50,"size":10`),
		page("past the end", "bypassed past_window", "?from=500", ""),
		page("of none", "bypassed size_zero", "", `,"size":0`),
		page("of none, in the URL", "bypassed size_zero", "?size=0", ""),
		page("past all hits", "reranked", "", `,"from":40,"size":2000`),
		page("in words", "bypassed page", "?from=two", ""),
		page("as a text", "reranked", "", `,"from":"2","size":"3"`),
		page("with sort in the URL", "bypassed sort", "?sort=key:desc", ""),
		page("with score in the URL", "reranked", "?sort=_score", ""),
		{name: "page with a scroll", want: "bypassed scroll", masks: []mask{scrollMask}, send: post("/"+docs+"/_search?scroll=1m", `{"query":{"match":{"text":"system"}}}`)},
		{name: "page of the short list", want: "reranked", send: post("/"+odd+"/_search", `{"query":{"match":{"title":"integers"}},"from":3}`)},
	}
}

// Forms that an answer, or an error, is asked for in.
func formCases() []sameAnswer {
	const body = `{"query":{"match":{"text":"memory"}},"size":4,"aggs":{"t":{"terms":{"field":"topics","size":3}}},"suggest":{"s":{"text":"memry","term":{"field":"text"}}}}`
	form := func(name, want, parameters string, header ...string) sameAnswer {
		return sameAnswer{name: "form " + name, want: want, send: post("/"+docs+"/_search"+parameters, body, header...)}
	}
	filter := func(patterns string) sameAnswer {
		return form("filter_path="+strings.ReplaceAll(patterns, "/", " "), "reranked", "?filter_path="+patterns)
	}
	vendor := func(accept, contentType int) []string {
		v := []string{"", "application/vnd.elasticsearch+json;compatible-with=8", "application/vnd.elasticsearch+json; compatible-with=9"}
		list := []string{"Content-Type: " + v[contentType]}
		if accept > 0 {
			list = append(list, "Accept: "+v[accept])
		}
		return list
	}
	cases := []sameAnswer{
		form("source in the URL", "reranked", "?_source=title,key"),
		form("source off in the URL", "reranked", "?_source=false"),
		form("source both ways in the URL", "reranked", "?_source_includes=t*&_source_excludes=text,topics"),
		form("source of the body overridden", "reranked", "?_source_excludes=t*"),
		form("source, a pattern in the URL", "reranked", "?_source=*opic*,ke?"),
		form("stored_fields in the URL", "reranked", "?stored_fields=stored"),
		form("docvalue_fields in the URL", "reranked", "?docvalue_fields=length"),
		{name: "form highlight, pretty", want: "reranked", send: post("/"+docs+"/_search?pretty&human&version=false&rest_total_hits_as_int=true", `{"query":{"match":{"text":"memory"}},"highlight":{"fields":{"text":{}}},"aggs":{"t":{"terms":{"field":"topics"}}}}`)},
		{name: "form highlight of many", want: "reranked", send: post("/e2e-*/_search?typed_keys=true&preference=_local", `{"query":{"query_string":{"query":"text:(memory OR words) title:od*"}},"highlight":{"fields":{"t*":{}}},"size":20}`)},
		{name: "form highlight, filtered", want: "reranked", send: post("/"+docs+"/_search?filter_path=hits.hits.highlight,hits.hits._id", `{"query":{"match":{"text":"memory"}},"highlight":{"fields":{"text":{}}}}`)},
		form("version", "reranked", "?version=true&seq_no_primary_term=true"),
		form("typed_keys", "reranked", "?typed_keys=true"),
		form("rest_total_hits_as_int", "reranked", "?rest_total_hits_as_int=true"),
		form("totals off", "reranked", "?track_total_hits=false"),
		form("pretty", "reranked", "?pretty"),
		form("pretty=true and human", "reranked", "?pretty=true&human"),
		form("error_trace without an error", "reranked", "?error_trace=true"),
		form("yaml", "bypassed answer_format", "?format=yaml"),
		form("json by name", "reranked", "?format=json"),
		{name: "form cbor", want: "bypassed answer_format", masks: []mask{cborMask}, send: post("/"+docs+"/_search", body, "Accept: application/cbor", "Content-Type: application/json")},
		form("yaml by header", "bypassed answer_format", "", "Accept: application/yaml", "Content-Type: application/json"),
		form("any form", "reranked", "", "Accept: */*", "Content-Type: application/json; charset=UTF-8"),
		form("opaque id", "reranked", "", "X-Opaque-Id: my-id-1", "Content-Type: application/json"),
		form("trace of the client", "reranked", "", "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "Content-Type: application/json"),
		filter("hits.hits._source.title"), filter("hits.hits._id,hits.total,took"), filter("**.title"), filter("-hits.hits._source,-_shards"),
		filter("hits.*._s*"), filter("aggregations.**.key,-**.doc_count"), filter("nothing"), filter("hits.hits.*,-hits.hits._source.text"),
		filter("**._source.t*,-**.text"), filter("*"), filter("suggest"), filter("hits.max_score,hits.hits._score"), filter("_shards,timed_out"),
		{name: "form filter_path of an error", want: "fallback engine_status", send: post("/e2e-none/_search?filter_path=error.type,status", body)},
		// OpenSearch indents _source only where filter_path makes it read it, and the first stage goes without filter_path.
		{name: "form pretty filter_path", want: "reranked", sameJSON: "opensearch", send: post("/"+docs+"/_search?pretty&filter_path=hits.hits._source.title,aggregations", body)},
		{name: "form vendor 8", only: "elasticsearch", want: "reranked", send: post("/"+docs+"/_search", body, vendor(1, 1)...)},
		{name: "form vendor 9", only: "elasticsearch", want: "reranked", send: post("/"+docs+"/_search", body, vendor(2, 2)...)},
		{name: "form vendor 9 without a body", only: "elasticsearch", want: "reranked", send: get("/"+docs+"/_search?q=text:memory&_source=false", vendor(2, 2)[1])},
		{name: "form vendors that differ", only: "elasticsearch", want: "fallback engine_status", send: post("/"+docs+"/_search", body, vendor(1, 2)...)},
		{name: "form vendor of another", only: "opensearch", want: "fallback engine_status", send: post("/"+docs+"/_search", body, vendor(1, 1)...)},
		{name: "form error_trace", want: "fallback engine_status", masks: []mask{stackMask}, send: post("/"+docs+"/_search?error_trace=true&pretty", `{"query":{"match":{"text":"x"}},"nonsense":1}`)},
		{name: "form without a type", want: "bypassed content_type", send: request{method: "POST", target: "/" + docs + "/_search", body: []byte(body)}},
		{name: "form of a form", want: "bypassed content_type", send: post("/"+docs+"/_search", body, "Content-Type: application/x-www-form-urlencoded")},
		{name: "form smile body", want: "bypassed content_type", send: post("/"+docs+"/_search", ":)\n\x05\xfa\xfb", "Content-Type: application/smile"), masks: []mask{smileMask}},
		{name: "form cbor body", want: "bypassed content_type", send: post("/"+docs+"/_search", "\xbf\x64size\x03\xff", "Content-Type: application/cbor", "Accept: application/json")},
		{name: "form yaml body", want: "bypassed content_type", send: post("/"+docs+"/_search", "---\nquery:\n  match:\n    text: memory\n", "Content-Type: application/yaml")},
	}
	return cases
}
