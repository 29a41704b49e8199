package tokenizer

import "unicode"

// action is what BERT's normaliser and pre-tokenizer do with a character of raw text.
type action uint16

const (
	keep   action = iota // part of a word as it is
	drop                 // nothing, as if it weren't there
	strip                // a removed mark of combining class 0: ends a run of marks under reordering
	space                // ends a word
	punct                // a word by itself
	alone                // a CJK ideograph: a word by itself
	hangul               // a syllable that decomposes into its letters
	attach               // a kept mark of a combining class over 0: canonical ordering may move it
	mapped               // mapped+i: becomes mappings[i]
)

// mapping is what a character becomes where that isn't itself.
type mapping struct {
	text  string // after decomposition, removal of marks and lower-casing
	chars int
	word  bool // only characters to keep, so the text joins the word as it is
	alone bool // a CJK ideograph, apart before it is mapped
}

// alphabet holds an action for every code point, in pages of 256 that equal ones share.
type alphabet struct {
	pages    [(unicode.MaxRune + 1) / 256]uint16
	actions  [][256]action
	mappings []mapping
	class    map[rune]uint8 // of the characters to attach
}

// action of a code point, which must be one.
func (a *alphabet) action(c rune) action {
	return a.actions[a.pages[uint32(c)>>8]][uint8(c)]
}

// chars is how many characters a code point becomes.
func (a *alphabet) chars(c rune) int {
	switch act := a.action(c); {
	case act == drop || act == strip:
		return 0
	case act == hangul:
		return 3
	case act >= mapped:
		return a.mappings[act-mapped].chars
	}
	return 1
}

// newAlphabet composes the steps of BertNormalizer (clean, space around CJK, decompose and strip, lower-case) and
// BertPreTokenizer into one action a character.
func newAlphabet(p *properties, n bertNormalizer) *alphabet {
	a := &alphabet{class: map[rune]uint8{}}
	seen := map[[256]action]uint16{}
	for page := range a.pages {
		var actions [256]action
		for i := range actions {
			actions[i] = a.compose(p, n, rune(page<<8|i))
		}
		at, ok := seen[actions]
		if !ok {
			at = uint16(len(a.actions))
			seen[actions] = at
			a.actions = append(a.actions, actions)
		}
		a.pages[page] = at
	}
	return a
}

func (a *alphabet) compose(p *properties, n bertNormalizer, c rune) action {
	switch {
	case p.sets[c] == 0 && p.class[c] == 0 && !isCJK(c) && !isHangul(c) && c != unicode.ReplacementChar:
		return keep // most of the code space, whatever the settings
	case c == '\t' || c == '\n' || c == '\r':
		return space
	case c == 0 || c == unicode.ReplacementChar || p.sets[c]&isOther != 0:
		return drop
	case p.sets[c]&isSpace != 0:
		return space
	}
	apart := n.HandleChineseChars && isCJK(c)
	text := []rune{c}
	if n.stripAccents() {
		if !apart && isHangul(c) {
			return hangul
		}
		text = p.stripped(c)
	}
	if len(text) == 0 {
		if p.class[c] == 0 {
			return strip
		}
		return drop
	}
	if n.Lowercase {
		text = p.lowered(text)
	}
	if len(text) == 1 && text[0] == c {
		return a.unmapped(p, n, c, apart)
	}
	m := mapping{text: string(text), chars: len(text), word: true, alone: apart}
	for _, r := range text {
		if a.unmapped(p, n, r, false) != keep {
			m.word = false
		}
	}
	a.mappings = append(a.mappings, m)
	return mapped + action(len(a.mappings)-1)
}

// unmapped is the action for a character that the normaliser leaves as it is.
func (a *alphabet) unmapped(p *properties, n bertNormalizer, c rune, apart bool) action {
	switch {
	case apart:
		return alone
	case p.sets[c]&isSpace != 0:
		return space
	case p.sets[c]&isPunct != 0:
		return punct
	case n.stripAccents() && p.class[c] != 0:
		a.class[c] = p.class[c]
		return attach
	}
	return keep
}

// stripped is the character's canonical decomposition without nonspacing marks.
func (p *properties) stripped(c rune) []rune {
	text, ok := p.split[c]
	if !ok {
		text = []rune{c}
	}
	var kept []rune
	for _, r := range text {
		if p.sets[r]&isMark == 0 {
			kept = append(kept, r)
		}
	}
	return kept
}

func (p *properties) lowered(text []rune) []rune {
	var out []rune
	for _, r := range text {
		if to, ok := p.lower[r]; ok {
			out = append(out, to...)
		} else {
			out = append(out, r)
		}
	}
	return out
}

// isCJK holds BERT's ranges, which lack extensions F and later and, by a slip in the original, U+2B820 to U+2B91F.
func isCJK(c rune) bool {
	return 0x4E00 <= c && c <= 0x9FFF || 0x3400 <= c && c <= 0x4DBF || 0x20000 <= c && c <= 0x2A6DF ||
		0x2A700 <= c && c <= 0x2B73F || 0x2B740 <= c && c <= 0x2B81F || 0x2B920 <= c && c <= 0x2CEAF ||
		0xF900 <= c && c <= 0xFAFF || 0x2F800 <= c && c <= 0x2FA1F
}

// Hangul syllables decompose by arithmetic (Unicode Standard, section 3.12).
const (
	hangulFirst = 0xAC00
	hangulLast  = 0xD7A3
	leadFirst   = 0x1100
	vowelFirst  = 0x1161
	tailFirst   = 0x11A7 // stands for no final consonant
	vowels      = 21
	tails       = 28
	perLead     = vowels * tails
)

func isHangul(c rune) bool { return hangulFirst <= c && c <= hangulLast }

// letters of a Hangul syllable; tail is 0 where it has no final consonant.
func letters(c rune) (lead, vowel, tail rune) {
	i := c - hangulFirst
	lead, vowel = leadFirst+i/perLead, vowelFirst+i%perLead/tails
	if t := i % tails; t != 0 {
		tail = tailFirst + t
	}
	return lead, vowel, tail
}
