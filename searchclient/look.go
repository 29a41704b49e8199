package searchclient

import (
	"bytes"

	"github.com/resift/resift/searchclient/rawjson"
)

// look is how an object is laid out: the white space before each of its members, and its colons. The zero look is compact.
type look struct {
	indent []byte
	colon  []byte
}

// indentStep is what both engines indent by with ?pretty.
const indentStep = "  "

func lookOf(doc []byte, obj rawjson.Span) look {
	for m, err := range rawjson.Members(doc, obj) {
		if err != nil {
			break
		}
		indent := doc[obj.Start+1 : m.Key.Start]
		if !bytes.HasPrefix(indent, []byte("\n")) {
			break
		}
		return look{indent, doc[m.Key.End:m.Value.Start]}
	}
	return look{nil, []byte(":")}
}

func (l look) pretty() bool { return len(l.indent) > 0 }

func (l look) deeper() look {
	if !l.pretty() {
		return l
	}
	return look{append(bytes.Clone(l.indent), indentStep...), l.colon}
}

// outer is the indent of the object's own closing bracket.
func (l look) outer() []byte {
	return bytes.TrimSuffix(l.indent, []byte(indentStep))
}

func (l look) appendKey(dst []byte, name string) []byte {
	dst = rawjson.AppendQuoted(append(dst, l.indent...), name)
	return append(dst, l.colon...)
}

// appendArray writes an array of one value that stands in an object of this look.
func (l look) appendArray(dst, value []byte) []byte {
	dst = append(append(dst, '['), l.deeper().indent...)
	dst = append(append(dst, value...), l.indent...)
	return append(dst, ']')
}

// appendObject writes the details as an object that stands in an object of this look.
func (l look) appendObject(dst []byte, details []detail) []byte {
	inner := l.deeper()
	dst = append(dst, '{')
	for i, d := range details {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = inner.appendArray(inner.appendKey(dst, d.name), d.value)
	}
	return append(append(dst, l.indent...), '}')
}
