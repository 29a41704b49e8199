package proxy

import (
	"bytes"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/resift/resift/searchclient/rawjson"
)

// A multiSearch is the body of a multi-search taken apart: pairs of lines, a header that says where to search and the search
// itself. What cannot be read as engines read it stays an item all the same, to be sent on as it stands.
type multiSearch struct {
	content []byte
	items   []multiItem
	tail    int // where the last item ends; a header without a search may follow, which engines ignore
}

// multiItem is one search of a multi-search.
type multiItem struct {
	header, body rawjson.Span // the lines, without their "\n"
	index        string       // index expression, not escaped, "" for all indices
	readable     bool         // the header says nothing that is unknown here
}

// splitMulti takes a multi-search apart; pathIndex is the index expression of its path, not escaped. It answers false where
// engines differ: a "\n" at the start is an empty header to Elasticsearch 9 and nothing to the others, and without one at the
// end all refuse the whole. Lines end at "\n" alone, as in MultiSearchRequest.readMultiLineFormat; a "\r" is white space of JSON.
func splitMulti(content []byte, pathIndex string) (m multiSearch, ok bool) {
	if len(content) == 0 || content[0] == '\n' || content[len(content)-1] != '\n' {
		return m, false
	}
	m = multiSearch{content: content, items: make([]multiItem, 0, bytes.Count(content, []byte("\n"))/2)}
	for at := 0; ; {
		header, next, ok := line(content, at)
		if !ok {
			break
		}
		body, next, ok := line(content, next)
		if !ok {
			break
		}
		item := multiItem{header: header, body: body}
		item.index, item.readable = headerIndex(header.Of(content), pathIndex)
		m.items = append(m.items, item)
		at, m.tail = next, next
	}
	return m, len(m.items) > 0
}

// line returns the line that begins at offset at, without its "\n", and where the next one begins.
func line(content []byte, at int) (l rawjson.Span, next int, ok bool) {
	n := bytes.IndexByte(content[at:], '\n')
	if n < 0 {
		return l, at, false
	}
	return rawjson.Span{Start: at, End: at + n}, at + n + 1, true
}

// headerNames are the members of a header that say something about the search other than where to search. An engine refuses
// what it does not know; what it may know and is not named here could change what the search is.
var headerNames = [...]string{
	"search_type", "searchType", "ccs_minimize_roundtrips", "ccsMinimizeRoundtrips", "request_cache", "requestCache",
	"preference", "routing", "allow_partial_search_results", "allowPartialSearchResults", "expand_wildcards", "expandWildcards",
	"ignore_unavailable", "ignoreUnavailable", "allow_no_indices", "allowNoIndices", "ignore_throttled", "ignoreThrottled",
	"type", "types", "cancel_after_time_interval", "cancelAfterTimeInterval",
}

// headerIndex reads where a search of a multi-search goes: where its header says, else where the path does. It answers false for
// a header that could mean something else to an engine.
func headerIndex(header []byte, pathIndex string) (index string, ok bool) {
	if len(bytes.TrimSpace(header)) == 0 {
		return pathIndex, true
	}
	if rawjson.Check(header, DefaultMaxDepth) != nil {
		return "", false
	}
	root := rawjson.Root(header)
	if _, _, twice := rawjson.Duplicate(header); twice || rawjson.KindOf(header, root) != rawjson.Object {
		return "", false
	}
	index, found := pathIndex, false
	for m, err := range rawjson.Members(header, root) {
		if err != nil {
			return "", false
		}
		switch name, _ := rawjson.Text(header, m.Key); name {
		case "index", "indices":
			names, ok := stringOrStrings(header, m.Value)
			if !ok || found {
				return "", false
			}
			index, found = strings.Join(names, ","), true
		default:
			if !slices.Contains(headerNames[:], name) {
				return "", false
			}
		}
	}
	return index, true
}

// request is the plain search that item i stands for. header is the client's, with a Content-Type of JSON.
func (m *multiSearch) request(i int, rawQuery string, header http.Header, address string) *Request {
	item := m.items[i]
	path := "/_search"
	if item.index != "" {
		path = "/" + url.PathEscape(item.index) + path
	}
	return &Request{Method: http.MethodPost, Path: path, RawQuery: rawQuery, Header: header, Address: address, Body: item.body.Of(m.content)}
}

// appendItem appends the lines of item i with this search in place of its own.
func (m *multiSearch) appendItem(dst []byte, i int, search []byte) []byte {
	dst = append(append(dst, m.items[i].header.Of(m.content)...), '\n')
	return append(append(dst, search...), '\n')
}

// openMulti takes a client's multi-search apart, or tells why it is left alone as a whole. limit is how many searches it may
// have.
func openMulti(req *Request, pathIndex string, limit int) (m multiSearch, ps params, reason Reason) {
	ps, ok := parseParams(req.RawQuery)
	if !ok {
		return m, ps, ReasonQueryString
	}
	index, escaped := unescapePath(pathIndex)
	if named, inURL := ps.get("index"); inURL { // engines keep path and query parameters in one map
		if index != "" {
			return m, ps, ReasonQueryString
		}
		index = named
	}
	switch {
	case !escaped:
		return m, ps, ReasonNoRule
	case !answersJSON(ps, req.Header):
		return m, ps, ReasonAnswerFormat
	case !isIdentity(req.Header):
		return m, ps, ReasonEncoding
	case signed(req):
		return m, ps, ReasonSigned
	case ps.has("source"):
		return m, ps, ReasonMultiSearch
	case len(req.Body) > 0 && !isJSONLines(req.Header.Get("Content-Type")):
		return m, ps, ReasonContentType
	case bytes.Count(req.Body, []byte("\n"))/2 > limit:
		return m, ps, ReasonTooManySearches
	}
	m, ok = splitMulti(req.Body, index)
	if !ok {
		return m, ps, ReasonMultiSearch
	}
	return m, ps, ""
}

// isJSONLines tells whether a media type is JSON by lines as engines mean it: application/x-ndjson, a vendor's, or JSON.
func isJSONLines(contentType string) bool {
	return isJSON(strings.Replace(contentType, "x-ndjson", "json", 1))
}

// planMulti plans each search of a multi-search as the plain search that it stands for, or, with a renderer, as a search by
// template. With a refusal it is for the whole multi-search: engines refuse it as a whole, too, for a search that they cannot parse.
func planMulti(m *multiSearch, ps params, header http.Header, address string, rules *Rules, render renderer) (decisions []Decision, refusal *Refusal) {
	header = withContentType(header, typeOfJSON(header))
	rawQuery := ps.only("search_pipeline").encode() // all that a parameter of a multi-search says about a search to Plan
	var requests []*Request
	for i, item := range m.items {
		if item.readable {
			requests = append(requests, m.request(i, rawQuery, header, address))
		}
	}
	readable := planAll(requests, rules, render)
	decisions = make([]Decision, len(m.items))
	for i, item := range m.items {
		d := &decisions[i]
		if !item.readable {
			d.Bypass = ReasonMultiSearch
			d.Own.Body = item.body.Of(m.content)
			continue
		}
		*d, readable = readable[0], readable[1:]
		if d.Refusal != nil {
			refusal := *d.Refusal
			refusal.Reason = fmt.Sprintf("search %d of the multi-search: %s", i+1, refusal.Reason)
			return nil, &refusal
		}
		d.Deferred = nil                              // the fragments of all pages would take as many requests
		if bytes.IndexByte(d.First.Body, '\n') >= 0 { // would be two lines
			*d = Decision{Bypass: ReasonInternal, Own: d.Own, OwnEdited: d.OwnEdited}
		}
	}
	return decisions, nil
}

func planAll(requests []*Request, rules *Rules, render renderer) []Decision {
	if render != nil {
		return planTemplates(requests, rules, render)
	}
	decisions := make([]Decision, len(requests))
	for i, r := range requests {
		decisions[i] = Plan(r, rules)
	}
	return decisions
}
