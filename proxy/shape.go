package proxy

import (
	"maps"
	"mime"
	"net/http"
	"strconv"
	"strings"

	"github.com/resift/resift/searchclient/rawjson"
)

// judgeShape finds what rules re-ranking out whatever the query is, or "".
func judgeShape(ps params, doc []byte, top map[string]rawjson.Span) Reason {
	if ps.has("scroll") {
		return ReasonScroll
	}
	for _, c := range []struct {
		member string
		reason Reason
	}{
		{"search_after", ReasonSearchAfter}, {"slice", ReasonSlice}, {"knn", ReasonKNN}, {"rank", ReasonRank},
		{"sub_searches", ReasonRank}, {"retriever", ReasonRetriever},
	} {
		if _, ok := top[c.member]; ok {
			return c.reason
		}
	}
	if !sortedByScore(ps, doc, top) {
		return ReasonSort
	}
	return ""
}

// sortedByScore tells whether the first sort key, if there is any, is _score descending. The keys of the URL come after those of
// the body (RestSearchAction.parseSearchSource).
func sortedByScore(ps params, doc []byte, top map[string]rawjson.Span) bool {
	if v, ok := top["sort"]; ok {
		if first, score := bodySort(doc, v); first {
			return score
		}
	}
	v, _ := ps.get("sort")
	for _, key := range commaList(v) {
		switch key {
		case "_score", "_score:desc":
			return true
		}
		if direction := key[strings.LastIndexByte(key, ':')+1:]; direction != key && direction != "asc" && direction != "desc" {
			continue // engines drop a key with another direction
		}
		return false
	}
	return true
}

// bodySort tells whether the sort has a first key at all, and whether that is _score descending. What engines refuse counts as
// another key.
func bodySort(doc []byte, v rawjson.Span) (first, score bool) {
	switch rawjson.KindOf(doc, v) {
	case rawjson.String:
		return true, rawjson.KeyIs(doc, v, "_score")
	case rawjson.Object:
		for m, err := range rawjson.Members(doc, v) {
			return true, err == nil && rawjson.KeyIs(doc, m.Key, "_score") && descending(doc, m.Value)
		}
		return false, false
	case rawjson.Array:
		for e, err := range rawjson.Elements(doc, v) {
			if err != nil || rawjson.KindOf(doc, e) == rawjson.Array {
				return true, false
			}
			if first, score = bodySort(doc, e); first {
				return first, score
			}
		}
		return false, false
	}
	return true, false
}

// descending reads the value of {"_score": …}: "desc" or {"order": "desc"}, in any case of letters; descending is the default.
func descending(doc []byte, v rawjson.Span) bool {
	if rawjson.KindOf(doc, v) == rawjson.Object {
		order, ok := rawjson.Get(doc, v, "order")
		if !ok {
			return true
		}
		v = order
	}
	s, ok := rawjson.Text(doc, v)
	return ok && strings.EqualFold(s, "desc")
}

// page is the slice of hits that a client asks for.
type page struct{ from, size int }

// defaultSize is the engines' page when none is given.
const defaultSize = 10

// readPage takes from and size from the URL, else from the body. It answers false for anything but a plain non-negative
// integer (or a string of digits, which engines take too), so that the engine says what it thinks of the rest.
func readPage(ps params, doc []byte, top map[string]rawjson.Span) (pg page, ok bool) {
	if pg.from, ok = pageNumber(ps, doc, top, "from", 0); !ok {
		return pg, false
	}
	pg.size, ok = pageNumber(ps, doc, top, "size", defaultSize)
	return pg, ok
}

func pageNumber(ps params, doc []byte, top map[string]rawjson.Span, name string, absent int) (int, bool) {
	text, given := ps.get(name)
	if !given {
		v, inBody := top[name]
		if !inBody {
			return absent, true
		}
		if text, given = scalarText(doc, v); !given {
			return 0, false
		}
	}
	for _, c := range []byte(text) {
		if c < '0' || c > '9' {
			return 0, false
		}
	}
	n, err := strconv.ParseInt(text, 10, 32)
	return int(n), err == nil
}

// readFlag reads a boolean that the URL or the body may give; engines take the strings "true" and "false" in bodies. An empty one in
// the URL is false. It answers false for ok where the engine would refuse the value.
func readFlag(ps params, doc []byte, top map[string]rawjson.Span, name string) (on, ok bool) {
	text, given := ps.get(name)
	if v, inBody := top[name]; !given && inBody {
		text = string(v.Of(doc))
		if s, isString := rawjson.Text(doc, v); isString {
			text = s
		}
	}
	return text == "true", text == "true" || text == "false" || text == ""
}

// isJSON tells whether a media type is JSON as engines mean it: application/json or a vendor's
// application/vnd.elasticsearch+json;compatible-with=8, in UTF-8.
func isJSON(contentType string) bool {
	media, attributes, err := mime.ParseMediaType(contentType)
	if err != nil {
		return false
	}
	if charset, ok := attributes["charset"]; ok && !strings.EqualFold(charset, "utf-8") {
		return false
	}
	return media == "application/json" || strings.HasPrefix(media, "application/vnd.") && strings.HasSuffix(media, "+json")
}

// isIdentity tells whether a body is there as it is, not compressed.
func isIdentity(h http.Header) bool {
	for _, encoding := range h.Values("Content-Encoding") {
		if !strings.EqualFold(strings.TrimSpace(encoding), "identity") {
			return false
		}
	}
	return true
}

// typeOfJSON is the Content-Type of a JSON body of ours. Engines want it to be of the same kind as Accept.
func typeOfJSON(h http.Header) string {
	if accept := h.Get("Accept"); isJSON(accept) {
		return accept
	}
	return "application/json"
}

// withContentType returns the headers with this Content-Type.
func withContentType(h http.Header, contentType string) http.Header {
	h = maps.Clone(h)
	if h == nil {
		h = http.Header{}
	}
	h["Content-Type"] = []string{contentType}
	return h
}

// answersJSON tells whether the client will get JSON. Engines read a list of media types or a range as "anything".
func answersJSON(ps params, h http.Header) bool {
	if format, ok := ps.get("format"); ok && format != "json" {
		return false
	}
	for _, accept := range h.Values("Accept") {
		accept = strings.ToLower(strings.TrimSpace(accept))
		if strings.Contains(accept, ",") {
			if strings.Contains(accept, "yaml") || strings.Contains(accept, "cbor") || strings.Contains(accept, "smile") {
				return false
			}
			continue
		}
		media, _, _ := strings.Cut(accept, ";")
		switch strings.TrimSpace(media) {
		case "", "*/*", "application/*":
		default:
			if !isJSON(accept) {
				return false
			}
		}
	}
	return true
}
