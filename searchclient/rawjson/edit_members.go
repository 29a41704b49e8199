package rawjson

import "fmt"

// memberEdit sets or removes a member; commas are settled when all edits of its object are known.
type memberEdit struct {
	obj    Span
	name   string
	value  []byte
	remove bool
}

// appendMemberSplices turns the member edits into splices, object by object.
func appendMemberSplices(dst []splice, doc []byte, edits []memberEdit) ([]splice, error) {
	done := make([]bool, len(edits))
	for i := range edits {
		if done[i] {
			continue
		}
		var same []memberEdit // those of this object, one a name: the last
		for j := i; j < len(edits); j++ {
			if edits[j].obj != edits[i].obj {
				continue
			}
			done[j] = true
			same = putMemberEdit(same, edits[j])
		}
		var err error
		if dst, err = appendObjectSplices(dst, doc, edits[i].obj, same); err != nil {
			return nil, err
		}
	}
	return dst, nil
}

func putMemberEdit(edits []memberEdit, m memberEdit) []memberEdit {
	for i := range edits {
		if edits[i].name == m.name {
			edits[i] = m
			return edits
		}
	}
	return append(edits, m)
}

func appendObjectSplices(dst []splice, doc []byte, obj Span, edits []memberEdit) ([]splice, error) {
	placed := make([]bool, len(edits))
	var last, gone Span // the last member that stays; the run of removed members after it, or before any stays
	var model Member    // the last member that stays, to lay out new ones after
	kept, removing := false, false
	for m, err := range Members(doc, obj) {
		if err != nil {
			return nil, fmt.Errorf("edit object at byte %d: %w", obj.Start, err)
		}
		edit := findMemberEdit(edits, doc, m.Key)
		if edit >= 0 && (edits[edit].remove || placed[edit]) {
			if !removing {
				gone.Start, removing = m.Key.Start, true
			}
			gone.End = m.Value.End
			continue
		}
		if edit >= 0 {
			placed[edit] = true
			dst = append(dst, splice{m.Value, edits[edit].value})
		}
		if removing {
			dst = append(dst, splice{removedSpan(kept, last, gone, m.Key.Start), nil})
			removing = false
		}
		kept, last, model = true, Span{m.Key.Start, m.Value.End}, m
	}
	if removing {
		cut := gone
		if kept {
			cut.Start = last.End
		}
		dst = append(dst, splice{cut, nil})
	}
	at := obj.Start + 1
	if kept {
		at = last.End
	}
	for i, edit := range edits {
		if !edit.remove && !placed[i] {
			dst = append(dst, splice{Span{at, at}, newMember(doc, edit, model, kept)})
			kept = true
		}
	}
	return dst, nil
}

// removedSpan is what to cut so that the commas come right when a member that stays follows at next.
func removedSpan(kept bool, last, gone Span, next int) Span {
	if kept {
		return Span{last.End, gone.End}
	}
	return Span{gone.Start, next}
}

func findMemberEdit(edits []memberEdit, doc []byte, key Span) int {
	for i := range edits {
		if KeyIs(doc, key, edits[i].name) {
			return i
		}
	}
	return -1
}

// newMember writes a member with the white space that model has, and a comma before it unless it is the first.
func newMember(doc []byte, edit memberEdit, model Member, comma bool) []byte {
	var b []byte
	if comma {
		b = append(b, ',')
	}
	if model.Key.IsZero() {
		return append(append(AppendQuoted(b, edit.name), ':'), edit.value...)
	}
	space := model.Key.Start
	for space > 0 && isSpace(doc[space-1]) {
		space--
	}
	b = append(b, doc[space:model.Key.Start]...)
	b = AppendQuoted(b, edit.name)
	b = append(b, doc[model.Key.End:model.Value.Start]...)
	return append(b, edit.value...)
}
