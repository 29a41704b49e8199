package rawjson

import (
	"bytes"
	"errors"
	"iter"
)

// Member is one member of an object: the key with its quotes, and the value.
type Member struct{ Key, Value Span }

// Skip returns the offset after the value that starts at offset at. Inside objects and arrays it only matches quotes and
// brackets.
func Skip(doc []byte, at int) (int, error) {
	switch KindAt(doc, at) {
	case Object, Array:
		return containerEnd(doc, at)
	default:
		return scalarEnd(doc, at)
	}
}

func containerEnd(doc []byte, i int) (int, error) {
	var open brackets
	for i < len(doc) {
		switch c := doc[i]; c {
		case '"':
			end := looseStringEnd(doc, i+1)
			if end < 0 {
				return 0, syntaxError(len(doc), "document ends inside a string")
			}
			i = end
			continue
		case '{', '[':
			if open.depth >= MaxDepth {
				return 0, tooDeep(i, MaxDepth)
			}
			open.push(c == '{')
		case '}', ']':
			if c != closer(open.object()) {
				return 0, syntaxError(i, "brackets do not match")
			}
			if open.depth--; open.depth == 0 {
				return i + 1, nil
			}
		}
		i++
	}
	return 0, unexpected(doc, i, "a closing bracket")
}

// looseStringEnd returns the offset after the quote that closes the string whose first byte is at i, or -1: the first
// quote with an even number of backslashes before it.
func looseStringEnd(doc []byte, i int) int {
	for {
		n := bytes.IndexByte(doc[i:], '"')
		if n < 0 {
			return -1
		}
		quote := i + n
		slash := quote
		for slash > i && doc[slash-1] == '\\' {
			slash--
		}
		i = quote + 1
		if (quote-slash)%2 == 0 {
			return i
		}
	}
}

// WalkObject visits the members of the object that starts at offset at, in order. visit is given the key and the offset
// of the value and returns the offset after that value: by Skip, or by walking into it, so that a document is scanned
// once. WalkObject returns the offset after the object; an error of visit ends the walk.
func WalkObject(doc []byte, at int, visit func(key Span, value int) (end int, err error)) (int, error) {
	if KindAt(doc, at) != Object {
		return 0, unexpected(doc, at, "an object")
	}
	i, empty, err := first(doc, at+1, '}')
	for err == nil && !empty {
		keyStop, value, kerr := keyEnd(doc, i)
		if kerr != nil {
			return 0, kerr
		}
		end, verr := visit(Span{i, keyStop}, value)
		if verr != nil {
			return 0, verr
		}
		i, empty, err = following(doc, end, '}')
	}
	return i, err
}

// WalkArray visits the elements of the array that starts at offset at; see WalkObject.
func WalkArray(doc []byte, at int, visit func(value int) (end int, err error)) (int, error) {
	if KindAt(doc, at) != Array {
		return 0, unexpected(doc, at, "an array")
	}
	i, done, err := first(doc, at+1, ']')
	for err == nil && !done {
		end, verr := visit(i)
		if verr != nil {
			return 0, verr
		}
		i, done, err = following(doc, end, ']')
	}
	return i, err
}

// first goes from behind an opening bracket to the first key or value, or behind the closing bracket.
func first(doc []byte, i int, closing byte) (next int, done bool, err error) {
	i = skipSpace(doc, i)
	if i < len(doc) && doc[i] == closing {
		return i + 1, true, nil
	}
	return i, false, nil
}

// following goes from behind a value to the next key or value, or behind the closing bracket.
func following(doc []byte, i int, closing byte) (next int, done bool, err error) {
	i = skipSpace(doc, i)
	if i < len(doc) {
		switch doc[i] {
		case ',':
			return skipSpace(doc, i+1), false, nil
		case closing:
			return i + 1, true, nil
		}
	}
	return 0, false, unexpected(doc, i, "',' or a closing bracket")
}

// errStop ends a walk whose consumer has seen enough.
var errStop = errors.New("stop")

// Members yields the members of the object that obj covers, in order. Anything that cannot be read (obj not an object,
// the grammar broken) is yielded once, with a zero Member, and ends the sequence.
func Members(doc []byte, obj Span) iter.Seq2[Member, error] {
	return func(yield func(Member, error) bool) { members(doc, obj, yield) }
}

func members(doc []byte, obj Span, yield func(Member, error) bool) {
	doc = doc[:obj.End]
	_, err := WalkObject(doc, obj.Start, func(key Span, value int) (int, error) {
		end, err := Skip(doc, value)
		if err == nil && !yield(Member{key, Span{value, end}}, nil) {
			return 0, errStop
		}
		return end, err
	})
	if err != nil && err != errStop {
		yield(Member{}, err)
	}
}

// Elements yields the values of the array that arr covers, in order; errors as in Members.
func Elements(doc []byte, arr Span) iter.Seq2[Span, error] {
	return func(yield func(Span, error) bool) { elements(doc, arr, yield) }
}

func elements(doc []byte, arr Span, yield func(Span, error) bool) {
	doc = doc[:arr.End]
	_, err := WalkArray(doc, arr.Start, func(value int) (int, error) {
		end, err := Skip(doc, value)
		if err == nil && !yield(Span{value, end}, nil) {
			return 0, errStop
		}
		return end, err
	})
	if err != nil && err != errStop {
		yield(Span{}, err)
	}
}
