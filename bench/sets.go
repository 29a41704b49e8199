package main

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/resift/resift/demo/corpus"
	"github.com/resift/resift/reranker/tokenizer"
)

// request is a search as the model sees it: one query and its candidates.
type request struct {
	query    string
	passages []string
}

// pairSet is what the contenders score: requests, one after the other.
type pairSet struct {
	name     string
	requests []request
}

func (s pairSet) pairs() int {
	n := 0
	for _, r := range s.requests {
		n += len(r.passages)
	}
	return n
}

// questions of the demo's corpus, every n-th of them.
func questions(count int) []string {
	lines := strings.Split(strings.TrimSpace(corpus.Queries()), "\n")
	var texts []string
	for i := range count {
		_, text, _ := strings.Cut(lines[i*len(lines)/count], "\t")
		texts = append(texts, text)
	}
	return texts
}

// lexicalIndex finds candidates by shared words, as an engine would: BM25 with k1 = 1.2 and b = 0.75 over title and text.
type lexicalIndex struct {
	texts   []string         // what the model reads of each document: title, newline, text
	words   []map[string]int // of each document, with their counts
	lengths []int
	found   map[string]int // documents that hold a word
	average float64        // words of a document
}

func newLexicalIndex() (*lexicalIndex, error) {
	x := &lexicalIndex{found: map[string]int{}}
	total := 0
	for d, err := range corpus.Documents() {
		if err != nil {
			return nil, err
		}
		text := d.Title + "\n" + d.Text
		counts, n := map[string]int{}, 0
		for word := range wordsOf(text) {
			counts[word]++
			n++
		}
		for word := range counts {
			x.found[word]++
		}
		x.texts, x.words, x.lengths = append(x.texts, text), append(x.words, counts), append(x.lengths, n)
		total += n
	}
	x.average = float64(total) / float64(len(x.texts))
	return x, nil
}

func wordsOf(text string) func(func(string) bool) {
	return strings.FieldsFuncSeq(strings.ToLower(text), func(c rune) bool { return c < '0' || c > '9' && c < 'a' || c > 'z' })
}

// search returns the texts of the best count documents, best first; ties in the corpus's order.
func (x *lexicalIndex) search(query string, count int) []string {
	scores := make([]float64, len(x.texts))
	for word := range wordsOf(query) {
		n := float64(x.found[word])
		weight := math.Log(1 + (float64(len(x.texts))-n+.5)/(n+.5))
		for i, counts := range x.words {
			if f := float64(counts[word]); f > 0 {
				scores[i] += weight * f * 2.2 / (f + 1.2*(.25+.75*float64(x.lengths[i])/x.average))
			}
		}
	}
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[b], scores[a]) })
	texts := make([]string, count)
	for i := range texts {
		texts[i] = x.texts[order[i]]
	}
	return texts
}

// dictionarySet are questions on the demo's corpus with their candidates: texts of the lengths that they have.
func (x *lexicalIndex) dictionarySet(requests, candidates int) pairSet {
	s := pairSet{name: fmt.Sprintf("FOLDOC, %d × %d pairs", requests, candidates)}
	for _, q := range questions(requests) {
		s.requests = append(s.requests, request{q, x.search(q, candidates)})
	}
	return s
}

// fixedSet is one request whose pairs have exactly so many tokens: running text of the corpus, cut to measure.
func (x *lexicalIndex) fixedSet(tok tokenizer.Tokenizer, tokens, pairs int) (pairSet, error) {
	query := questions(1)[0]
	q := tok.Query(query)
	running := strings.Fields(strings.Join(x.search(query, 200), " "))
	s := pairSet{name: fmt.Sprintf("cut to measure, %d pairs", pairs), requests: []request{{query: query}}}
	for at := 0; len(s.requests[0].passages) < pairs; {
		if at+tokens > len(running) {
			return pairSet{}, fmt.Errorf("the corpus has too little text for %d pairs of %d tokens", pairs, tokens)
		}
		text, n := cutToTokens(tok, q, running[at:at+tokens], tokens)
		at += n
		if text != "" {
			s.requests[0].passages = append(s.requests[0].passages, text)
		}
	}
	return s, nil
}

// cutToTokens takes the first words that make a pair of so many tokens; text is empty where a word would straddle it.
// taken is the number of words used up.
func cutToTokens(tok tokenizer.Tokenizer, q tokenizer.Query, words []string, tokens int) (text string, taken int) {
	for n := 1; n <= len(words); n++ {
		text = strings.Join(words[:n], " ")
		ids, _ := tok.Pair(q, text, 2*tokens, nil)
		switch {
		case len(ids) == tokens:
			return text, n
		case len(ids) > tokens:
			return "", n
		}
	}
	return "", len(words)
}
