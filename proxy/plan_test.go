package proxy

import (
	"net/http"
	"strings"
	"testing"
	"time"
)

// testRules: products are re-ranked, docs by a path, everything else not.
func testRules() *Rules {
	return &Rules{
		List: []Rule{
			{
				Match: "prod*", Fields: []string{"title", "body"}, Window: 50, MaxWindow: 200, Timeout: time.Second,
				Score: ScoreModel, LongText: LongText{Mode: LongTextMax, MaxTokens: 96, Overlap: 16}, OnFailure: OnFailureError,
			},
			{
				Match: "docs", Fields: []string{"text"}, Window: 100, MaxWindow: 1000, Timeout: DefaultTimeout, Score: ScoreKeep,
				LongText: LongText{Mode: LongTextHighlight}, QueryPath: "params.question", Details: true, OnFailure: OnFailureEngine,
			},
		},
		Allow: AllowAll(),
	}
}

const jsonType = "application/json"

// ask makes a request of "METHOD target", a body and "Name: value" headers. A body is JSON unless a Content-Type says other.
func ask(line, body string, headers ...string) *Request {
	method, target, _ := strings.Cut(line, " ")
	path, rawQuery, _ := strings.Cut(target, "?")
	r := &Request{Method: method, Path: path, RawQuery: rawQuery, Header: http.Header{}}
	if body != "" {
		r.Body = []byte(body)
		r.Header.Set("Content-Type", jsonType)
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Content-Type" {
			r.Header.Del(name)
		}
		r.Header.Add(name, value)
	}
	return r
}

const matchBody = `{"query":{"match":{"title":"quick fox"}}}`

func TestBypassesAndTheirReasons(t *testing.T) {
	deep := strings.Repeat(`{"bool":{"must":`, 150) + `{"match":{"a":"x"}}` + strings.Repeat(`}}`, 150)
	for _, c := range []struct {
		name string
		r    *Request
		want Reason
	}{
		{"an index without a rule", ask("POST /logs/_search", matchBody), ReasonNoRule},
		{"one index of two without a rule", ask("POST /products,logs/_search", matchBody), ReasonNoRule},
		{"all indices", ask("POST /_search", matchBody), ReasonNoRule},
		{"a point in time", ask("POST /_search", `{"pit":{"id":"x"},"query":{"match":{"title":"fox"}}}`), ReasonNoRule},
		{"a point in time beside an index", ask("POST /products/_search", `{"pit":{"id":"x"},"query":{"match":{"title":"fox"}}}`), ReasonNoRule},
		{"an index named in the query string", ask("POST /_search?index=logs", matchBody), ReasonNoRule},
		{"an index named twice", ask("POST /products/_search?index=logs", matchBody), ReasonQueryString},
		{"a broken escape in the path", ask("POST /prod%zz/_search", matchBody), ReasonNoRule},
		{"not a search", ask("POST /products/_count", matchBody), ReasonNoRule},

		{"mode off by header", ask("POST /products/_search", matchBody, "X-Resift-Mode: off"), ReasonModeOff},
		{"control arm", ask("POST /products/_search", matchBody, "X-Resift-Arm: control"), ReasonControlArm},

		{"no body at all", ask("GET /products/_search", ""), ReasonNoQueryText},
		{"an empty object", ask("POST /products/_search", `{}`), ReasonNoQueryText},
		{"match_all", ask("POST /products/_search", `{"query":{"match_all":{}}}`), ReasonNoQueryText},
		{"only filters", ask("POST /products/_search", `{"query":{"bool":{"filter":{"match":{"a":"b"}}}}}`), ReasonNoQueryText},
		{"only a rescore query", ask("POST /products/_search", `{"rescore":{"query":{"rescore_query":{"match":{"a":"b"}}}}}`), ReasonNoQueryText},
		{"an empty q", ask("GET /products/_search?q=", ""), ReasonNoQueryText},
		{"a q of operators only", ask("GET /products/_search?q=*:*", ""), ReasonNoQueryText},
		{"q replaces the body's query", ask("POST /products/_search?q=-a", matchBody), ReasonNoQueryText},
		{"the rule's path leads nowhere", ask("POST /docs/_search", matchBody), ReasonNoQueryText},

		{"sort: a string", ask("POST /products/_search", `{"sort":"price","query":{"match":{"a":"b"}}}`), ReasonSort},
		{"sort: an array of a string", ask("POST /products/_search", `{"sort":["price","_score"],"query":{"match":{"a":"b"}}}`), ReasonSort},
		{"sort: an object", ask("POST /products/_search", `{"sort":{"price":"asc"},"query":{"match":{"a":"b"}}}`), ReasonSort},
		{"sort: an array of an object", ask("POST /products/_search", `{"sort":[{"price":{"order":"asc"}}],"query":{"match":{"a":"b"}}}`), ReasonSort},
		{"sort: _score ascending", ask("POST /products/_search", `{"sort":[{"_score":{"order":"asc"}}],"query":{"match":{"a":"b"}}}`), ReasonSort},
		{"sort: _score ascending, short", ask("POST /products/_search", `{"sort":{"_score":"ASC"},"query":{"match":{"a":"b"}}}`), ReasonSort},
		{"sort: by a script", ask("POST /products/_search", `{"sort":{"_script":{}},"query":{"match":{"a":"b"}}}`), ReasonSort},
		{"sort: nonsense", ask("POST /products/_search", `{"sort":[["_score"]],"query":{"match":{"a":"b"}}}`), ReasonSort},
		{"sort in the URL", ask("POST /products/_search?sort=price:asc", matchBody), ReasonSort},
		{"sort in the URL without a direction", ask("POST /products/_search?sort=price,_score", matchBody), ReasonSort},
		{"sort in the URL by _score ascending", ask("POST /products/_search?sort=_score:asc", matchBody), ReasonSort},
		{"the body's sort comes before the URL's", ask("POST /products/_search?sort=_score", `{"sort":["price"],"query":{"match":{"a":"b"}}}`), ReasonSort},
		{"an empty sort leaves it to the URL's", ask("POST /products/_search?sort=price", `{"sort":[],"query":{"match":{"a":"b"}}}`), ReasonSort},

		{"search_after", ask("POST /products/_search", `{"search_after":[1],"query":{"match":{"a":"b"}}}`), ReasonSearchAfter},
		{"scroll", ask("POST /products/_search?scroll=1m", matchBody), ReasonScroll},
		{"slice", ask("POST /products/_search", `{"slice":{"id":0,"max":2},"query":{"match":{"a":"b"}}}`), ReasonSlice},
		{"knn", ask("POST /products/_search", `{"knn":{"field":"v"},"query":{"match":{"a":"b"}}}`), ReasonKNN},
		{"rank", ask("POST /products/_search", `{"rank":{"rrf":{}},"query":{"match":{"a":"b"}}}`), ReasonRank},
		{"sub_searches", ask("POST /products/_search", `{"sub_searches":[]}`), ReasonRank},

		{"size 0", ask("POST /products/_search", `{"size":0,"query":{"match":{"a":"b"}}}`), ReasonSizeZero},
		{"size 0 in the URL overrides the body", ask("POST /products/_search?size=0", `{"size":5,"query":{"match":{"a":"b"}}}`), ReasonSizeZero},
		{"from at the window", ask("POST /products/_search", `{"from":50,"query":{"match":{"a":"b"}}}`), ReasonPastWindow},
		{"from past the window, in the URL", ask("POST /products/_search?from=1000", matchBody), ReasonPastWindow},
		{"from past the window that the request asks for", ask("POST /products/_search?from=10", matchBody, "X-Resift-Window: 10"), ReasonPastWindow},
		{"a negative from", ask("POST /products/_search", `{"from":-1,"query":{"match":{"a":"b"}}}`), ReasonPage},
		{"a negative size in the URL", ask("POST /products/_search?size=-1", matchBody), ReasonPage},
		{"a size that is no number", ask("POST /products/_search?size=ten", matchBody), ReasonPage},
		{"a fractional size", ask("POST /products/_search", `{"size":1.5,"query":{"match":{"a":"b"}}}`), ReasonPage},
		{"an exponent", ask("POST /products/_search", `{"size":1e1,"query":{"match":{"a":"b"}}}`), ReasonPage},
		{"a null size", ask("POST /products/_search", `{"size":null,"query":{"match":{"a":"b"}}}`), ReasonPage},
		{"an empty size", ask("POST /products/_search?size=", matchBody), ReasonPage},
		{"a size past 31 bits", ask("POST /products/_search", `{"size":99999999999,"query":{"match":{"a":"b"}}}`), ReasonPage},

		{"YAML", ask("POST /products/_search", "query: {}", "Content-Type: application/yaml"), ReasonContentType},
		{"CBOR", ask("POST /products/_search", "\xa0", "Content-Type: application/cbor"), ReasonContentType},
		{"SMILE", ask("POST /products/_search", ":)\n", "Content-Type: application/smile"), ReasonContentType},
		{"vendor YAML", ask("POST /products/_search", "a: b", "Content-Type: application/vnd.elasticsearch+yaml;compatible-with=8"), ReasonContentType},
		{"a form", ask("POST /products/_search", "a=b", "Content-Type: application/x-www-form-urlencoded"), ReasonContentType},
		{"another charset", ask("POST /products/_search", matchBody, "Content-Type: application/json; charset=latin1"), ReasonContentType},
		{"a source without its type", ask("GET /products/_search?source={}", ""), ReasonContentType},
		{"a source of another type", ask("GET /products/_search?source={}&source_content_type=application/yaml", ""), ReasonContentType},
		{"an answer in YAML", ask("POST /products/_search?format=yaml", matchBody), ReasonAnswerFormat},
		{"an answer in CBOR by Accept", ask("POST /products/_search", matchBody, "Accept: application/cbor"), ReasonAnswerFormat},
		{"an answer in YAML among others", ask("POST /products/_search", matchBody, "Accept: application/yaml, */*"), ReasonAnswerFormat},
		{"a compressed body", ask("POST /products/_search", matchBody, "Content-Encoding: gzip"), ReasonEncoding},
		{"both a body and a source", ask("POST /products/_search?source={}&source_content_type=application/json", matchBody), ReasonBodyAndSource},

		{"malformed JSON", ask("POST /products/_search", `{"query":`), ReasonMalformed},
		{"a comment", ask("POST /products/_search", `{"query":{/* */}}`), ReasonMalformed},
		{"two values", ask("POST /products/_search", `{} {}`), ReasonMalformed},
		{"not an object", ask("POST /products/_search", `[]`), ReasonMalformed},
		{"only white space", ask("POST /products/_search", ` `), ReasonMalformed},
		{"invalid UTF-8", ask("POST /products/_search", "{\"a\":\"\xff\"}"), ReasonMalformed},
		{"too deep", ask("POST /products/_search", `{"query":`+deep+`}`), ReasonTooDeep},
		{"a hundred thousand deep", ask("POST /products/_search", strings.Repeat("[", 100_000)), ReasonTooDeep},
		{"a duplicate key", ask("POST /products/_search", `{"size":1,"size":2}`), ReasonDuplicateKey},
		{"a duplicate key, once escaped", ask("POST /products/_search", `{"size":1,"s\u0069ze":2}`), ReasonDuplicateKey},
		{"a duplicate key deep inside", ask("POST /products/_search", `{"query":{"match":{"a":"x","a":"y"}}}`), ReasonDuplicateKey},
		{"a duplicate parameter", ask("POST /products/_search?size=1&size=2", matchBody), ReasonQueryString},
		{"a semicolon", ask("POST /products/_search?size=1;from=2", matchBody), ReasonQueryString},

		{"a source filter that cannot be", ask("POST /products/_search", `{"_source":7,"query":{"match":{"a":"b"}}}`), ReasonParameter},
		{"fields that cannot be", ask("POST /products/_search", `{"_source":false,"fields":"title","query":{"match":{"a":"b"}}}`), ReasonParameter},
		{"an explain that cannot be", ask("POST /products/_search?explain=maybe", matchBody), ReasonParameter},
		{"stored fields turned off", ask("POST /products/_search", `{"stored_fields":"_none_","query":{"match":{"a":"b"}}}`), ReasonStoredFields},
		{"stored fields turned off in the URL", ask("POST /products/_search?stored_fields=_none_", matchBody), ReasonStoredFields},

		{"another retriever", ask("POST /products/_search", `{"retriever":{"rrf":{"retrievers":[]}}}`), ReasonRetriever},
		{"a standard retriever", ask("POST /products/_search", `{"retriever":{"standard":{"query":{"match":{"a":"b"}}}}}`), ReasonRetriever},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Plan(c.r, testRules())
			if d.Bypass != c.want || d.Refusal != nil {
				t.Fatalf("bypass %q, refusal %v; want %q", d.Bypass, d.Refusal, c.want)
			}
			wantVerbatim(t, c.r, d)
		})
	}
}

// wantVerbatim: what is bypassed reaches the engine as it came.
func wantVerbatim(t *testing.T, r *Request, d Decision) {
	t.Helper()
	own := d.Own
	if d.OwnEdited || own.Method != r.Method || own.Path != r.Path || own.RawQuery != r.RawQuery || string(own.Body) != string(r.Body) {
		t.Errorf("the client's own request was changed: %s %s?%s %s", own.Method, own.Path, own.RawQuery, own.Body)
	}
}

func TestPlanned(t *testing.T) {
	for _, c := range []struct {
		name string
		r    *Request
		want string // the query text
	}{
		{"POST with a body", ask("POST /products/_search", matchBody), "quick fox"},
		{"GET with a body", ask("GET /products/_search", matchBody), "quick fox"},
		{"q", ask("GET /products/_search?q=title:quick+-dog", ""), "quick"},
		{"q with df and default_operator", ask("GET /products/_search?q=quick+fox&df=title&default_operator=AND", ""), "quick fox"},
		{"POST without a body", ask("POST /products/_search?q=fox", "", "Content-Type: application/json"), "fox"},
		{"q over a body's query", ask("POST /products/_search?q=dog", matchBody), "dog"},
		{"source", ask("GET /products/_search?source=%7B%22query%22:%7B%22match%22:%7B%22a%22:%22fox%22%7D%7D%7D&source_content_type=application%2Fjson", ""), "fox"},
		{"a vendor media type", ask("POST /products/_search", matchBody, "Content-Type: application/vnd.elasticsearch+json;compatible-with=8",
			"Accept: application/vnd.elasticsearch+json;compatible-with=8"), "quick fox"},
		{"a charset", ask("POST /products/_search", matchBody, "Content-Type: application/json; charset=UTF-8"), "quick fox"},
		{"any answer accepted", ask("POST /products/_search", matchBody, "Accept: */*"), "quick fox"},
		{"a browser's Accept", ask("POST /products/_search", matchBody, "Accept: application/json, text/plain, */*"), "quick fox"},
		{"format=json", ask("POST /products/_search?format=json", matchBody), "quick fox"},
		{"identity encoding", ask("POST /products/_search", matchBody, "Content-Encoding: identity"), "quick fox"},
		{"the index in the query string", ask("POST /_search?index=products", matchBody), "quick fox"},
		{"several names and an exclusion", ask("POST /products,prod-new*,-prod-old/_search", matchBody), "quick fox"},
		{"date math", ask("POST /%3Cprod-%7Bnow%2Fd%7D%3E/_search", matchBody), "quick fox"},
		{"a trailing slash", ask("POST /products/_search/", matchBody), "quick fox"},
		{"sort by _score", ask("POST /products/_search", `{"sort":"_score","query":{"match":{"a":"fox"}}}`), "fox"},
		{"sort by _score, then another", ask("POST /products/_search", `{"sort":[{"_score":{"order":"DESC"}},"price"],"query":{"match":{"a":"fox"}}}`), "fox"},
		{"sort by _score, an object", ask("POST /products/_search", `{"sort":{"_score":{}},"query":{"match":{"a":"fox"}}}`), "fox"},
		{"an empty sort", ask("POST /products/_search", `{"sort":[{}],"query":{"match":{"a":"fox"}}}`), "fox"},
		{"sort by _score in the URL", ask("POST /products/_search?sort=_score:desc,price", matchBody), "quick fox"},
		{"a sort in the URL that engines drop", ask("POST /products/_search?sort=price:up", matchBody), "quick fox"},
		{"a rescorer runs first", ask("POST /products/_search", `{"query":{"match":{"a":"fox"}},"rescore":{"query":{"rescore_query":{"match":{"a":"dog"}}}}}`), "fox"},
		{"the rule's path", ask("POST /docs/_search", `{"params":{"question":"why"},"query":{"match":{"a":"fox"}}}`), "why"},
		{"q beside the rule's path", ask("POST /docs/_search?q=fox", `{"params":{"question":"why"}}`), "fox"},
		{"header query", ask("POST /products/_search", matchBody, "X-Resift-Query:  why  so"), "why so"},
		{"header query with match_all", ask("POST /products/_search", `{"query":{"match_all":{}}}`, "X-Resift-Query: why"), "why"},
		{"header query without a body", ask("GET /products/_search", "", "X-Resift-Query: why"), "why"},
		{"ext query", ask("POST /products/_search", `{"ext":{"resift":{"query_text":"why"}},"query":{"match":{"a":"fox"}}}`), "why"},
		{"header query over ext", ask("POST /products/_search", `{"ext":{"resift":{"query_text":"why"}}}`, "X-Resift-Query: how"), "how"},
		{"ext query over q", ask("POST /products/_search?q=fox", `{"ext":{"resift":{"query_text":"why"}}}`), "why"},
		{"treatment arm, mode rerank", ask("POST /products/_search", matchBody, "X-Resift-Arm: treatment", "X-Resift-Mode: rerank"), "quick fox"},
		{"inference_text", ask("POST /products/_search", `{"retriever":{"text_similarity_reranker":{"field":"title","inference_text":"why","retriever":{"standard":{"query":{"match":{"a":"fox"}}}}}}}`), "why"},
		{"OpenSearch query_text", ask("POST /products/_search", `{"query":{"match":{"a":"fox"}},"ext":{"rerank":{"query_context":{"query_text":"why"}}}}`), "why"},
		{"OpenSearch query_text_path", ask("POST /products/_search", `{"query":{"match":{"a":"fox"}},"ext":{"rerank":{"query_context":{"query_text_path":"query.match.a"}}}}`), "fox"},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Plan(c.r, testRules())
			if d.Bypass != "" || d.Refusal != nil {
				t.Fatalf("bypass %q, refusal %+v", d.Bypass, d.Refusal)
			}
			if d.Query != c.want {
				t.Errorf("query text %q, want %q", d.Query, c.want)
			}
		})
	}
}

func TestPageAndWindow(t *testing.T) {
	for _, c := range []struct {
		name                      string
		r                         *Request
		window, from, size, fetch int
	}{
		{"defaults", ask("POST /products/_search", matchBody), 50, 0, 10, 50},
		{"a page inside", ask("POST /products/_search?from=20&size=20", matchBody), 50, 20, 20, 50},
		{"the last hit of the window", ask("POST /products/_search?from=49&size=1", matchBody), 50, 49, 1, 50},
		{"a page across the end goes on in the engine's order", ask("POST /products/_search?from=45&size=20", matchBody), 50, 45, 20, 65},
		{"a page larger than the window", ask("POST /products/_search", `{"size":300,"query":{"match":{"a":"b"}}}`), 50, 0, 300, 300},
		{"strings of digits", ask("POST /products/_search", `{"from":"5","size":"7","query":{"match":{"a":"b"}}}`), 50, 5, 7, 50},
		{"the URL over the body", ask("POST /products/_search?from=1", `{"from":5,"size":7,"query":{"match":{"a":"b"}}}`), 50, 1, 7, 50},
		{"a smaller window", ask("POST /products/_search", matchBody, "X-Resift-Window: 20"), 20, 0, 10, 20},
		{"a window smaller than the page", ask("POST /products/_search", matchBody, "X-Resift-Window: 5"), 5, 0, 10, 10},
		{"the largest window", ask("POST /products/_search", matchBody, "X-Resift-Window: 200"), 200, 0, 10, 200},
		{"a window in ext", ask("POST /products/_search", `{"ext":{"resift":{"window":30}},"query":{"match":{"a":"b"}}}`), 30, 0, 10, 30},
		{"rank_window_size", ask("POST /products/_search", `{"retriever":{"text_similarity_reranker":{"field":"title","inference_text":"why","rank_window_size":30,"retriever":{"standard":{}}}}}`), 30, 0, 10, 30},
		{"a rank_window_size past the limit is cut", ask("POST /products/_search", `{"retriever":{"text_similarity_reranker":{"field":"title","inference_text":"why","rank_window_size":3000,"retriever":{"standard":{}}}}}`), 200, 0, 10, 200},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Plan(c.r, testRules())
			if d.Bypass != "" || d.Refusal != nil {
				t.Fatalf("bypass %q, refusal %+v", d.Bypass, d.Refusal)
			}
			if d.Window != c.window || d.From != c.from || d.Size != c.size || d.Fetch != c.fetch {
				t.Errorf("window %d, from %d, size %d, fetch %d; want %d, %d, %d, %d",
					d.Window, d.From, d.Size, d.Fetch, c.window, c.from, c.size, c.fetch)
			}
		})
	}
}

func TestWhatTheRuleSaysReachesThePlan(t *testing.T) {
	d := Plan(ask("POST /products/_search", matchBody), testRules())
	if d.Rule.Match != "prod*" || d.Timeout != time.Second || d.Score != ScoreModel || d.LongText.Mode != LongTextMax ||
		d.Details || d.Explain || d.OnFailure != OnFailureError || d.FilterPath != nil || d.Strip != nil {
		t.Errorf("%+v", d)
	}
	d = Plan(ask("POST /docs/_search?explain=true&filter_path=hits.hits._id,-took", `{"params":{"question":"why"}}`), testRules())
	if d.Score != ScoreKeep || d.LongText.Mode != LongTextHighlight || !d.Details || !d.Explain || d.OnFailure != OnFailureEngine ||
		strings.Join(d.FilterPath, " ") != "hits.hits._id -took" || strings.Join(d.StripHighlight, " ") != "text" {
		t.Errorf("%+v", d)
	}
}

func TestPlanLeavesTheRequestAlone(t *testing.T) {
	r := ask("POST /products/_search?filter_path=took", `{"_source":false,"from":1,"ext":{"resift":{"window":7}},"query":{"match":{"a":"b"}}}`, "X-Resift-Query: x")
	body, header := string(r.Body), r.Header.Clone()
	Plan(r, testRules())
	if string(r.Body) != body {
		t.Errorf("body changed: %s", r.Body)
	}
	if len(r.Header) != len(header) || r.Header.Get("X-Resift-Query") != "x" {
		t.Errorf("headers changed: %v", r.Header)
	}
}
