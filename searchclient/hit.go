package searchclient

import (
	"github.com/resift/resift/searchclient/rawjson"
)

// Hit is one hit of an Answer. What its methods return aliases the answer's body; a part that the hit does not have is
// nil.
type Hit struct {
	doc []byte
	raw rawjson.Span

	index, id, version, score, source, fields, highlight rawjson.Span
	ignored                                              rawjson.Span // ignored_field_values
	sort, explanation, innerHits                         rawjson.Span
}

func (h *Hit) member(key rawjson.Span, at int) (int, error) {
	switch string(name(h.doc, key)) {
	case "_index":
		return take(&h.index, h.doc, key, at, rawjson.String)
	case "_id":
		return take(&h.id, h.doc, key, at, rawjson.String)
	case "_version":
		return take(&h.version, h.doc, key, at, rawjson.Number)
	case "_score":
		return take(&h.score, h.doc, key, at, rawjson.Number, rawjson.Null)
	case "_source":
		return take(&h.source, h.doc, key, at, rawjson.Object)
	case "fields":
		return take(&h.fields, h.doc, key, at, rawjson.Object)
	case "highlight":
		return take(&h.highlight, h.doc, key, at, rawjson.Object)
	case "ignored_field_values":
		return take(&h.ignored, h.doc, key, at, rawjson.Object)
	case "sort":
		return take(&h.sort, h.doc, key, at, rawjson.Array)
	case "_explanation":
		return take(&h.explanation, h.doc, key, at, rawjson.Object)
	case "inner_hits":
		return take(&h.innerHits, h.doc, key, at, rawjson.Object)
	}
	return rawjson.Skip(h.doc, at)
}

// Raw returns the whole hit.
func (h Hit) Raw() []byte { return h.raw.Of(h.doc) }

// Index returns _index, unescaped.
func (h Hit) Index() string { return text(h.doc, h.index) }

// ID returns _id, unescaped.
func (h Hit) ID() string { return text(h.doc, h.id) }

// Version returns the raw _version.
func (h Hit) Version() []byte { return part(h.doc, h.version) }

// Score returns the engine's _score, NaN if it is null or absent.
func (h Hit) Score() float64 { return number(h.doc, h.score) }

// Source returns the raw _source.
func (h Hit) Source() []byte { return part(h.doc, h.source) }

// Fields returns the raw fields.
func (h Hit) Fields() []byte { return part(h.doc, h.fields) }

// Highlight returns the raw highlight.
func (h Hit) Highlight() []byte { return part(h.doc, h.highlight) }

// Sort returns the raw sort values.
func (h Hit) Sort() []byte { return part(h.doc, h.sort) }

// Explanation returns the raw _explanation.
func (h Hit) Explanation() []byte { return part(h.doc, h.explanation) }

// InnerHits returns the raw inner_hits.
func (h Hit) InnerHits() []byte { return part(h.doc, h.innerHits) }

// Fragments returns the highlighted fragments of the named fields, unescaped, in the order of the names.
func (h Hit) Fragments(fields []string) []string {
	var fragments []string
	for _, field := range fields {
		list, found := rawjson.Get(h.doc, h.highlight, field)
		if !found || rawjson.KindOf(h.doc, list) != rawjson.Array {
			continue
		}
		for fragment, err := range rawjson.Elements(h.doc, list) {
			if s, ok := rawjson.Text(h.doc, fragment); ok && err == nil {
				fragments = append(fragments, s)
			}
		}
	}
	return fragments
}

func text(doc []byte, s rawjson.Span) string {
	t, _ := rawjson.Text(doc, s)
	return t
}
