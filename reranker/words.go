package reranker

import (
	"unicode"
	"unicode/utf8"
)

// word is a piece of text between spaces, or one character of a script that is written without spaces.
type word struct {
	start, end int // bytes
	cost       int // in thirds of a token
}

// wordRunes is the length that counts as one word; a longer one counts as several.
const wordRunes = 8

// wordWindows cuts text into windows of about maxTokens tokens where no tokenizer is at hand: three words count as four
// tokens (the average of English WordPiece), a Chinese, Japanese or Korean character as one.
func wordWindows(text string, maxTokens, overlap int) []string {
	words := splitWords(text)
	limit, shared := max(1, maxTokens)*3, min(overlap, maxTokens/2)*3
	var windows []string
	for from := 0; from < len(words); {
		to, cost := from, 0
		for to < len(words) && (to == from || cost+words[to].cost <= limit) {
			cost += words[to].cost
			to++
		}
		if from == 0 && to == len(words) {
			break // all of it: one window, the text itself
		}
		windows = append(windows, text[words[from].start:words[to-1].end])
		if to == len(words) {
			break
		}
		next, back := to, 0
		for next-1 > from && back+words[next-1].cost <= shared {
			next--
			back += words[next].cost
		}
		from = next
	}
	if windows == nil {
		return []string{text}
	}
	return windows
}

func splitWords(text string) []word {
	var words []word
	open := false // the last word may grow
	runes := 0
	for i, end := 0, 0; i < len(text); i = end {
		r, size := utf8.DecodeRuneInString(text[i:])
		end = i + size
		switch {
		case unicode.IsSpace(r):
			open = false
		case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
			words = append(words, word{start: i, end: end, cost: 3})
			open = false
		case !open:
			words = append(words, word{start: i, end: end, cost: 4})
			open, runes = true, 1
		default:
			last := &words[len(words)-1]
			last.end = end
			if runes++; runes%wordRunes == 1 {
				last.cost += 4
			}
		}
	}
	return words
}
