package reranker

// Overlong finds the first passage that does not fit into one input of the model beside the query, and tells how many
// tokens the two have, special tokens counted; i is -1 where all fit. Score would cut such a passage at its end. The tei
// backend, which has no tokenizer, counts as Windows does, and knows no limit where its server tells none.
func (r *Reranker) Overlong(query string, passages []string) (i, tokens int) {
	return r.backend.overlong(query, passages)
}

// uncut is a limit in tokens that no text reaches.
const uncut = 1 << 30

func (x *onnx) overlong(query string, passages []string) (i, tokens int) {
	q := x.tokenizer.Query(query)
	var ids []int32
	for i, p := range passages {
		ids, _ = x.tokenizer.Pair(q, p, uncut, ids[:0])
		if len(ids) > x.about.MaxTokens {
			return i, len(ids)
		}
	}
	return -1, 0
}

func (t *tei) overlong(query string, passages []string) (i, tokens int) {
	t.mu.Lock()
	limit := t.about.MaxTokens
	t.mu.Unlock()
	if limit == 0 {
		return -1, 0
	}
	before := wordTokens(query)
	for i, p := range passages {
		if n := before + wordTokens(p); n > limit {
			return i, n
		}
	}
	return -1, 0
}

// wordTokens is about how many tokens text has.
func wordTokens(text string) int {
	thirds := 0
	for _, w := range splitWords(text) {
		thirds += w.cost
	}
	return (thirds + 2) / 3
}
