package main

import (
	"reflect"
	"strings"
	"testing"

	"github.com/resift/resift/reranker/tokenizer"
)

func TestCandidatesShareTheQuestionsWords(t *testing.T) {
	index, err := newLexicalIndex()
	if err != nil {
		t.Fatal(err)
	}
	texts := index.search("who invented the world wide web", 3)
	for _, text := range texts {
		if !strings.Contains(strings.ToLower(text), "web") {
			t.Errorf("among the three best candidates: %.80q", text)
		}
	}
	if again := index.search("who invented the world wide web", 3); !reflect.DeepEqual(texts, again) {
		t.Error("the same question found other candidates")
	}
	set := index.dictionarySet(5, 50)
	queries := map[string]bool{}
	for _, r := range set.requests {
		queries[r.query] = true
	}
	if len(queries) != 5 || set.pairs() != 250 {
		t.Errorf("%d questions, %d pairs", len(queries), set.pairs())
	}
}

func TestFixedSetsHaveTheirLength(t *testing.T) {
	index, err := newLexicalIndex()
	if err != nil {
		t.Fatal(err)
	}
	tok, err := tokenizer.OpenDir("../reranker/tokenizer/testdata/vocab")
	if err != nil {
		t.Fatal(err)
	}
	for _, tokens := range []int{96, 256} {
		set, err := index.fixedSet(tok, tokens, 20)
		if err != nil {
			t.Fatal(err)
		}
		texts := map[string]bool{}
		q := tok.Query(set.requests[0].query)
		for _, text := range set.requests[0].passages {
			texts[text] = true
			if ids, _ := tok.Pair(q, text, 512, nil); len(ids) != tokens {
				t.Errorf("a pair of %d tokens, want %d", len(ids), tokens)
			}
		}
		if len(texts) != 20 {
			t.Errorf("%d different passages of %d tokens, want 20", len(texts), tokens)
		}
	}
	if _, err := index.fixedSet(tok, 256, 1_000_000); err == nil {
		t.Error("a million pairs were found")
	}
}
