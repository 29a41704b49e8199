package rawjson

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// Edits collects changes to one document; Apply makes them all in one copy. All offsets are those of the document before
// any change. The zero Edits is empty and ready.
type Edits struct {
	splices []splice
	members []memberEdit
	err     error // the first misuse, told by Apply
}

// splice puts bytes in place of a span; an empty span is an insertion.
type splice struct {
	span Span
	with []byte
}

// Len is the number of edits collected.
func (e *Edits) Len() int { return len(e.splices) + len(e.members) }

// Replace puts b in place of the span. b is not copied before Apply.
func (e *Edits) Replace(s Span, b []byte) { e.splices = append(e.splices, splice{s, b}) }

// Insert puts b before the byte at offset at. Insertions at one place keep the order in which they were asked for, and
// come before a replacement that starts there.
func (e *Edits) Insert(at int, b []byte) { e.Replace(Span{at, at}, b) }

// SetMember gives the object a member of this name and value (raw JSON): in place of the value it has, or behind its last
// member, laid out as that one is. If the name is there several times, one member remains. The last SetMember or
// DeleteMember of a name holds.
func (e *Edits) SetMember(doc []byte, obj Span, name string, value []byte) {
	e.member(doc, memberEdit{obj: obj, name: name, value: value})
}

// DeleteMember takes the members of this name out of the object, each with its comma.
func (e *Edits) DeleteMember(doc []byte, obj Span, name string) {
	e.member(doc, memberEdit{obj: obj, name: name, remove: true})
}

func (e *Edits) member(doc []byte, m memberEdit) {
	if KindOf(doc, m.obj) != Object && e.err == nil {
		e.err = fmt.Errorf("edit member %q: the value at byte %d is no object", m.name, m.obj.Start)
		return
	}
	e.members = append(e.members, m)
}

// ErrOverlap is what the error of Apply and AppendSpan wraps when two edits change the same bytes.
var ErrOverlap = errors.New("edits overlap")

// Reset empties the Edits and keeps their room for the next use.
func (e *Edits) Reset() {
	e.splices, e.members, e.err = e.splices[:0], e.members[:0], nil
}

// Apply returns a copy of doc with all edits made; doc is left as it is. With no edits it returns doc itself.
func (e *Edits) Apply(doc []byte) ([]byte, error) {
	if e.err == nil && e.Len() == 0 {
		return doc, nil
	}
	return e.AppendSpan(nil, doc, Span{0, len(doc)})
}

// AppendSpan appends the part of doc that within covers to dst, with all edits made; they must lie inside it.
func (e *Edits) AppendSpan(dst, doc []byte, within Span) ([]byte, error) {
	grow, err := e.settle(doc, within)
	if err != nil {
		return dst, err
	}
	dst = slices.Grow(dst, max(within.Len()+grow, 0))
	at := within.Start
	for _, s := range e.splices {
		dst = append(dst, doc[at:s.span.Start]...)
		dst = append(dst, s.with...)
		at = s.span.End
	}
	return append(dst, doc[at:within.End]...), nil
}

// settle turns every edit into a splice, in the order of the document, and returns by how many bytes they make it longer.
func (e *Edits) settle(doc []byte, within Span) (grow int, err error) {
	if e.err != nil {
		return 0, e.err
	}
	if e.splices, err = appendMemberSplices(e.splices, doc, e.members); err != nil {
		return 0, err
	}
	e.members = e.members[:0]
	if len(e.splices) > 1 {
		slices.SortStableFunc(e.splices, func(a, b splice) int {
			if c := cmp.Compare(a.span.Start, b.span.Start); c != 0 {
				return c
			}
			return cmp.Compare(min(a.span.Len(), 1), min(b.span.Len(), 1)) // insertions first
		})
	}
	at := within.Start
	for _, s := range e.splices {
		if s.span.Start < within.Start || s.span.End < s.span.Start || s.span.End > within.End {
			return 0, fmt.Errorf("edit of bytes %d to %d: outside bytes %d to %d", s.span.Start, s.span.End, within.Start, within.End)
		}
		if s.span.Start < at {
			return 0, fmt.Errorf("edit at byte %d: %w", s.span.Start, ErrOverlap)
		}
		grow += len(s.with) - s.span.Len()
		at = s.span.End
	}
	return grow, nil
}
