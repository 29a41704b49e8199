package searchclient

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/resift/resift/searchclient/rawjson"
)

// Page says how an answer is written back. Slices "by hit" are indexed by the hit's place in the engine's order, that of
// Answer.Hits; they may be nil.
type Page struct {
	// Order holds the hits to write, best first, by their place in the engine's order, none twice. Those not named are
	// left out.
	Order []int
	// Scores, by hit, go into _score; NaN keeps the bytes of the engine. A hit without _score gets none.
	Scores []float64
	// MaxScore goes into hits.max_score if the answer has it; nil keeps the bytes of the engine.
	MaxScore *float64
	// AddTook is added to took, in whole milliseconds.
	AddTook time.Duration

	// DropFields are names under fields of each hit that the rewrite added: each goes, and fields with it if nothing is
	// left, as an engine leaves out empty fields. The same names go from ignored_field_values.
	DropFields []string
	// DropHighlight does the same to highlight.
	DropHighlight []string
	// DropVersion takes _version out of each hit.
	DropVersion bool
	// Highlights, by hit, are members "highlight" as Hit.HighlightMember returns them, for hits that have none; nil adds none.
	// They go where engines write them.
	Highlights [][]byte

	// Details, by hit, are shown where the next three ask for it.
	Details []Details
	// AddFields adds resift.engine_score, resift.model_score and resift.engine_rank to the fields of each hit.
	AddFields bool
	// AddPassages adds resift.passage, resift.passage_window, resift.passage_windows and resift.passage_cut to the fields of each hit
	// that has a Passage.
	AddPassages bool
	// Explain wraps _explanation, where a hit has it, in one that tells the model's part.
	Explain bool
}

// Details is what can be told about the place of one hit.
type Details struct {
	ModelScore float64 // as the cross-encoder gave it; NaN for a hit that it did not read
	EngineRank int     // from 1
	Passage    *Passage
}

// Passage is the part of a hit's text that its score comes from.
type Passage struct {
	Text    string // empty: not to be told
	Window  int    // from 1: which of the texts that the hit was read by
	Windows int    // how many there were
	Cut     bool   // some of the hit's text was not read at all
}

// Append appends the answer, rewritten as the page says, to dst. With every hit in the engine's order and nothing else
// set it appends the body byte for byte. The error tells of a part that had to be edited and cannot be read; dst then
// comes back as it was.
func (a *Answer) Append(dst []byte, p Page) ([]byte, error) {
	w := pageWriter{answer: a, page: &p}
	type change struct {
		span  rawjson.Span
		write func([]byte) ([]byte, error)
	}
	changes := make([]change, 0, 3)
	if took := addMilliseconds(a.body, a.took, p.AddTook); took != nil {
		changes = append(changes, change{a.took, func(b []byte) ([]byte, error) { return append(b, took...), nil }})
	}
	if p.MaxScore != nil && !math.IsNaN(*p.MaxScore) && !a.maxScore.IsZero() {
		changes = append(changes, change{a.maxScore, func(b []byte) ([]byte, error) { return appendScore(b, *p.MaxScore), nil }})
	}
	if a.HasHits() {
		changes = append(changes, change{a.list, w.appendHits})
	}
	slices.SortFunc(changes, func(x, y change) int { return x.span.Start - y.span.Start })

	out, at := slices.Grow(dst, len(a.body)), 0
	for _, c := range changes {
		out = append(out, a.body[at:c.span.Start]...)
		var err error
		if out, err = c.write(out); err != nil {
			return dst, fmt.Errorf("write answer: %w", err)
		}
		at = c.span.End
	}
	return append(out, a.body[at:]...), nil
}

// pageWriter writes the hits of one page.
type pageWriter struct {
	answer *Answer
	page   *Page
	edits  rawjson.Edits // of the hit at hand
	room   []byte        // new bytes of the hit at hand
}

func (w *pageWriter) appendHits(dst []byte) ([]byte, error) {
	a := w.answer
	item := func(i int) rawjson.Span { return a.hits[i].raw }
	return appendList(dst, a.body, a.list, len(a.hits), item, w.page.Order, w.appendHit)
}

func (w *pageWriter) appendHit(dst []byte, i int) ([]byte, error) {
	h := &w.answer.hits[i]
	w.edits.Reset()
	w.room = w.room[:0]
	if score := at(w.page.Scores, i); !math.IsNaN(score) && !h.score.IsZero() {
		w.edits.Replace(h.score, w.added(func(b []byte) []byte { return appendScore(b, score) }))
	}
	if w.page.DropVersion && !h.version.IsZero() {
		w.edits.DeleteMember(h.doc, h.raw, "_version")
	}
	if i < len(w.page.Highlights) && w.page.Highlights[i] != nil {
		if err := w.addHighlight(h, w.page.Highlights[i]); err != nil {
			return dst, err
		}
	}
	if err := w.dropNames(h, "highlight", h.highlight, w.page.DropHighlight); err != nil {
		return dst, err
	}
	if err := w.dropNames(h, "ignored_field_values", h.ignored, w.page.DropFields); err != nil {
		return dst, err
	}
	if err := w.editFields(h, i); err != nil {
		return dst, err
	}
	if w.page.Explain && i < len(w.page.Details) && !h.explanation.IsZero() {
		w.explain(h, i)
	}
	return w.edits.AppendSpan(dst, h.doc, h.raw)
}

// added returns what write appends, kept until the next hit.
func (w *pageWriter) added(write func([]byte) []byte) []byte {
	start := len(w.room)
	w.room = write(w.room)
	return w.room[start:len(w.room):len(w.room)]
}

// at is xs[i], or NaN past its end.
func at(xs []float64, i int) float64 {
	if i < len(xs) {
		return xs[i]
	}
	return math.NaN()
}

// appendList writes an array again with the items that order names, each by write. What stands before the first item,
// between items and after the last stays what it was at that place.
func appendList(dst, doc []byte, list rawjson.Span, items int, item func(int) rawjson.Span, order []int,
	write func(dst []byte, i int) ([]byte, error)) ([]byte, error) {
	if items == 0 {
		return append(dst, list.Of(doc)...), nil
	}
	lead := doc[list.Start:item(0).Start]
	if len(order) == 0 {
		if len(lead) > 1 {
			return append(dst, "[ ]"...), nil
		}
		return append(dst, "[]"...), nil
	}
	dst = append(dst, lead...)
	for place, i := range order {
		if place > 0 {
			dst = append(dst, doc[item(place-1).End:item(place).Start]...)
		}
		var err error
		if dst, err = write(dst, i); err != nil {
			return dst, err
		}
	}
	return append(dst, doc[item(items-1).End:list.End]...), nil
}
