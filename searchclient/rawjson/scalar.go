package rawjson

import (
	"encoding/binary"
	"math/bits"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// stringEnd returns the offset after the closing quote of the string that opens at i. It holds the string to the
// grammar, eight bytes at a step; whether its bytes are UTF-8 is not looked at.
func stringEnd(doc []byte, i int) (int, error) {
	i++
	for {
		for i+8 <= len(doc) {
			x := binary.LittleEndian.Uint64(doc[i:])
			if stop := special(x); stop != 0 {
				i += bits.TrailingZeros64(stop) / 8
				break
			}
			i += 8
		}
		if i >= len(doc) {
			return 0, syntaxError(len(doc), "document ends inside a string")
		}
		switch c := doc[i]; {
		case c == '"':
			return i + 1, nil
		case c == '\\':
			next, err := escapeEnd(doc, i)
			if err != nil {
				return 0, err
			}
			i = next
		case c < 0x20:
			return 0, syntaxError(i, "control character inside a string")
		default: // reached only in the last seven bytes
			i++
		}
	}
}

// special has the high bit set in the lowest byte of x that is a quote, a backslash or a control character, and is zero
// if there is none. Higher bytes of the result may be wrong.
func special(x uint64) uint64 {
	quote, slash := x^(ones*'"'), x^(ones*'\\')
	return ((quote-ones)&^quote | (slash-ones)&^slash | (x-ones*0x20)&^x) & highs
}

func escapeEnd(doc []byte, i int) (int, error) {
	if i+1 >= len(doc) {
		return 0, syntaxError(len(doc), "document ends inside a string")
	}
	switch doc[i+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		return i + 2, nil
	case 'u':
		if _, ok := hex4(doc, i+2); ok {
			return i + 6, nil
		}
	}
	return 0, syntaxError(i, "unknown escape in a string")
}

// hex4 reads the four hexadecimal digits at i.
func hex4(doc []byte, i int) (rune, bool) {
	if i+4 > len(doc) {
		return 0, false
	}
	var r rune
	for _, c := range doc[i : i+4] {
		switch {
		case isDigit(c):
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return 0, false
		}
		r = r<<4 | rune(c)
	}
	return r, true
}

// numberEnd returns the offset after the number that starts at i.
func numberEnd(doc []byte, i int) (int, error) {
	if doc[i] == '-' {
		i++
	}
	switch {
	case i < len(doc) && doc[i] == '0':
		i++
	case i < len(doc) && isDigit(doc[i]):
		i = digitsEnd(doc, i)
	default:
		return 0, unexpected(doc, i, "a digit")
	}
	if i < len(doc) && doc[i] == '.' {
		if i++; i >= len(doc) || !isDigit(doc[i]) {
			return 0, unexpected(doc, i, "a digit")
		}
		i = digitsEnd(doc, i)
	}
	if i < len(doc) && doc[i]|0x20 == 'e' {
		if i++; i < len(doc) && (doc[i] == '+' || doc[i] == '-') {
			i++
		}
		if i >= len(doc) || !isDigit(doc[i]) {
			return 0, unexpected(doc, i, "a digit")
		}
		i = digitsEnd(doc, i)
	}
	return i, nil
}

func digitsEnd(doc []byte, i int) int {
	for i < len(doc) && isDigit(doc[i]) {
		i++
	}
	return i
}

func literalEnd(doc []byte, i int, literal string) (int, error) {
	if len(doc)-i < len(literal) || string(doc[i:i+len(literal)]) != literal {
		return 0, unexpected(doc, i, "a value")
	}
	return i + len(literal), nil
}

// scalarEnd returns the offset after the string, number or literal that starts at i.
func scalarEnd(doc []byte, i int) (int, error) {
	switch KindAt(doc, i) {
	case String:
		return stringEnd(doc, i)
	case Number:
		return numberEnd(doc, i)
	case True:
		return literalEnd(doc, i, "true")
	case False:
		return literalEnd(doc, i, "false")
	case Null:
		return literalEnd(doc, i, "null")
	default:
		return 0, unexpected(doc, i, "a value")
	}
}
