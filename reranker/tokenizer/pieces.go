package tokenizer

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/daulet/tokenizers"
)

// Windows implements Tokenizer. Each window is encoded again before it is taken, because a token may depend on what
// stands before it.
func (h *HuggingFace) Windows(text string, maxTokens, overlap int) []string {
	maxTokens = max(maxTokens, 1)
	pieces, total := h.pieces(text, maxTokens)
	if total <= maxTokens {
		return []string{text}
	}
	count := func(part string) int { return len(h.encode(part).IDs) }
	return cut(text, pieces, maxTokens, overlap, count)
}

// pieces start at tokens that follow a space or hold one, and their tokens in all. A piece that stays longer than an
// eighth of a window (a text without spaces) ends at any token.
func (h *HuggingFace) pieces(text string, maxTokens int) (pieces []piece, total int) {
	clean, origin := readable(text)
	offsets := h.encode(clean, tokenizers.WithReturnOffsets()).Offsets
	longest := max(maxTokens/8, 1)
	pieces = append(pieces, piece{})
	last := 0 // start of the last piece in clean
	for _, offset := range offsets {
		at, current := int(offset[0]), &pieces[len(pieces)-1]
		if at > last && startsPiece(clean, at, current.tokens >= longest) {
			last = at
			if origin != nil {
				at = origin[at]
			}
			pieces = append(pieces, piece{start: at})
			current = &pieces[len(pieces)-1]
		}
		current.tokens++
	}
	return pieces, len(offsets)
}

// startsPiece tells whether a piece may start at a byte of text: beside a space, or anywhere between characters.
func startsPiece(text string, at int, anywhere bool) bool {
	if at >= len(text) || !utf8.RuneStart(text[at]) {
		return false
	}
	if anywhere {
		return true
	}
	before, _ := utf8.DecodeLastRuneInString(text[:at])
	after, _ := utf8.DecodeRuneInString(text[at:])
	return unicode.IsSpace(before) || unicode.IsSpace(after)
}

// readable is text with U+FFFD for each invalid byte and without NUL, which would end a C string; and where each of its
// bytes was in text, nil where nothing changed.
func readable(text string) (clean string, origin []int) {
	if utf8.ValidString(text) && strings.IndexByte(text, 0) < 0 {
		return text, nil
	}
	var b strings.Builder
	for at, c := range text {
		if c == 0 {
			continue
		}
		b.WriteRune(c)
		for len(origin) < b.Len() {
			origin = append(origin, at)
		}
	}
	return b.String(), origin
}
