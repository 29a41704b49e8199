package tokenizer

import "unicode/utf8"

// word appends the ids of the next word of text from at on, and returns where to go on. A word of ASCII that is one
// piece, the common case, is a single walk down the trie, and one of several pieces needs no copy; whatever holds other
// characters is normalised first.
func (w *WordPiece) word(dst []int32, text string, at int) ([]int32, int) {
	nodes := w.vocabulary.nodes
	start := at
	base := nodes[w.vocabulary.start].base()
	piece := int32(-1)
	for ; at < len(text); at++ {
		b := w.fold[text[at]]
		if b == 0 {
			break
		}
		n := nodes[base^uint32(b)]
		if n.label() != b {
			piece = -1
			break
		}
		base, piece = n.base(), n.piece
	}
	for at < len(text) && w.fold[text[at]] != 0 {
		at++
	}
	if at < len(text) && !w.ends[text[at]] {
		return w.longWord(dst, text, start)
	}
	switch {
	case at == start:
		if id := w.single[text[at]]; id >= 0 {
			dst = append(dst, id)
		}
		return dst, at + 1
	case at-start > w.maxChars:
		dst = append(dst, w.vocabulary.unk)
	case piece >= 0:
		dst = append(dst, piece)
	default:
		dst = split(w.vocabulary, &w.fold, dst, text[start:at])
	}
	if at < len(text) && text[at] == ' ' {
		at++
	}
	return dst, at
}

// normalWord collects the normalised form of a word, as far as it matters.
type normalWord struct {
	buf   [maxWordChars * utf8.UTFMax]byte
	n     int // bytes
	chars int
	run   int // where in buf the current run of attached marks starts
}

// longWord appends the ids of the word at at in text, normalising it character by character.
func (w *WordPiece) longWord(dst []int32, text string, at int) ([]int32, int) {
	var word normalWord
	for at < len(text) {
		c, size := rune(text[at]), 1
		if c >= utf8.RuneSelf {
			c, size = utf8.DecodeRuneInString(text[at:])
		}
		act := w.alphabet.action(c)
		switch act {
		case keep:
			word.add(text[at:at+size], 1)
		case drop:
		case strip:
			word.run = word.n
		case attach:
			word.attach(w.alphabet, c)
		case hangul:
			word.addHangul(c)
		case space:
			return w.flush(dst, &word), at + size
		case punct, alone:
			return w.split(w.flush(dst, &word), text[at:at+size]), at + size
		default:
			m := &w.alphabet.mappings[act-mapped]
			if m.alone {
				return w.split(w.flush(dst, &word), m.text), at + size
			}
			if !m.word {
				dst = w.appendMapped(dst, &word, m.text)
			} else {
				word.add(m.text, m.chars)
			}
		}
		at += size
	}
	return w.flush(dst, &word), at
}

// appendMapped goes on with what a character became, where that isn't just more of a word.
func (w *WordPiece) appendMapped(dst []int32, word *normalWord, text string) []int32 {
	for _, c := range text {
		switch w.alphabet.action(c) {
		case space:
			dst = w.flush(dst, word)
		case punct:
			dst = w.split(w.flush(dst, word), string(c))
		case attach:
			word.attach(w.alphabet, c)
		default:
			word.add(string(c), 1)
		}
	}
	return dst
}

// split appends the pieces of text that is a normalised word.
func (w *WordPiece) split(dst []int32, text string) []int32 {
	return split(w.vocabulary, &w.asIs, dst, text)
}

// flush appends the ids of a word, if there is one, and empties it.
func (w *WordPiece) flush(dst []int32, word *normalWord) []int32 {
	switch {
	case word.chars == 0:
	case word.chars > w.maxChars:
		dst = append(dst, w.vocabulary.unk)
	default:
		dst = split(w.vocabulary, &w.asIs, dst, word.buf[:word.n])
	}
	word.n, word.chars, word.run = 0, 0, 0
	return dst
}

// add appends text of so many characters, which starts a new run of marks. Past the buffer only the count matters.
func (w *normalWord) add(text string, chars int) {
	w.chars += chars
	if w.chars <= maxWordChars {
		w.n += copy(w.buf[w.n:], text)
		w.run = w.n
	}
}

func (w *normalWord) addHangul(c rune) {
	lead, vowel, tail := letters(c)
	w.add(string(lead), 1)
	w.add(string(vowel), 1)
	if tail != 0 {
		w.add(string(tail), 1)
	}
}

// attach puts a mark where canonical ordering wants it: after those of its run that have no higher class.
func (w *normalWord) attach(a *alphabet, c rune) {
	w.chars++
	if w.chars > maxWordChars {
		return
	}
	at := w.n
	for at > w.run {
		before, size := utf8.DecodeLastRune(w.buf[w.run:at])
		if a.class[before] <= a.class[c] {
			break
		}
		at -= size
	}
	size := utf8.RuneLen(c)
	copy(w.buf[at+size:], w.buf[at:w.n])
	utf8.EncodeRune(w.buf[at:], c)
	w.n += size
}
