package searchclient

import (
	"strings"

	"github.com/resift/resift/searchclient/rawjson"
)

// Field is a path whose text a hit is read by.
type Field struct {
	// Path is dotted. Each step may be an object in an object, an object in an array, or a key that has the dot in it.
	Path string
	// Fetched reads the hit's fields, else its _source is read.
	Fetched bool
}

// Text returns the texts that the paths lead to, in the order of the paths and then of the document, joined by newlines.
// Strings are unescaped (lone surrogates become U+FFFD, NUL stays), numbers and booleans stand as they are written; null,
// objects and empty strings are no text. A hit without any text gives "".
func (h Hit) Text(fields []Field) string {
	var room [1024]byte // longer texts move to the heap
	b := room[:0]
	for _, field := range fields {
		from := h.source
		if field.Fetched {
			from = h.fields
		}
		if !from.IsZero() {
			b = appendPath(b, h.doc, from, field.Path)
		}
	}
	return string(b)
}

// appendPath appends the text at path below v. Recursion is bounded: each call takes a step of the path or opens an array,
// and rawjson accepts no deeper nesting than rawjson.MaxDepth.
func appendPath(dst, doc []byte, v rawjson.Span, path string) []byte {
	switch rawjson.KindOf(doc, v) {
	case rawjson.Array:
		for element, err := range rawjson.Elements(doc, v) {
			if err != nil {
				break
			}
			dst = appendPath(dst, doc, element, path)
		}
	case rawjson.Object:
		if path == "" {
			break
		}
		for member, err := range rawjson.Members(doc, v) {
			if err != nil {
				break
			}
			if rest, on := step(doc, member.Key, path); on {
				dst = appendPath(dst, doc, member.Value, rest)
			}
		}
	case rawjson.String, rawjson.Number, rawjson.True, rawjson.False:
		if path == "" {
			dst = appendPart(dst, doc, v)
		}
	}
	return dst
}

// step tells whether the key is a step on the path (the whole of it, or up to a dot) and what remains of the path.
func step(doc []byte, key rawjson.Span, path string) (rest string, on bool) {
	k := name(doc, key)
	if len(k) > len(path) || path[:len(k)] != string(k) {
		return "", false
	}
	if len(k) == len(path) {
		return "", true
	}
	rest, on = strings.CutPrefix(path[len(k):], ".")
	return rest, on && rest != ""
}

func appendPart(dst, doc []byte, v rawjson.Span) []byte {
	before := len(dst)
	if before > 0 {
		dst = append(dst, '\n')
	}
	start := len(dst)
	if doc[v.Start] == '"' {
		dst, _ = rawjson.AppendText(dst, doc, v)
	} else {
		dst = append(dst, v.Of(doc)...)
	}
	if len(dst) == start {
		return dst[:before]
	}
	return dst
}
