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
// eighth of a window (a text without spaces) starts at any token.
func (h *HuggingFace) pieces(text string, maxTokens int) (pieces []piece, total int) {
	clean, origin := readable(text)
	offsets := h.encode(clean, tokenizers.WithReturnOffsets()).Offsets
	longest := max(maxTokens/8, 1)
	pieces = append(pieces, piece{})
	for _, offset := range offsets {
		at := int(offset[0])
		last := &pieces[len(pieces)-1]
		start := at
		if origin != nil {
			start = origin[at]
		}
		if start > last.start && startsPiece(clean, at, last.tokens >= longest) {
			pieces = append(pieces, piece{start: start})
			last = &pieces[len(pieces)-1]
		}
		last.tokens++
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

// readable is text without NUL and with U+FFFD for invalid bytes, as the library is to see it, and where each of its
// bytes was in text; nil where nothing changed.
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
