package rawjson

import (
	"bytes"
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

// ErrOverlap is what Apply's error wraps when two edits change the same bytes.
var ErrOverlap = errors.New("edits overlap")

// Apply returns a copy of doc with all edits made; doc is left as it is. With no edits it returns doc itself.
func (e *Edits) Apply(doc []byte) ([]byte, error) {
	if e.err != nil {
		return nil, e.err
	}
	if e.Len() == 0 {
		return doc, nil
	}
	all, err := appendMemberSplices(slices.Clone(e.splices), doc, e.members)
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(all, func(a, b splice) int {
		if c := cmp.Compare(a.span.Start, b.span.Start); c != 0 {
			return c
		}
		return cmp.Compare(min(a.span.Len(), 1), min(b.span.Len(), 1)) // insertions first
	})
	size, at := len(doc), 0
	for _, s := range all {
		if s.span.Start < 0 || s.span.End < s.span.Start || s.span.End > len(doc) {
			return nil, fmt.Errorf("edit of bytes %d to %d: outside the document", s.span.Start, s.span.End)
		}
		if s.span.Start < at {
			return nil, fmt.Errorf("edit at byte %d: %w", s.span.Start, ErrOverlap)
		}
		size += len(s.with) - s.span.Len()
		at = s.span.End
	}
	out := bytes.NewBuffer(make([]byte, 0, size))
	at = 0
	for _, s := range all {
		out.Write(doc[at:s.span.Start])
		out.Write(s.with)
		at = s.span.End
	}
	out.Write(doc[at:])
	return out.Bytes(), nil
}
