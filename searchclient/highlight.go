package searchclient

import (
	"bytes"
	"fmt"

	"github.com/resift/resift/searchclient/rawjson"
)

// HighlightMember returns the member "highlight" with its name and the white space inside it, or nil.
func (h Hit) HighlightMember() []byte {
	if h.highlight.IsZero() {
		return nil
	}
	for m, err := range rawjson.Members(h.doc, h.raw) {
		if err != nil {
			return nil
		}
		if m.Value == h.highlight {
			return h.doc[m.Key.Start:m.Value.End]
		}
	}
	return nil
}

// addHighlight puts the member where SearchHit.toInnerXContent of both engines writes it: before sort, matched_queries,
// _explanation and inner_hits, after all else. The white space is that of the engine's other members: of the first two, since a
// _source may bring its own.
func (w *pageWriter) addHighlight(h *Hit, member []byte) error {
	if !h.highlight.IsZero() {
		return fmt.Errorf("hit at byte %d has a highlight: %w", h.raw.Start, ErrShape)
	}
	var lead, gap []byte // before the first member; between the first two
	last, n := 0, 0
	for m, err := range rawjson.Members(h.doc, h.raw) {
		if err != nil {
			return err
		}
		switch n++; n {
		case 1:
			lead = h.doc[h.raw.Start+1 : m.Key.Start]
		case 2:
			gap = h.doc[last:m.Key.Start]
		}
		if n > 1 && followsHighlight(name(h.doc, m.Key)) {
			w.edits.Insert(m.Key.Start, w.added(func(b []byte) []byte { return append(append(b, member...), gap...) }))
			return nil
		}
		last = m.Value.End
	}
	if n < 2 {
		return fmt.Errorf("hit at byte %d has too few members: %w", h.raw.Start, ErrShape)
	}
	closing := lead[:max(0, len(lead)-2)] // before the closing brace: two spaces less than before a member
	at := h.raw.End - 1 - len(closing)
	if !bytes.HasSuffix(h.doc[last:h.raw.End-1], closing) {
		at = last
	}
	w.edits.Insert(at, w.added(func(b []byte) []byte { return append(append(b, gap...), member...) }))
	return nil
}

func followsHighlight(name []byte) bool {
	switch string(name) {
	case "sort", "matched_queries", "_explanation", "inner_hits":
		return true
	}
	return false
}
