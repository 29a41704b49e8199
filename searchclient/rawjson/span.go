package rawjson

// Span is the half-open range [Start, End) of a document.
type Span struct{ Start, End int }

// Of returns the bytes of the span; they alias doc.
func (s Span) Of(doc []byte) []byte { return doc[s.Start:s.End] }

// Len is the length of the span in bytes.
func (s Span) Len() int { return s.End - s.Start }

// IsZero tells whether the span is the zero Span, which no value of a document has.
func (s Span) IsZero() bool { return s == Span{} }

// Kind says what a value is, judged by its first byte.
type Kind byte

// The kinds of a value. Invalid is the zero Kind.
const (
	Invalid Kind = iota
	Object
	Array
	String
	Number
	True
	False
	Null
)

func (k Kind) String() string {
	return [...]string{"invalid", "object", "array", "string", "number", "true", "false", "null"}[k]
}

// Root returns the span of the document's value: the document without the white space around it.
func Root(doc []byte) Span {
	start, end := skipSpace(doc, 0), len(doc)
	for end > start && isSpace(doc[end-1]) {
		end--
	}
	return Span{start, end}
}

// KindOf returns the kind of the value that v covers.
func KindOf(doc []byte, v Span) Kind {
	if v.Start >= v.End {
		return Invalid
	}
	return KindAt(doc, v.Start)
}

// KindAt returns the kind of the value that starts at offset at.
func KindAt(doc []byte, at int) Kind {
	if at < 0 || at >= len(doc) {
		return Invalid
	}
	switch c := doc[at]; c {
	case '{':
		return Object
	case '[':
		return Array
	case '"':
		return String
	case 't':
		return True
	case 'f':
		return False
	case 'n':
		return Null
	default:
		if c == '-' || isDigit(c) {
			return Number
		}
		return Invalid
	}
}

// Get follows path from the object v, each step the unescaped name of a member, and returns the value it ends at. Of
// members with the same name it takes the first. It answers false where a step is missing, is not an object, or cannot
// be read.
func Get(doc []byte, v Span, path ...string) (Span, bool) {
	for _, name := range path {
		next, found := member(doc, v, name)
		if !found {
			return Span{}, false
		}
		v = next
	}
	return v, true
}

func member(doc []byte, obj Span, name string) (Span, bool) {
	for m, err := range Members(doc, obj) {
		if err != nil {
			return Span{}, false
		}
		if KeyIs(doc, m.Key, name) {
			return m.Value, true
		}
	}
	return Span{}, false
}

func isSpace(c byte) bool { return c == ' ' || c == '\n' || c == '\r' || c == '\t' }

func isDigit(c byte) bool { return '0' <= c && c <= '9' }

// skipSpace returns the offset of the first byte at or after i that is not white space, or len(doc).
func skipSpace(doc []byte, i int) int {
	for i < len(doc) && isSpace(doc[i]) {
		i++
	}
	return i
}
