package proxy

import "github.com/resift/resift/searchclient/rawjson"

// sourceFilter is what a search lets through of each hit's _source.
type sourceFilter struct {
	none               bool
	includes, excludes []string // globs; no includes lets everything in
}

// shows tells whether the source of a hit keeps the leaf at the dotted path. It follows XContentMapValues.filter: a pattern
// that matches an object matches all below it, "*" runs over dots, and an exclusion wins.
func (f sourceFilter) shows(path string) bool {
	if f.none {
		return false
	}
	return (len(f.includes) == 0 || matchesPathOrParent(f.includes, path)) && !matchesPathOrParent(f.excludes, path)
}

func matchesPathOrParent(patterns []string, path string) bool {
	for _, pattern := range patterns {
		for end := 0; end <= len(path); end++ {
			if (end == len(path) || path[end] == '.') && glob(pattern, path[:end]) {
				return true
			}
		}
	}
	return false
}

// readSourceFilter finds the filter of a search. The URL replaces the body's as a whole (FetchSourceContext
// .parseFromRestRequest). Without any, stored_fields and script_fields turn the source off; _source among stored_fields turns
// it on, whatever else says (FetchPhase). It answers false for what an engine refuses.
func readSourceFilter(ps params, doc []byte, top map[string]rawjson.Span, stored storedFields) (sourceFilter, bool) {
	filter, given := urlSourceFilter(ps)
	if !given {
		if v, ok := top["_source"]; ok {
			given = true
			if filter, ok = bodySourceFilter(doc, v); !ok {
				return sourceFilter{}, false
			}
		}
	}
	if !given {
		_, scripted := top["script_fields"]
		filter.none = stored.given || scripted
	}
	if stored.source {
		filter.none = false
	}
	return filter, true
}

func urlSourceFilter(ps params) (f sourceFilter, given bool) {
	if v, ok := ps.get("_source"); ok {
		given = true
		switch v {
		case "true":
		case "false":
			f.none = true
		default:
			f.includes = commaList(v)
		}
	}
	if v, ok := ps.get("_source_includes"); ok {
		given, f.includes = true, commaList(v)
	}
	if v, ok := ps.get("_source_excludes"); ok {
		given, f.excludes = true, commaList(v)
	}
	return f, given
}

func bodySourceFilter(doc []byte, v rawjson.Span) (f sourceFilter, ok bool) {
	switch rawjson.KindOf(doc, v) {
	case rawjson.True:
		return f, true
	case rawjson.False:
		f.none = true
		return f, true
	case rawjson.String, rawjson.Array:
		f.includes, ok = stringOrStrings(doc, v)
		return f, ok
	case rawjson.Object:
		for m, err := range rawjson.Members(doc, v) {
			if err != nil {
				return f, false
			}
			name, _ := rawjson.Text(doc, m.Key)
			switch name {
			case "includes", "include":
				f.includes, ok = stringOrStrings(doc, m.Value)
			case "excludes", "exclude":
				f.excludes, ok = stringOrStrings(doc, m.Value)
			default: // exclude_vectors and what later versions add
				ok = true
			}
			if !ok {
				return f, false
			}
		}
		return f, true
	}
	return f, false
}

// storedFields is what a search says of stored fields.
type storedFields struct {
	given  bool
	none   bool // _none_: nothing may be read, `fields` included
	source bool // _source is among them
}

func readStoredFields(ps params, doc []byte, top map[string]rawjson.Span) (storedFields, bool) {
	var names []string
	s := storedFields{}
	if v, ok := top["stored_fields"]; ok {
		if names, ok = stringOrStrings(doc, v); !ok {
			return s, false
		}
		s.given = true
	}
	if v, ok := ps.get("stored_fields"); ok {
		names, s.given = commaList(v), true
	}
	for _, name := range names {
		s.none = s.none || name == "_none_"
		s.source = s.source || name == "_source"
	}
	return s, true
}

// stringOrStrings reads a string or an array of strings.
func stringOrStrings(doc []byte, v rawjson.Span) ([]string, bool) {
	if s, ok := rawjson.Text(doc, v); ok {
		return []string{s}, true
	}
	if rawjson.KindOf(doc, v) != rawjson.Array {
		return nil, false
	}
	list := []string{}
	for e, err := range rawjson.Elements(doc, v) {
		s, ok := rawjson.Text(doc, e)
		if err != nil || !ok {
			return nil, false
		}
		list = append(list, s)
	}
	return list, true
}

// askedFields are the patterns of what a client itself wants under `fields` of each hit: by fields, stored_fields,
// docvalue_fields and script_fields, which all end there. What they cover is neither added nor taken out again. It answers
// false if `fields` has a shape that engines refuse.
func askedFields(ps params, doc []byte, top map[string]rawjson.Span) (patterns []string, ok bool) {
	if v, given := top["fields"]; given {
		if patterns, ok = fieldPatterns(doc, v); !ok {
			return nil, false
		}
	}
	if v, given := top["stored_fields"]; given {
		names, _ := stringOrStrings(doc, v)
		patterns = append(patterns, names...)
	}
	if v, given := top["docvalue_fields"]; given {
		names, _ := fieldPatterns(doc, v)
		patterns = append(patterns, names...)
	}
	if v, given := top["script_fields"]; given && rawjson.KindOf(doc, v) == rawjson.Object {
		for m := range rawjson.Members(doc, v) {
			name, _ := rawjson.Text(doc, m.Key)
			patterns = append(patterns, name)
		}
	}
	for _, name := range [...]string{"stored_fields", "docvalue_fields"} {
		v, _ := ps.get(name)
		patterns = append(patterns, commaList(v)...)
	}
	return patterns, true
}

// fieldPatterns reads an array of names and of objects with the name under "field".
func fieldPatterns(doc []byte, v rawjson.Span) ([]string, bool) {
	if rawjson.KindOf(doc, v) != rawjson.Array {
		return nil, false
	}
	var patterns []string
	for e, err := range rawjson.Elements(doc, v) {
		if err != nil {
			return nil, false
		}
		pattern, ok := rawjson.Text(doc, e)
		if !ok {
			field, found := rawjson.Get(doc, e, "field")
			if pattern, ok = rawjson.Text(doc, field); !found || !ok {
				return nil, false
			}
		}
		patterns = append(patterns, pattern)
	}
	return patterns, true
}
