package searchclient

import (
	"bytes"
	"fmt"

	"github.com/resift/resift/searchclient/rawjson"
)

// apply returns what the filter leaves of doc.
func (f pathFilter) apply(doc []byte) ([]byte, error) {
	root := rawjson.Root(doc)
	if rawjson.KindOf(doc, root) != rawjson.Object {
		return nil, fmt.Errorf("no object to filter: %w", ErrShape)
	}
	w := pathWriter{doc: doc, out: make([]byte, 0, 1024)}
	w.out = append(w.out, doc[:root.Start]...)
	end, left, err := w.object(root.Start, f)
	if err != nil {
		return nil, err
	}
	if end != root.End {
		return nil, fmt.Errorf("more than one value: %w", ErrShape)
	}
	if !left {
		w.out = append(w.out, emptyRoot(root.Of(doc))...)
	}
	return append(w.out, doc[root.End:]...), nil
}

// emptyRoot is how the engines write an object without members, with ?pretty and without.
func emptyRoot(root []byte) string {
	if spaceBefore(root, len(root)-1) < len(root)-1 {
		return "{ }"
	}
	return "{}"
}

// pathWriter copies what a filter leaves, each piece with the white space before it. Its methods return the offset after
// the value they read and whether they wrote anything of it.
type pathWriter struct {
	doc   []byte
	out   []byte
	depth int // of containers being read
}

// value writes what the filter leaves of a value that its path has led to, but not matched to the end.
func (w *pathWriter) value(at int, f pathFilter) (end int, left bool, err error) {
	switch rawjson.KindAt(w.doc, at) {
	case rawjson.Object, rawjson.Array:
		if w.depth++; w.depth > rawjson.MaxDepth {
			return 0, false, rawjson.ErrTooDeep
		}
		defer func() { w.depth-- }()
		if w.doc[at] == '[' {
			return w.array(at, f)
		}
		return w.object(at, f)
	}
	return w.copyIf(!f.inclusive, at)
}

func (w *pathWriter) copyIf(keep bool, at int) (end int, left bool, err error) {
	end, err = rawjson.Skip(w.doc, at)
	if err == nil && keep {
		w.out = append(w.out, w.doc[at:end]...)
	}
	return end, keep, err
}

func (w *pathWriter) object(at int, f pathFilter) (end int, left bool, err error) {
	start, empty := len(w.out), true
	w.out = append(w.out, '{')
	end, err = rawjson.WalkObject(w.doc, at, func(key rawjson.Span, value int) (int, error) {
		empty = false
		return w.item(&left, key.Start, value, func() (int, bool, error) { return w.member(key, value, f) })
	})
	return w.close(start, at, end, left, empty && f.keepEmpty, err)
}

// member writes the value of a member.
func (w *pathWriter) member(key rawjson.Span, value int, f pathFilter) (end int, left bool, err error) {
	whole, below := f.match(string(name(w.doc, key)))
	if !whole && len(below) > 0 {
		return w.value(value, f.at(below))
	}
	return w.copyIf(whole == f.inclusive, value)
}

func (w *pathWriter) array(at int, f pathFilter) (end int, left bool, err error) {
	start, empty := len(w.out), true
	w.out = append(w.out, '[')
	end, err = rawjson.WalkArray(w.doc, at, func(value int) (int, error) {
		empty = false
		return w.item(&left, value, value, func() (int, bool, error) { return w.value(value, f) })
	})
	return w.close(start, at, end, left, empty && f.keepEmpty, err)
}

// item writes a comma if others are before it, the bytes from the white space before start up to value, and what write
// leaves; or none of it.
func (w *pathWriter) item(others *bool, start, value int, write func() (int, bool, error)) (int, error) {
	mark := len(w.out)
	if *others {
		w.out = append(w.out, ',')
	}
	w.out = append(w.out, w.doc[spaceBefore(w.doc, start):value]...)
	end, left, err := write()
	if !left {
		w.out = w.out[:mark]
	}
	*others = *others || left
	return end, err
}

// close ends a container of which something is left, or takes back that it was begun; unless keep: then it was empty.
func (w *pathWriter) close(start, at, end int, left, keep bool, err error) (int, bool, error) {
	switch {
	case err != nil:
		return 0, false, err
	case left:
		w.out = append(w.out, w.doc[spaceBefore(w.doc, end-1):end]...)
	case keep:
		w.out = append(w.out[:start], w.doc[at:end]...)
	default:
		w.out = w.out[:start]
	}
	return end, left || keep, nil
}

// spaceBefore is where the white space before offset at begins.
func spaceBefore(doc []byte, at int) int {
	return len(bytes.TrimRight(doc[:at], " \t\r\n"))
}
