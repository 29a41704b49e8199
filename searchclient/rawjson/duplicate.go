package rawjson

import (
	"bytes"
	"hash/maphash"
)

// Duplicate looks for an object of doc, at any depth, that has two keys which are equal once unescaped. It returns that
// key, unescaped, and the offset of its second occurrence; the first such offset of the document. doc should have passed
// Check; what cannot be read ends the search.
func Duplicate(doc []byte) (key string, at int, ok bool) {
	var roomKeys [64]seenKey
	var roomObjects [16]openObject
	d := duplicates{doc: doc, seed: maphash.MakeSeed(), keys: roomKeys[:0], objects: roomObjects[:0]}
	for i := 0; i < len(doc); {
		switch doc[i] {
		case '{':
			d.objects = append(d.objects, openObject{first: len(d.keys)})
			i++
		case '}':
			if len(d.objects) == 0 {
				return "", 0, false
			}
			d.close()
			i++
		case '"':
			end := looseStringEnd(doc, i+1)
			if end < 0 {
				return "", 0, false
			}
			// A string before a colon is a key: there is no other place for a colon.
			if colon := skipSpace(doc, end); colon < len(doc) && doc[colon] == ':' && len(d.objects) > 0 {
				if d.seen(Span{i, end}) {
					key, _ := Text(doc, Span{i, end})
					return key, i, true
				}
			}
			i = end
		default:
			i++
		}
	}
	return "", 0, false
}

// linear is how many keys of an object are compared one by one before an index is built.
const linear = 24

type seenKey struct {
	hash uint64
	key  Span
}

type openObject struct {
	first int                 // index of its first key in keys
	index map[uint64]struct{} // hashes of its keys, once there are more than linear
}

// duplicates holds the keys of all objects that are open at one point of the document, outermost first.
type duplicates struct {
	doc     []byte
	seed    maphash.Seed
	keys    []seenKey
	objects []openObject
}

func (d *duplicates) close() {
	last := len(d.objects) - 1
	d.keys = d.keys[:d.objects[last].first]
	d.objects[last].index = nil
	d.objects = d.objects[:last]
}

// seen tells whether the innermost open object already has the key, and remembers it.
func (d *duplicates) seen(key Span) bool {
	object := &d.objects[len(d.objects)-1]
	hash := d.hash(key)
	known := d.keys[object.first:]
	if object.index != nil {
		if _, maybe := object.index[hash]; !maybe {
			known = nil
		}
	}
	for _, k := range known {
		if k.hash == hash && sameKey(d.doc, k.key, key) {
			return true
		}
	}
	d.keys = append(d.keys, seenKey{hash, key})
	switch n := len(d.keys) - object.first; {
	case object.index != nil:
		object.index[hash] = struct{}{}
	case n > linear:
		object.index = make(map[uint64]struct{}, 2*n)
		for _, k := range d.keys[object.first:] {
			object.index[k.hash] = struct{}{}
		}
	}
	return false
}

// hash is of the unescaped key, with a seed that no sender can know.
func (d *duplicates) hash(key Span) uint64 {
	inner, _ := inside(d.doc, key)
	if bytes.IndexByte(inner, '\\') >= 0 {
		var room [64]byte
		inner = appendUnescaped(room[:0], inner)
	}
	return maphash.Bytes(d.seed, inner)
}

func sameKey(doc []byte, a, b Span) bool {
	var roomA, roomB [64]byte
	textA, _ := AppendText(roomA[:0], doc, a)
	textB, _ := AppendText(roomB[:0], doc, b)
	return bytes.Equal(textA, textB)
}
