package searchclient

import (
	"github.com/resift/resift/searchclient/rawjson"
)

// cut is what becomes of one member of an object out of which names are dropped: it goes, or its value is replaced.
type cut struct {
	name  string
	value []byte // nil: the member goes
}

// dropNames takes names out of the object that the hit has as its member, and the member itself if nothing is left.
func (w *pageWriter) dropNames(h *Hit, member string, obj rawjson.Span, names []string) error {
	cuts, left, err := findCuts(h.doc, obj, names)
	if err != nil || len(cuts) == 0 {
		return err
	}
	if !left {
		w.edits.DeleteMember(h.doc, h.raw, member)
		return nil
	}
	w.applyCuts(h, obj, cuts)
	return nil
}

func (w *pageWriter) applyCuts(h *Hit, obj rawjson.Span, cuts []cut) {
	for _, c := range cuts {
		if c.value == nil {
			w.edits.DeleteMember(h.doc, obj, c.name)
		} else {
			w.edits.SetMember(h.doc, obj, c.name, c.value)
		}
	}
}

// findCuts finds what to do to drop names from an object and whether any member is left. A name is a key of the object;
// or, as the engines show nested fields, its first steps are a key whose value is an array of objects that have the other
// steps as their keys. left is false for an absent object.
func findCuts(doc []byte, obj rawjson.Span, names []string) (cuts []cut, left bool, err error) {
	if obj.IsZero() {
		return nil, false, nil
	}
	if len(names) == 0 {
		return nil, true, nil
	}
	for m, err := range rawjson.Members(doc, obj) {
		if err != nil {
			return nil, false, err
		}
		whole, rests := split(doc, m.Key, names)
		if whole {
			cuts = append(cuts, cut{name: string(name(doc, m.Key))})
			continue
		}
		if len(rests) == 0 || rawjson.KindOf(doc, m.Value) != rawjson.Array {
			left = true
			continue
		}
		value, changed, remains, err := cutNested(doc, m.Value, rests)
		if err != nil {
			return nil, false, err
		}
		left = left || remains
		if changed {
			cuts = append(cuts, cut{name: string(name(doc, m.Key)), value: value})
		}
	}
	return cuts, left, nil
}

// split tells whether the key is one of the names, and else what remains of the names that it begins.
func split(doc []byte, key rawjson.Span, names []string) (whole bool, rests []string) {
	for _, n := range names {
		rest, on := step(doc, key, n)
		if on && rest == "" {
			return true, nil
		}
		if on {
			rests = append(rests, rest)
		}
	}
	return false, rests
}

// cutNested drops names from each object of an array and the objects of which nothing is left. value is nil if that is
// all of them.
func cutNested(doc []byte, list rawjson.Span, names []string) (value []byte, changed, remains bool, err error) {
	var items []rawjson.Span
	var edited [][]byte
	var order []int
	for element, err := range rawjson.Elements(doc, list) {
		if err != nil {
			return nil, false, false, err
		}
		items = append(items, element)
		edited = append(edited, element.Of(doc))
		if rawjson.KindOf(doc, element) != rawjson.Object {
			order = append(order, len(items)-1)
			continue
		}
		cuts, left, err := findCuts(doc, element, names)
		if err != nil {
			return nil, false, false, err
		}
		changed = changed || len(cuts) > 0
		if !left && len(cuts) > 0 {
			continue
		}
		order = append(order, len(items)-1)
		if len(cuts) > 0 {
			w := pageWriter{}
			w.applyCuts(&Hit{doc: doc}, element, cuts)
			if edited[len(edited)-1], err = w.edits.AppendSpan(nil, doc, element); err != nil {
				return nil, false, false, err
			}
		}
	}
	if !changed || len(order) == 0 {
		return nil, changed, !changed, nil
	}
	value, err = appendList(nil, doc, list, len(items), func(i int) rawjson.Span { return items[i] }, order,
		func(dst []byte, i int) ([]byte, error) { return append(dst, edited[i]...), nil })
	return value, true, true, err
}
