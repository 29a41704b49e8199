package proxy

import (
	"slices"
	"strconv"

	"github.com/resift/resift/searchclient/rawjson"
)

// minSavedHits is how many hits more than the page the window must have for a second search to be worth it. On two cores a
// second search costs what the fragments of some 15 short texts cost (bench topic highlight).
const minSavedHits = 20

// DeferredHighlight asks for the fragments of the page alone, by a second search, instead of for those of the whole window.
type DeferredHighlight struct {
	First Outgoing // the first stage without highlight, and with each hit's version
	// HideVersion: the client did not ask for the versions.
	HideVersion bool

	page      searchRequest // for path, parameters and headers
	highlight []byte        // with the query that is marked
	carried   []byte        // members of the client's body that the fragments may depend on, each with a comma before it
}

// Page is the search for the fragments of the hits with these identifiers. Nothing else of the hits is asked for. Another index may
// have the same identifiers, hence a size above their number.
func (d *DeferredHighlight) Page(ids []string) Outgoing {
	b := []byte(`{"query":{"ids":{"values":[`)
	for i, id := range ids {
		if i > 0 {
			b = append(b, ',')
		}
		b = rawjson.AppendQuoted(b, id)
	}
	b = strconv.AppendInt(append(b, `]}},"size":`...), int64(2*len(ids)+10), 10)
	b = append(append(b, `,"_source":false,"version":true,"track_total_hits":false,"highlight":`...), d.highlight...)
	b = append(append(b, d.carried...), '}')
	out := d.page.outgoing()
	out.Body = b
	return out
}

// deferHighlight plans the second search, or returns nil where one search is cheaper or where a second could say something
// else: it is only for members and parameters whose part in it is known. s is the search before its rewrite.
func deferHighlight(s searchRequest, first firstStage) *DeferredHighlight {
	if first.fetch-first.page.size < minSavedHits || s.place != inContent || len(first.highlight) > 0 {
		return nil
	}
	highlight, ok := s.top["highlight"]
	query, hasQuery := s.top["query"]
	if !ok || !hasQuery || rawjson.KindOf(s.doc, highlight) != rawjson.Object {
		return nil
	}
	d := &DeferredHighlight{page: s, highlight: highlight.Of(s.doc)}
	if !d.readMembers(s) || !d.readParams(s.params) {
		return nil
	}
	if _, given := rawjson.Get(s.doc, highlight, "highlight_query"); !given {
		var edits rawjson.Edits
		edits.SetMember(s.doc, highlight, "highlight_query", query.Of(s.doc))
		marked, err := edits.AppendSpan(nil, s.doc, highlight)
		if err != nil {
			return nil
		}
		d.highlight = marked
	}
	version, ok := readFlag(s.params, s.doc, s.top, "version")
	if !ok {
		return nil
	}
	d.HideVersion = !version
	first.lean = true
	if err := s.rewrite(first); err != nil {
		return nil
	}
	d.First = s.outgoing()
	return d
}

// readMembers tells whether all members of the body are known to leave the fragments alone, or can be carried over.
func (d *DeferredHighlight) readMembers(s searchRequest) bool {
	for m, err := range rawjson.Members(s.doc, s.root) {
		if err != nil {
			return false
		}
		switch name, _ := rawjson.Text(s.doc, m.Key); name {
		case "query", "from", "size", "highlight", "_source", "fields", "docvalue_fields", "stored_fields", "script_fields", "sort",
			"aggs", "aggregations", "post_filter", "suggest", "track_total_hits", "track_scores", "min_score", "rescore",
			"terminate_after", "version", "seq_no_primary_term", "indices_boost", "explain", "stats":
		case "runtime_mappings", "derived", "timeout":
			d.carried = append(d.carried, ',')
			d.carried = append(d.carried, s.doc[m.Key.Start:m.Value.End]...)
		default: // profile tells of the fragments too, collapse has hits in hits, pit and ext change what is searched
			return false
		}
	}
	return true
}

// readParams does the same for the URL: those that name shards, indices or the form of the answer go along.
func (d *DeferredHighlight) readParams(ps params) bool {
	carried := []string{
		"routing", "preference", "ignore_unavailable", "allow_no_indices", "expand_wildcards", "ignore_throttled",
		"ccs_minimize_roundtrips", "max_concurrent_shard_requests", "batched_reduce_size", "pre_filter_shard_size",
		"allow_partial_search_results", "cancel_after_time_interval", "timeout", "pretty", "human", "error_trace", "format", "index",
	}
	dropped := []string{
		"from", "size", "_source", "_source_includes", "_source_excludes", "explain", "version", "seq_no_primary_term",
		"stored_fields", "docvalue_fields", "sort", "track_total_hits", "track_scores", "terminate_after", "typed_keys",
		"search_type", "stats", "filter_path", "rest_total_hits_as_int", "request_cache",
	}
	var kept params
	for _, p := range ps {
		switch {
		case slices.Contains(carried, p.name):
			kept = append(kept, p)
		case !slices.Contains(dropped, p.name):
			return false
		}
	}
	d.page.setParams(kept)
	return true
}
