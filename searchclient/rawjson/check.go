package rawjson

import "unicode/utf8"

// Check tells whether doc is one JSON value by RFC 8259 in valid UTF-8, with objects and arrays nested at most maxDepth
// deep (at most MaxDepth, whatever maxDepth says). The error is a *SyntaxError. A byte order mark, comments, and
// anything after the value are errors; repeated keys and lone surrogates are not (see Duplicate). It allocates only for
// the error.
func Check(doc []byte, maxDepth int) error {
	end, err := checkValue(doc, skipSpace(doc, 0), min(maxDepth, MaxDepth))
	if err != nil {
		return err
	}
	if end = skipSpace(doc, end); end < len(doc) {
		return syntaxError(end, "more than one value")
	}
	if !utf8.Valid(doc) {
		return &SyntaxError{Offset: invalidUTF8(doc), Reason: ErrNotUTF8.Error(), cause: ErrNotUTF8}
	}
	return nil
}

// brackets remembers which kinds of container are open: one bit a level, set for an object.
type brackets struct {
	bits  [MaxDepth / 64]uint64
	depth int
}

func (b *brackets) push(object bool) {
	word, bit := b.depth/64, uint64(1)<<(b.depth%64)
	if object {
		b.bits[word] |= bit
	} else {
		b.bits[word] &^= bit
	}
	b.depth++
}

// object tells whether the innermost open container is an object; one must be open.
func (b *brackets) object() bool {
	return b.bits[(b.depth-1)/64]>>((b.depth-1)%64)&1 == 1
}

// checkValue returns the offset after the value that starts at i, of which every byte holds to the grammar.
func checkValue(doc []byte, i, maxDepth int) (int, error) {
	var open brackets
	for {
		kind := KindAt(doc, i)
		if kind != Object && kind != Array {
			end, err := scalarEnd(doc, i)
			if err != nil {
				return 0, err
			}
			i = end
		} else {
			if open.depth >= maxDepth {
				return 0, tooDeep(i, maxDepth)
			}
			open.push(kind == Object)
			next, empty, err := opened(doc, i+1, kind == Object)
			if err != nil {
				return 0, err
			}
			i = next
			if !empty {
				continue
			}
			open.depth--
		}
		next, done, err := closed(doc, i, &open)
		if err != nil || done {
			return next, err
		}
		i = next
	}
}

// opened goes from behind an opening bracket to the first value in it, or behind the closing bracket if it is empty.
func opened(doc []byte, i int, object bool) (next int, empty bool, err error) {
	i = skipSpace(doc, i)
	if i < len(doc) && doc[i] == closer(object) {
		return i + 1, true, nil
	}
	if object {
		_, i, err = keyEnd(doc, i)
	}
	return i, false, err
}

// closed goes from behind a value, over the brackets that close after it, to the next value. It is done when no
// container is open any more.
func closed(doc []byte, i int, open *brackets) (next int, done bool, err error) {
	for open.depth > 0 {
		object := open.object()
		i = skipSpace(doc, i)
		if i >= len(doc) {
			return 0, false, unexpected(doc, i, "',' or a closing bracket")
		}
		switch doc[i] {
		case closer(object):
			open.depth--
			i++
		case ',':
			i = skipSpace(doc, i+1)
			if object {
				_, i, err = keyEnd(doc, i)
			}
			return i, false, err
		default:
			return 0, false, unexpected(doc, i, "',' or a closing bracket")
		}
	}
	return i, true, nil
}

func closer(object bool) byte {
	if object {
		return '}'
	}
	return ']'
}

// keyEnd reads the key that starts at i and its colon; it returns the offset after the key's quote and where the value
// starts.
func keyEnd(doc []byte, i int) (end, value int, err error) {
	if i >= len(doc) || doc[i] != '"' {
		return 0, 0, unexpected(doc, i, "a key in quotes")
	}
	if end, err = stringEnd(doc, i); err != nil {
		return 0, 0, err
	}
	colon := skipSpace(doc, end)
	if colon >= len(doc) || doc[colon] != ':' {
		return 0, 0, unexpected(doc, colon, "':'")
	}
	return end, skipSpace(doc, colon+1), nil
}

func invalidUTF8(doc []byte) int {
	for i := 0; i < len(doc); {
		r, size := utf8.DecodeRune(doc[i:])
		if r == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
	return len(doc)
}
