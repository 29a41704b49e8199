package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// benchPassages are English-like texts of some 160 tokens, with the punctuation, digits, capitals and rare words that
// real ones have.
func benchPassages() []string {
	words := strings.Fields(fixtureWords)[:150]
	rare := strings.Fields("Kubernetes tokenization OpenSearch retrievers hyperparameter BM25 nDCG interpretability café 2024 3.14 v2.0")
	random := rand.New(rand.NewPCG(1, 2))
	passages := make([]string, 64)
	for i := range passages {
		var b strings.Builder
		for n := range 118 {
			word := words[random.IntN(len(words))]
			if n%11 == 5 {
				word = rare[random.IntN(len(rare))]
			}
			if n%13 == 0 {
				word = strings.ToUpper(word[:1]) + word[1:]
			}
			b.WriteString(word)
			if n%9 == 8 {
				b.WriteString([]string{",", ".", " -", "'s", ")"}[random.IntN(5)])
			}
			b.WriteByte(' ')
		}
		passages[i] = b.String()
	}
	return passages
}

// BenchmarkPair encodes the same pairs with both implementations; compare their pairs/s.
func BenchmarkPair(b *testing.B) {
	passages := benchPassages()
	for name, file := range modelFiles(b) {
		w, h := both(b, file)
		for _, tok := range []Tokenizer{w, h} {
			kind := strings.TrimPrefix(fmt.Sprintf("%T", tok), "*tokenizer.")
			b.Run(name+"/"+kind, func(b *testing.B) { benchPair(b, tok, passages) })
		}
	}
}

func benchPair(b *testing.B, tok Tokenizer, passages []string) {
	q := tok.Query("what is the best search engine for long documents?")
	var dst []int32
	tokens, n := 0, 0
	b.ReportAllocs()
	for b.Loop() {
		dst, _ = tok.Pair(q, passages[n%len(passages)], 512, dst[:0])
		tokens += len(dst)
		n++
	}
	b.ReportMetric(float64(n)/b.Elapsed().Seconds(), "pairs/s")
	b.ReportMetric(float64(tokens)/float64(n), "tokens/pair")
}

// BenchmarkOpen loads a tokenizer.json into each implementation.
func BenchmarkOpen(b *testing.B) {
	for name, file := range modelFiles(b) {
		b.Run(name+"/WordPiece", func(b *testing.B) {
			for b.Loop() {
				if _, err := NewWordPiece(file); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(name+"/HuggingFace", func(b *testing.B) {
			for b.Loop() {
				if _, err := NewHuggingFace(file); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
