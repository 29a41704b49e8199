package searchclient

import (
	"fmt"
	"math"
	"strconv"

	"github.com/resift/resift/searchclient/rawjson"
)

// detail is one value of Details, ready to be written: raw JSON.
type detail struct {
	name  string
	value []byte
}

func (w *pageWriter) details(h *Hit, i int) []detail {
	told := w.page.Details[i]
	list := make([]detail, 0, 7)
	number := func(n int) []byte {
		return w.added(func(b []byte) []byte { return strconv.AppendInt(b, int64(n), 10) })
	}
	if w.page.AddFields {
		if rawjson.KindOf(h.doc, h.score) == rawjson.Number {
			list = append(list, detail{"resift.engine_score", h.score.Of(h.doc)})
		}
		if !math.IsNaN(told.ModelScore) {
			list = append(list, detail{"resift.model_score", w.added(func(b []byte) []byte { return appendScore(b, told.ModelScore) })})
		}
		list = append(list, detail{"resift.engine_rank", number(told.EngineRank)})
	}
	if p := told.Passage; w.page.AddPassages && p != nil {
		if p.Text != "" {
			list = append(list, detail{"resift.passage", w.added(func(b []byte) []byte { return rawjson.AppendQuoted(b, p.Text) })})
		}
		list = append(list, detail{"resift.passage_window", number(p.Window)}, detail{"resift.passage_windows", number(p.Windows)},
			detail{"resift.passage_cut", w.added(func(b []byte) []byte { return strconv.AppendBool(b, p.Cut) })})
	}
	return list
}

// editFields takes out of a hit's fields what the rewrite added and puts in what the caller is to see.
func (w *pageWriter) editFields(h *Hit, i int) error {
	var details []detail
	if i < len(w.page.Details) {
		details = w.details(h, i)
	}
	if len(details) == 0 {
		return w.dropNames(h, "fields", h.fields, w.page.DropFields)
	}
	cuts, left, err := findCuts(h.doc, h.fields, w.page.DropFields)
	if err != nil {
		return err
	}
	look := lookOf(h.doc, h.raw)
	if !left {
		fields := w.added(func(b []byte) []byte { return look.appendObject(b, details) })
		w.edits.SetMember(h.doc, h.raw, "fields", fields)
		return nil
	}
	w.applyCuts(h, h.fields, cuts)
	for _, d := range details {
		w.edits.SetMember(h.doc, h.fields, d.name, look.deeper().appendArray(nil, d.value))
	}
	return nil
}

// explain puts the engine's explanation inside one of its shape whose value is the hit's new _score.
func (w *pageWriter) explain(h *Hit, i int) {
	told := w.page.Details[i]
	rank := strconv.Itoa(told.EngineRank)
	score := at(w.page.Scores, i)
	what := "not read by the cross-encoder: placed below the hits that were, in the first stage's order (its rank was " + rank + ")"
	if !math.IsNaN(told.ModelScore) {
		model := string(appendScore(nil, told.ModelScore))
		if p := told.Passage; p != nil && p.Windows > 1 {
			model += fmt.Sprintf(" for window %d of %d of its text", p.Window, p.Windows)
		}
		what = "made positive from the cross-encoder's score " + model + ", rank in the first stage " + rank
		if math.IsNaN(score) {
			what = "the first stage's score, kept; ordered by the cross-encoder's score " + model + ", rank in the first stage " + rank
		}
	}
	value := w.added(func(b []byte) []byte {
		if math.IsNaN(score) {
			return append(b, engineScore(h)...)
		}
		return appendScore(b, score)
	})
	look := lookOf(h.doc, h.raw).deeper()
	w.edits.Insert(h.explanation.Start, w.added(func(b []byte) []byte {
		b = append(look.appendKey(append(b, '{'), "value"), value...)
		b = rawjson.AppendQuoted(look.appendKey(append(b, ','), "description"), what)
		return append(append(look.appendKey(append(b, ','), "details"), '['), look.deeper().indent...)
	}))
	w.edits.Insert(h.explanation.End, w.added(func(b []byte) []byte {
		b = append(append(b, look.indent...), ']')
		return append(append(b, look.outer()...), '}')
	}))
}

// engineScore is the raw _score, or null.
func engineScore(h *Hit) []byte {
	if h.score.IsZero() {
		return []byte("null")
	}
	return h.score.Of(h.doc)
}
