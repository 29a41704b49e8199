package proxy

import (
	"encoding/base64"

	"github.com/resift/resift/searchclient/rawjson"
)

// maxWrappers bounds wrappers inside wrappers; each costs a decoding of all that it holds.
const maxWrappers = 3

// intervals reads the match rules of {"field": rule}, also those below all_of and any_of. What a rule filters by says where
// its words must stand, not what is wanted; prefix, wildcard, regexp, fuzzy and range are about terms, as the queries of that name.
func (t *queryText) intervals(body rawjson.Span) {
	if rawjson.KindOf(t.doc, body) != rawjson.Object {
		return
	}
	for m, err := range rawjson.Members(t.doc, body) {
		if err != nil {
			return
		}
		t.intervalRule(m.Value)
	}
}

func (t *queryText) intervalRule(rule rawjson.Span) {
	if rawjson.KindOf(t.doc, rule) != rawjson.Object {
		return
	}
	for m, err := range rawjson.Members(t.doc, rule) {
		if err != nil {
			return
		}
		switch name, _ := rawjson.Text(t.doc, m.Key); name {
		case "match":
			t.text(m.Value, "query")
		case "all_of", "any_of":
			list, ok := rawjson.Get(t.doc, m.Value, "intervals")
			if !ok || rawjson.KindOf(t.doc, list) != rawjson.Array {
				continue
			}
			for e, err := range rawjson.Elements(t.doc, list) {
				if err != nil {
					return
				}
				t.intervalRule(e)
			}
		}
	}
}

// like reads the texts of more_like_this; documents that are named there, or given whole, are not the words of a person.
func (t *queryText) like(body rawjson.Span) {
	v, ok := rawjson.Get(t.doc, body, "like")
	if !ok {
		return
	}
	if rawjson.KindOf(t.doc, v) != rawjson.Array {
		t.string(v)
		return
	}
	for e, err := range rawjson.Elements(t.doc, v) {
		if err != nil {
			return
		}
		t.string(e)
	}
}

func (t *queryText) string(v rawjson.Span) {
	if text, ok := rawjson.Text(t.doc, v); ok {
		t.add(text)
	}
}

// template reads OpenSearch's template query, which holds a query with ${variables} that a search pipeline fills in.
func (t *queryText) template(body rawjson.Span) {
	t.templates++
	t.query(body)
	t.templates--
}

// wrapped reads a query in Base64. What is no query that could stand in a body itself is left alone.
func (t *queryText) wrapped(body rawjson.Span) {
	v, ok := rawjson.Get(t.doc, body, "query")
	if !ok || t.wrappers == maxWrappers {
		return
	}
	text, _ := rawjson.Text(t.doc, v)
	doc, err := base64.StdEncoding.DecodeString(text)
	if err != nil || rawjson.Check(doc, DefaultMaxDepth) != nil {
		return
	}
	if _, _, twice := rawjson.Duplicate(doc); twice {
		return
	}
	outer := t.doc
	t.doc = doc
	t.wrappers++
	t.query(rawjson.Root(doc))
	t.wrappers--
	t.doc = outer
}
