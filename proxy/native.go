package proxy

import (
	"strings"

	"github.com/resift/resift/searchclient/rawjson"
)

// rerankerName is the kind of retriever that asks for re-ranking.
const rerankerName = "text_similarity_reranker"

// maxPathSteps is the depth of a query_text_path: OpenSearch's index.mapping.depth.limit, whose default the processor reads.
const maxPathSteps = 20

// rerankRetriever is Elasticsearch's text_similarity_reranker over a standard retriever, as far as it can be honoured here.
// inference_id names a model of the engine and chunk_rescorer how that model reads long texts: both are ignored.
type rerankRetriever struct {
	field, text   string
	window        int // rank_window_size
	windowGiven   bool
	allowFailures bool

	query              rawjson.Span // of standard; zero if it has none
	filters            []rawjson.Span
	minScore, collapse rawjson.Span // of standard; zero if not given
}

// readRetriever reads the value of a search's `retriever`. What Elasticsearch's parser refuses of a text_similarity_reranker is
// refused in its words. Every other retriever is the engine's: another kind, two at once, one inside that is not standard or not
// understood, a name, and a min_score, because that threshold belongs to the engine's model and drops hits.
func readRetriever(doc []byte, v rawjson.Span) (r rerankRetriever, judged verdict) {
	body, ok := onlyMember(doc, v, rerankerName)
	if !ok {
		return r, bypass(ReasonRetriever)
	}
	p := nativeParser{doc: doc}
	inner, theirs := rawjson.Span{}, false
	for m, err := range rawjson.Members(doc, body) {
		if err != nil {
			return r, bypass(ReasonRetriever)
		}
		switch name, _ := rawjson.Text(doc, m.Key); name {
		case "retriever":
			inner = p.object(name, m.Value)
		case "field":
			r.field = p.text(name, m.Value)
		case "inference_text":
			r.text = p.text(name, m.Value)
		case "rank_window_size":
			r.window, r.windowGiven = p.integer(name, m.Value), true
		case "allow_rerank_failures":
			r.allowFailures = p.boolean(name, m.Value)
		case "filter":
			p.objects(name, m.Value)
			r.filters, ok = appendFilters(r.filters, doc, m.Value)
			theirs = theirs || !ok
		case "inference_id":
			p.text(name, m.Value)
		case "chunk_rescorer":
			p.object(name, m.Value)
		case "_name":
			p.text(name, m.Value)
			theirs = true
		case "min_score":
			p.float(name, m.Value)
			theirs = true
		default:
			p.unknown(name, m.Key)
		}
		if p.refusal != nil {
			return r, verdict{refusal: p.refusal}
		}
	}
	if refusal := p.require(body, "retriever", "inference_text", "field"); refusal != nil {
		return r, verdict{refusal: refusal}
	}
	if theirs || r.field == "" || len(r.field) > maxPathBytes || r.text == "" || !r.readStandard(doc, inner) {
		return r, bypass(ReasonRetriever)
	}
	return r, goOn
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

// readQueryContext takes the query text from OpenSearch's ext.rerank; what its rerank processor refuses is refused here, in its
// words (neural-search, QueryContextSourceFetcher).
func readQueryContext(doc []byte, root, rerank rawjson.Span) (string, *Refusal) {
	context, ok := rawjson.Get(doc, rerank, "query_context")
	if !ok {
		return "", refuseArgument("must specify query_context")
	}
	if rawjson.KindOf(doc, context) != rawjson.Object {
		return "", refuseArgument("query_context must be a map")
	}
	text, hasText := rawjson.Get(doc, context, "query_text")
	path, hasPath := rawjson.Get(doc, context, "query_text_path")
	switch {
	case hasText && hasPath:
		return "", refuseArgument(`Cannot specify both "query_text" and "query_text_path"`)
	case hasText:
		s, ok := rawjson.Text(doc, text)
		if !ok { // the processor's own answer is a 500 about a class that cannot be cast
			return "", refuseArgument("query_text must be a string")
		}
		return collapse(s), nil
	case hasPath:
		s, _ := rawjson.Text(doc, path)
		if len(s) > maxPathBytes || strings.Count(s, ".") >= maxPathSteps {
			return "", refuseArgument("query_text_path exceeded the maximum path length of %d", maxPathSteps)
		}
		found, ok := textAtPath(doc, root, s)
		if !ok {
			return "", refuseArgument("query_text_path must point to a string field")
		}
		return found, nil
	}
	return "", refuseArgument(`Must specify either "query_text" or "query_text_path"`)
}
