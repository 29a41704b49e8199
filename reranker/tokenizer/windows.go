package tokenizer

import (
	"slices"
	"unicode/utf8"
)

// piece is a part of a text that windows keep together: a word with what follows it up to the next one.
type piece struct {
	start  int // byte offset; it ends where the next one starts
	tokens int
}

// cut joins pieces of text to windows of at most maxTokens tokens that start at a piece; the next one starts as early
// as overlap tokens before its end allow. Where the tokens of a part aren't the sum of its pieces', count counts them.
func cut(text string, pieces []piece, maxTokens, overlap int, count func(string) int) []string {
	overlap = max(min(overlap, maxTokens/2), 0)
	var windows []string
	covered := 0 // bytes of text
	for first := 0; ; {
		end, tokens := first, 0
		for end < len(pieces) && (end == first || tokens+pieces[end].tokens <= maxTokens) {
			tokens += pieces[end].tokens
			end++
		}
		window := span(text, pieces, first, end)
		for count != nil && end > first+1 && count(window) > maxTokens {
			end--
			window = span(text, pieces, first, end)
		}
		if count != nil && count(window) > maxTokens && middleOf(window) > 0 {
			pieces = slices.Insert(pieces, first+1, piece{pieces[first].start + middleOf(window), maxTokens})
			continue
		}
		// A window that the overlap has filled holds nothing new; the next one starts later.
		if reach := pieces[first].start + len(window); reach > covered || text == "" {
			windows = append(windows, window)
			covered = reach
		}
		if end == len(pieces) {
			return windows
		}
		first = rewind(pieces, first, end, overlap)
	}
}

// rewind is the piece to start the next window at: the first of those before end that have at most overlap tokens
// together, but one after first.
func rewind(pieces []piece, first, end, overlap int) int {
	next := end
	for next > first+1 && pieces[next-1].tokens <= overlap {
		next--
		overlap -= pieces[next].tokens
	}
	return next
}

// middleOf is a byte between two characters somewhere in the middle of text, 0 if it has only one.
func middleOf(text string) int {
	at := len(text) / 2
	for at > 0 && !utf8.RuneStart(text[at]) {
		at--
	}
	if at == 0 {
		_, at = utf8.DecodeRuneInString(text)
	}
	return at % max(len(text), 1)
}

// span is the text of the pieces from first up to end.
func span(text string, pieces []piece, first, end int) string {
	if end == len(pieces) {
		return text[pieces[first].start:]
	}
	return text[pieces[first].start:pieces[end].start]
}

// Windows implements Tokenizer.
func (w *WordPiece) Windows(text string, maxTokens, overlap int) []string {
	maxTokens = max(maxTokens, 1)
	if len(text) <= maxTokens { // no character has more tokens than bytes
		return []string{text}
	}
	pieces, total := w.pieces(text, maxTokens)
	if total <= maxTokens {
		return []string{text}
	}
	return cut(text, pieces, maxTokens, overlap, nil)
}

// pieces are the words of text, those of more than maxTokens tokens in parts, and their tokens in all.
func (w *WordPiece) pieces(text string, maxTokens int) (pieces []piece, total int) {
	var ids []int32
	offset := 0
	for rest := text; rest != ""; {
		at, next, _ := w.added.find(rest)
		for i := 0; i < at; {
			var end int
			ids, end = w.word(ids[:0], rest[:at], i)
			if len(ids) > maxTokens {
				pieces = w.parts(pieces, rest[i:end], offset+i, maxTokens)
			} else if len(ids) > 0 || len(pieces) == 0 {
				pieces = append(pieces, piece{offset + i, len(ids)})
			}
			total += len(ids)
			i = end
		}
		if next > at {
			pieces = append(pieces, piece{offset + at, 1})
			total++
		}
		offset += next
		rest = rest[next:]
	}
	return pieces, total
}

// parts cuts a word into parts of at most maxTokens tokens, or of one character. It goes by the characters that the
// word is made of after normalisation, each of which is at most one token: a walk over the word, whatever it holds.
// A part counts as a whole window, for joined with its neighbour it would be other tokens.
func (w *WordPiece) parts(pieces []piece, word string, offset, maxTokens int) []piece {
	for word != "" {
		n, chars := 0, 0
		for n < len(word) {
			c, size := utf8.DecodeRuneInString(word[n:])
			chars += w.alphabet.chars(c)
			if n > 0 && chars > maxTokens {
				break
			}
			n += size
		}
		pieces = append(pieces, piece{offset, maxTokens})
		offset += n
		word = word[n:]
	}
	return pieces
}
