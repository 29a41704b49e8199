package proxy

import (
	"fmt"
	"testing"
)

// TestWrongRetriever holds refusals of a text_similarity_reranker to Elasticsearch's words; test/e2e compares them with what a
// running one says of a retriever that its core has.
func TestWrongRetriever(t *testing.T) {
	const standard = `"retriever":{"standard":{"query":{"match":{"a":"fox"}}}}`
	const whole = `"field":"t","inference_text":"why",` + standard
	for _, c := range []struct{ name, reranker, beside, kind, reason, cause string }{
		{"nothing in it", ``, "", "illegal_argument_exception", "Required [retriever, inference_text, field]", ""},
		{"no field", `"inference_text":"why",` + standard, "", "illegal_argument_exception", "Required [field]", ""},
		{"no text", `"field":"t",` + standard, "", "illegal_argument_exception", "Required [inference_text]", ""},
		{"no retriever", `"field":"t","inference_text":"why"`, "", "illegal_argument_exception", "Required [retriever]", ""},
		{"an unknown member", `"nonsense":1,` + whole, "", "x_content_parse_exception", "[2:2] [text_similarity_reranker] unknown field [nonsense]", ""},
		{"a misspelt member", whole + `,"inference_txt":1`, "", "x_content_parse_exception", "[2:94] [text_similarity_reranker] unknown field [inference_txt] did you mean any of [inference_text, inference_id]?", ""},
		{"a number for text", `"inference_text":5,` + standard, "", "x_content_parse_exception", "[2:19] [text_similarity_reranker] inference_text doesn't support values of type: VALUE_NUMBER", ""},
		{"null for a field", `"field":null`, "", "x_content_parse_exception", "[2:10] [text_similarity_reranker] field doesn't support values of type: VALUE_NULL", ""},
		{"a list for a field", `"field":["a"]`, "", "x_content_parse_exception", "[2:10] [text_similarity_reranker] field doesn't support values of type: START_ARRAY", ""},
		{"a name for a retriever", `"retriever":"standard"`, "", "x_content_parse_exception", "[2:14] [text_similarity_reranker] retriever doesn't support values of type: VALUE_STRING", ""},
		{"a boolean for a window", `"rank_window_size":true`, "", "x_content_parse_exception", "[2:21] [text_similarity_reranker] rank_window_size doesn't support values of type: VALUE_BOOLEAN", ""},
		{"a word for a window", `"rank_window_size":"x"`, "", "x_content_parse_exception", "[2:21] [text_similarity_reranker] failed to parse field [rank_window_size]", `number_format_exception For input string: "x"`},
		{"half a hit", `"rank_window_size":"1.5"`, "", "x_content_parse_exception", "[2:21] [text_similarity_reranker] failed to parse field [rank_window_size]", "illegal_argument_exception 1.5 cannot be converted to Integer without data loss"},
		{"a word for a boolean", `"allow_rerank_failures":"maybe"`, "", "x_content_parse_exception", "[2:26] [text_similarity_reranker] failed to parse field [allow_rerank_failures]", "illegal_argument_exception Failed to parse value [maybe] as only [true] or [false] are allowed."},
		{"an object for an id", `"inference_id":{}`, "", "x_content_parse_exception", "[2:17] [text_similarity_reranker] inference_id doesn't support values of type: START_OBJECT", ""},
		{"a number for a filter", `"filter":1`, "", "x_content_parse_exception", "[2:11] [text_similarity_reranker] filter doesn't support values of type: VALUE_NUMBER", ""},
		{"a word for a threshold", `"min_score":"high"`, "", "x_content_parse_exception", "[2:14] [text_similarity_reranker] failed to parse field [min_score]", `number_format_exception For input string: "high"`},
		{"a window below the page", `"rank_window_size":5,` + whole, "", "action_request_validation_exception", "Validation Failed: 1: [text_similarity_reranker] requires [rank_window_size: 5] be greater than or equal to [size: 10];", ""},
		{"a window of none", `"rank_window_size":0,` + whole, `,"size":3`, "action_request_validation_exception", "Validation Failed: 1: [text_similarity_reranker] requires [rank_window_size: 0] be greater than or equal to [size: 3];", ""},
		{"a query beside it", whole, `,"query":{},"sort":[]`, "action_request_validation_exception", "Validation Failed: 1: cannot specify [retriever] and [query, sort];", ""},
		{"all of it", `"rank_window_size":"5",` + whole, `,"rescore":{},"knn":{},"terminate_after":1,"search_after":[]`, "action_request_validation_exception", "Validation Failed: 1: [text_similarity_reranker] requires [rank_window_size: 5] be greater than or equal to [size: 10];2: cannot specify [retriever] and [knn, search_after, terminate_after, rescore];", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := Plan(ask("POST /products/_search", `{"retriever":{"text_similarity_reranker":`+"\n{"+c.reranker+`}}`+c.beside+`}`), testRules())
			if d.Refusal == nil {
				t.Fatalf("no refusal, bypass %q", d.Bypass)
			}
			got := *d.Refusal
			cause := ""
			if got.Cause != nil {
				cause = fmt.Sprint(got.Cause.Type, " ", got.Cause.Reason)
			}
			if got.Status != 400 || got.Type != c.kind || got.Reason != c.reason || cause != c.cause {
				t.Errorf("%d %s\n%s\n%s\nwant %s\n%s\n%s", got.Status, got.Type, got.Reason, cause, c.kind, c.reason, c.cause)
			}
		})
	}
	for _, target := range []string{"?q=x", "?sort=_score", "?scroll=1m"} {
		d := Plan(ask("POST /products/_search"+target, `{"retriever":{"text_similarity_reranker":{`+whole+`}}}`), testRules())
		if d.Refusal == nil || d.Refusal.Type != "action_request_validation_exception" {
			t.Errorf("%s: refusal %+v, bypass %q", target, d.Refusal, d.Bypass)
		}
	}
}

func TestWindowOfARetriever(t *testing.T) {
	const rest = `"field":"t","inference_text":"why","retriever":{"standard":{}}`
	for _, c := range []struct {
		given string
		want  int
	}{
		{`"rank_window_size":20,`, 20},
		{`"rank_window_size":"20",`, 20},
		{`"rank_window_size":20.9,`, 20},
	} {
		d := Plan(ask("POST /products/_search", `{"retriever":{"text_similarity_reranker":{`+c.given+rest+`}}}`), testRules())
		if d.Window != c.want {
			t.Errorf("%s window %d, want %d (refusal %+v, bypass %q)", c.given, d.Window, c.want, d.Refusal, d.Bypass)
		}
	}
}

func TestWrongQueryContext(t *testing.T) {
	for _, c := range []struct{ rerank, reason string }{
		{`{}`, "must specify query_context"},
		{`5`, "must specify query_context"},
		{`{"query_context":"why"}`, "query_context must be a map"},
		{`{"query_context":{}}`, `Must specify either "query_text" or "query_text_path"`},
		{`{"query_context":{"query_text":"a","query_text_path":"b"}}`, `Cannot specify both "query_text" and "query_text_path"`},
		{`{"query_context":{"query_text":5}}`, "query_text must be a string"},
		{`{"query_context":{"query_text_path":"query.match"}}`, "query_text_path must point to a string field"},
		{`{"query_context":{"query_text_path":"a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a.a"}}`, "query_text_path exceeded the maximum path length of 20"},
	} {
		d := Plan(ask("POST /products/_search", `{"query":{"match":{"a":"x"}},"ext":{"rerank":`+c.rerank+`}}`), testRules())
		if d.Refusal == nil || d.Refusal.Status != 400 || d.Refusal.Type != "illegal_argument_exception" || d.Refusal.Reason != c.reason {
			t.Errorf("%s: refusal %+v, bypass %q", c.rerank, d.Refusal, d.Bypass)
		}
	}
}
