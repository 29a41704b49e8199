package compare

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// why is what the page tells of a hit's score by the model.
type why struct {
	Window, Windows int  // which of the hit's windows won, from 1; Windows 0: the model did not read the hit
	Cut             bool // some of the text was not read
	Before, After   string
	Passage         []piece  // what the score comes from, the query's words marked; empty: of fields that the page did not ask for
	Found, Missing  []string // words of the query that the passage has, and has not
}

// contextShown is how much of the text beside a passage is shown, in runes.
const contextShown = 160

// explain tells of a hit with details why it stands where it does. query's words are marked in the passage, and what the
// engine marked in the hit. nil: the model read it, and what it read is not told.
func explain(x *rawHit, query string, fields []string) *why {
	d := &x.Fields
	if len(d.Window) != 1 || len(d.Windows) != 1 || len(d.Cut) != 1 {
		if len(d.Model) == 1 {
			return nil // a rule with details where allow.ext is off: the page asked for passages in vain
		}
		return &why{}
	}
	w := &why{Window: d.Window[0], Windows: d.Windows[0], Cut: d.Cut[0]}
	if len(d.Passage) != 1 || d.Passage[0] == "" {
		return w
	}
	passage := d.Passage[0]
	asked := wordsOf(query)
	marked := map[string]bool{}
	for _, word := range asked {
		marked[word] = true
	}
	for _, word := range engineMarks(x.Highlight) {
		marked[word] = true
	}
	w.Passage = markWords(passage, marked)
	has := map[string]bool{}
	for _, word := range wordsOf(passage) {
		has[word] = true
	}
	for _, word := range asked {
		if has[word] {
			w.Found = append(w.Found, word)
		} else {
			w.Missing = append(w.Missing, word)
		}
	}
	if before, after, ok := strings.Cut(textOf(x.Source, fields), passage); ok {
		w.Before, w.After = lastRunes(before, contextShown), firstRunes(after, contextShown)
	}
	return w
}

// engineMarks are the words that the engine marked in its fragments: forms of the query's words, by its own analysis.
func engineMarks(highlight map[string][]string) []string {
	var words []string
	for _, fragments := range highlight {
		for _, fragment := range fragments {
			for _, p := range fragmentPieces(fragment) {
				if p.Mark {
					words = append(words, wordsOf(p.Text)...)
				}
			}
		}
	}
	return words
}

// textOf joins the texts of a hit's fields as the proxy does, as far as one can tell from a path without arrays of objects. Where
// it differs, the passage is not found in it and is shown alone.
func textOf(source map[string]any, fields []string) string {
	var parts []string
	var add func(v any)
	add = func(v any) {
		switch v := v.(type) {
		case string:
			if v != "" {
				parts = append(parts, v)
			}
		case json.Number, bool:
			parts = append(parts, fmt.Sprint(v))
		case []any:
			for _, element := range v {
				add(element)
			}
		}
	}
	for _, f := range fields {
		add(source[f])
	}
	return strings.Join(parts, "\n")
}

// runs calls each with every word of text, and with what stands between them. A character of a script that is written without
// spaces is a word.
func runs(text string, each func(run string, word bool)) {
	for text != "" {
		c, n := utf8.DecodeRuneInString(text)
		word := isWord(c)
		if word && !alone(c) {
			n = ends(text, func(c rune) bool { return isWord(c) && !alone(c) })
		} else if !word {
			n = ends(text, func(c rune) bool { return !isWord(c) })
		}
		each(text[:n], word)
		text = text[n:]
	}
}

// ends is where the runes at the beginning of text that are of a kind end.
func ends(text string, of func(rune) bool) int {
	if at := strings.IndexFunc(text, func(c rune) bool { return !of(c) }); at >= 0 {
		return at
	}
	return len(text)
}

func isWord(c rune) bool { return unicode.IsLetter(c) || unicode.IsDigit(c) || unicode.IsMark(c) }

func alone(c rune) bool { return unicode.In(c, unicode.Han, unicode.Hiragana, unicode.Katakana) }

// wordsOf are the words of a text in small letters, each once, in their order.
func wordsOf(text string) []string {
	var words []string
	seen := map[string]bool{}
	runs(text, func(run string, word bool) {
		if run = strings.ToLower(run); word && !seen[run] {
			seen[run] = true
			words = append(words, run)
		}
	})
	return words
}

func markWords(text string, marked map[string]bool) []piece {
	var out []piece
	runs(text, func(run string, word bool) {
		mark := word && marked[strings.ToLower(run)]
		if n := len(out); n > 0 && !mark && !out[n-1].Mark {
			out[n-1].Text += run
			return
		}
		out = append(out, piece{run, mark})
	})
	return out
}

// firstRunes is the beginning of text, with a sign where it goes on.
func firstRunes(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return string(runes[:n]) + "…"
	}
	return text
}

func lastRunes(text string, n int) string {
	if runes := []rune(text); len(runes) > n {
		return "…" + string(runes[len(runes)-n:])
	}
	return text
}
