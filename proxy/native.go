package proxy

import (
	"strconv"

	"github.com/resift/resift/searchclient/rawjson"
)

// rerankRetriever is Elasticsearch's text_similarity_reranker over a standard retriever, as far as it can be honoured here.
// inference_id names a model of the engine and chunk_rescorer how that model reads long texts: both are ignored.
type rerankRetriever struct {
	field, text   string
	window        int // rank_window_size, 0 if it was not given
	allowFailures bool

	query              rawjson.Span // of standard; zero if it has none
	filters            []rawjson.Span
	minScore, collapse rawjson.Span // of standard; zero if not given
}

// besideRetriever are the members of a search that engines refuse beside a retriever (SearchSourceBuilder.validate), and
// min_score, which has two meanings there.
var besideRetriever = [...]string{
	"query", "knn", "sub_searches", "rank", "search_after", "terminate_after", "sort", "rescore", "min_score",
}

// readRetriever reads the value of a search's `retriever`. It answers false for every retriever that the engine must deal
// with: another kind, a part that is unknown here, a value that it would refuse, and a min_score of the re-ranker, because that
// threshold belongs to the engine's model and drops hits.
func readRetriever(doc []byte, v rawjson.Span) (r rerankRetriever, ok bool) {
	body, ok := onlyMember(doc, v, "text_similarity_reranker")
	if !ok {
		return r, false
	}
	inner := rawjson.Span{}
	for m, err := range rawjson.Members(doc, body) {
		if err != nil {
			return r, false
		}
		name, _ := rawjson.Text(doc, m.Key)
		ok = true
		switch name {
		case "retriever":
			inner = m.Value
		case "field":
			r.field, ok = rawjson.Text(doc, m.Value)
		case "inference_text":
			r.text, ok = rawjson.Text(doc, m.Value)
		case "rank_window_size":
			n, err := strconv.Atoi(string(m.Value.Of(doc)))
			r.window, ok = n, err == nil && n > 0
		case "allow_rerank_failures":
			r.allowFailures = rawjson.KindOf(doc, m.Value) == rawjson.True
		case "filter":
			r.filters, ok = appendFilters(r.filters, doc, m.Value)
		case "inference_id", "chunk_rescorer":
		default:
			ok = false
		}
		if !ok {
			return r, false
		}
	}
	if r.field == "" || len(r.field) > maxPathBytes || r.text == "" {
		return r, false
	}
	return r, r.readStandard(doc, inner)
}

func (r *rerankRetriever) readStandard(doc []byte, v rawjson.Span) bool {
	body, ok := onlyMember(doc, v, "standard")
	if !ok {
		return false
	}
	for m, err := range rawjson.Members(doc, body) {
		if err != nil {
			return false
		}
		name, _ := rawjson.Text(doc, m.Key)
		switch name {
		case "query":
			r.query, ok = m.Value, rawjson.KindOf(doc, m.Value) == rawjson.Object
		case "filter":
			r.filters, ok = appendFilters(r.filters, doc, m.Value)
		case "min_score":
			r.minScore, ok = m.Value, rawjson.KindOf(doc, m.Value) == rawjson.Number
		case "collapse":
			r.collapse, ok = m.Value, rawjson.KindOf(doc, m.Value) == rawjson.Object
		default: // sort decides the order itself; search_after, terminate_after are refused by the engine
			ok = false
		}
		if !ok {
			return false
		}
	}
	return true
}

func appendFilters(dst []rawjson.Span, doc []byte, v rawjson.Span) ([]rawjson.Span, bool) {
	switch rawjson.KindOf(doc, v) {
	case rawjson.Object:
		return append(dst, v), true
	case rawjson.Array:
		for e, err := range rawjson.Elements(doc, v) {
			if err != nil || rawjson.KindOf(doc, e) != rawjson.Object {
				return dst, false
			}
			dst = append(dst, e)
		}
		return dst, true
	}
	return dst, false
}

// queryJSON is the query that a standard retriever stands for (StandardRetrieverBuilder.extractToSearchSourceBuilder), or nil.
func (r *rerankRetriever) queryJSON(doc []byte) []byte {
	if len(r.filters) == 0 {
		if r.query.IsZero() {
			return nil
		}
		return r.query.Of(doc)
	}
	b := []byte(`{"bool":{"filter":[`)
	for i, f := range r.filters {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, f.Of(doc)...)
	}
	b = append(b, ']')
	if !r.query.IsZero() {
		b = append(append(append(b, `,"must":[`...), r.query.Of(doc)...), ']')
	}
	return append(b, "}}"...)
}

// replace writes the plain search that the retriever stands for.
func (r *rerankRetriever) replace(edits *rawjson.Edits, doc []byte, root rawjson.Span) {
	edits.DeleteMember(doc, root, "retriever")
	if query := r.queryJSON(doc); query != nil {
		edits.SetMember(doc, root, "query", query)
	}
	if !r.minScore.IsZero() {
		edits.SetMember(doc, root, "min_score", r.minScore.Of(doc))
	}
	if !r.collapse.IsZero() {
		edits.SetMember(doc, root, "collapse", r.collapse.Of(doc))
	}
}

// onlyMember returns the value of an object's only member if it has this name.
func onlyMember(doc []byte, v rawjson.Span, name string) (value rawjson.Span, ok bool) {
	if rawjson.KindOf(doc, v) != rawjson.Object {
		return value, false
	}
	n := 0
	for m, err := range rawjson.Members(doc, v) {
		if err != nil {
			return value, false
		}
		n++
		if rawjson.KeyIs(doc, m.Key, name) {
			value, ok = m.Value, rawjson.KindOf(doc, m.Value) == rawjson.Object
		}
	}
	return value, ok && n == 1
}

// readQueryContext takes the query text from OpenSearch's ext.rerank; what its rerank processor refuses is refused here.
func readQueryContext(doc []byte, root, rerank rawjson.Span) (string, *Refusal) {
	context, ok := rawjson.Get(doc, rerank, "query_context")
	if !ok || rawjson.KindOf(doc, context) != rawjson.Object {
		return "", refuseArgument("[ext.rerank] must specify query_context")
	}
	text, hasText := rawjson.Get(doc, context, "query_text")
	path, hasPath := rawjson.Get(doc, context, "query_text_path")
	switch {
	case hasText && hasPath:
		return "", refuseArgument("[ext.rerank.query_context] cannot specify both query_text and query_text_path")
	case hasText:
		s, ok := rawjson.Text(doc, text)
		if !ok {
			return "", refuseArgument("[ext.rerank.query_context.query_text] must be a string")
		}
		return collapse(s), nil
	case hasPath:
		s, _ := rawjson.Text(doc, path)
		if len(s) > maxPathBytes { // the processor's own limit
			return "", refuseArgument("[ext.rerank.query_context.query_text_path] is longer than %d bytes", maxPathBytes)
		}
		found, ok := textAtPath(doc, root, s)
		if !ok {
			return "", refuseArgument("[ext.rerank.query_context.query_text_path] must point to a string of the search")
		}
		return found, nil
	}
	return "", refuseArgument("[ext.rerank.query_context] must specify either query_text or query_text_path")
}
