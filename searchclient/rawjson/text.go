package rawjson

import (
	"bytes"
	"unicode/utf16"
	"unicode/utf8"
)

// Text returns the string that s covers, unescaped. It answers false if s is not a string. Lone surrogates and bytes
// that are not UTF-8 become U+FFFD each; NUL is kept.
func Text(doc []byte, s Span) (string, bool) {
	inner, ok := inside(doc, s)
	if !ok {
		return "", false
	}
	if plain(inner) {
		return string(inner), true
	}
	return string(appendUnescaped(make([]byte, 0, len(inner)), inner)), true
}

// AppendText appends what Text returns to dst.
func AppendText(dst, doc []byte, s Span) ([]byte, bool) {
	inner, ok := inside(doc, s)
	if !ok {
		return dst, false
	}
	if plain(inner) {
		return append(dst, inner...), true
	}
	return appendUnescaped(dst, inner), true
}

// KeyIs tells whether the string that key covers (a key with its quotes) spells name once unescaped.
func KeyIs(doc []byte, key Span, name string) bool {
	inner, ok := inside(doc, key)
	if !ok {
		return false
	}
	if bytes.IndexByte(inner, '\\') < 0 {
		return string(inner) == name
	}
	if len(inner) < len(name) { // an escape is never shorter than what it stands for
		return false
	}
	var room [64]byte
	return string(appendUnescaped(room[:0], inner)) == name
}

// inside returns the bytes between the quotes of the string that s covers.
func inside(doc []byte, s Span) ([]byte, bool) {
	if s.Len() < 2 || doc[s.Start] != '"' || doc[s.End-1] != '"' {
		return nil, false
	}
	return doc[s.Start+1 : s.End-1], true
}

func plain(b []byte) bool { return bytes.IndexByte(b, '\\') < 0 && utf8.Valid(b) }

func appendUnescaped(dst, b []byte) []byte {
	for i := 0; i < len(b); {
		switch c := b[i]; {
		case c == '\\' && i+1 < len(b):
			var size int
			dst, size = appendEscape(dst, b[i:])
			i += size
		case c < utf8.RuneSelf:
			dst = append(dst, c)
			i++
		default:
			r, size := utf8.DecodeRune(b[i:])
			dst = utf8.AppendRune(dst, r)
			i += size
		}
	}
	return dst
}

// appendEscape appends what the escape at the start of b stands for and returns how many bytes of b it took.
func appendEscape(dst, b []byte) ([]byte, int) {
	switch c := b[1]; c {
	case 'b':
		return append(dst, '\b'), 2
	case 'f':
		return append(dst, '\f'), 2
	case 'n':
		return append(dst, '\n'), 2
	case 'r':
		return append(dst, '\r'), 2
	case 't':
		return append(dst, '\t'), 2
	case 'u':
		r, ok := hex4(b, 2)
		if !ok {
			return utf8.AppendRune(dst, utf8.RuneError), 2
		}
		if utf16.IsSurrogate(r) && len(b) >= 12 && b[6] == '\\' && b[7] == 'u' {
			if low, ok := hex4(b, 8); ok {
				if pair := utf16.DecodeRune(r, low); pair != utf8.RuneError {
					return utf8.AppendRune(dst, pair), 12
				}
			}
		}
		return utf8.AppendRune(dst, r), 6 // a lone surrogate is not a rune: AppendRune writes U+FFFD
	default:
		return append(dst, c), 2
	}
}

// AppendQuoted appends s as a JSON string. Bytes that are not UTF-8 become U+FFFD.
func AppendQuoted(dst []byte, s string) []byte {
	const hex = "0123456789abcdef"
	dst = append(dst, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			dst = append(dst, '\\', byte(r))
		case r == '\n':
			dst = append(dst, '\\', 'n')
		case r == '\r':
			dst = append(dst, '\\', 'r')
		case r == '\t':
			dst = append(dst, '\\', 't')
		case r < 0x20:
			dst = append(dst, '\\', 'u', '0', '0', hex[r>>4], hex[r&15])
		default:
			dst = utf8.AppendRune(dst, r)
		}
	}
	return append(dst, '"')
}
