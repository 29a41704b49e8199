package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"

	"github.com/resift/resift/reranker/tokenizer"
)

// tokenizers is the topic of tokenizing: the own WordPiece beside Hugging Face's library on the same pairs.
func (b *bench) tokenizers(context.Context) error {
	file, err := os.ReadFile(filepath.Join(b.fp32, "tokenizer.json"))
	if err != nil {
		return err
	}
	own, err := tokenizer.NewWordPiece(file)
	if err != nil {
		return err
	}
	reference, err := tokenizer.NewHuggingFace(file)
	if err != nil {
		return err
	}
	index, err := newLexicalIndex()
	if err != nil {
		return err
	}
	set := index.dictionarySet(5, 50)
	contenders := []contender{
		{name: "resift's WordPiece", work: func() (int, error) { return tokenize(own, set), nil }},
		{name: "daulet/tokenizers", work: func() (int, error) { return tokenize(reference, set), nil }},
	}
	if err := contest(contenders, b.rounds); err != nil {
		return err
	}
	t := b.table("Tokenizing: "+set.name+", one core", "tokenizer", "pairs/cpu-s", "ratio", "allocations a pair", "bytes a pair")
	for _, c := range contenders {
		t.row(c.name, fmt.Sprintf("%.0f", median(c.rates)), fmt.Sprintf("%.1f×", median(c.rates)/median(contenders[1].rates)),
			fmt.Sprintf("%.1f", c.allocations), fmt.Sprintf("%.0f", c.bytes))
	}
	return t.flush()
}

// tokenize encodes all pairs of a set, as a search does: the query once, then each passage. It returns their number.
func tokenize(tok tokenizer.Tokenizer, set pairSet) int {
	var ids []int32
	for _, r := range set.requests {
		q := tok.Query(r.query)
		for _, passage := range r.passages {
			ids, _ = tok.Pair(q, passage, 512, ids[:0])
		}
	}
	return set.pairs()
}
