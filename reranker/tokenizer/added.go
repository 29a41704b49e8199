package tokenizer

import (
	"slices"
	"strings"
)

// addedTokens finds tokens such as [MASK] in raw text: the leftmost, and of those the longest.
type addedTokens struct {
	tokens []addedToken // longest first
	first  string       // the bytes they begin with, each once
}

func newAddedTokens(tokens []addedToken) addedTokens {
	a := addedTokens{tokens: slices.Clone(tokens)}
	slices.SortStableFunc(a.tokens, func(x, y addedToken) int { return len(y.Content) - len(x.Content) })
	for _, t := range a.tokens {
		if strings.IndexByte(a.first, t.Content[0]) < 0 {
			a.first += t.Content[:1]
		}
	}
	return a
}

// find returns where the next added token starts and ends; both are len(text) if there is none.
func (a *addedTokens) find(text string) (start, end int, id int32) {
	for at := 0; at < len(text); at++ {
		n := a.candidate(text[at:])
		if n < 0 {
			break
		}
		at += n
		for i := range a.tokens {
			if t := &a.tokens[i]; strings.HasPrefix(text[at:], t.Content) {
				return at, at + len(t.Content), t.ID
			}
		}
	}
	return len(text), len(text), 0
}

// candidate is the index of the first byte that an added token begins with.
func (a *addedTokens) candidate(text string) int {
	switch len(a.first) {
	case 0:
		return -1
	case 1:
		return strings.IndexByte(text, a.first[0])
	}
	for i := 0; i < len(text); i++ {
		if strings.IndexByte(a.first, text[i]) >= 0 {
			return i
		}
	}
	return -1
}
