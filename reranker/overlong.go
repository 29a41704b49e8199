package reranker

// Overlong finds the first passage that does not fit into one input of the model beside the query, and tells how many
// tokens the two have, special tokens counted; i is -1 where all fit. Score would cut such a passage at its end. The tei
// backend, which has no tokenizer, counts as Windows does, and knows no limit where its server tells none.
func (r *Reranker) Overlong(query string, passages []string) (i, tokens int) {
	return r.backend.overlong(query, passages)
}

// Reach is how many bytes of a passage the model reads beside the query, up to the end of the word in which the passage is cut;
// all of them where both fit. It counts as Overlong does.
func (r *Reranker) Reach(query, passage string) int { return r.backend.reach(query, passage) }

func (x *onnx) reach(query, passage string) int {
	return x.tokenizer.Reach(x.tokenizer.Query(query), passage, x.about.MaxTokens)
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

func (t *tei) maxTokens() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.about.MaxTokens
}

func (t *tei) overlong(query string, passages []string) (i, tokens int) {
	limit := t.maxTokens()
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

func (t *tei) reach(query, passage string) int {
	limit := t.maxTokens()
	left := max(3*limit-3*wordTokens(query), 0) // in thirds of a token
	if limit == 0 {
		return len(passage)
	}
	for _, w := range splitWords(passage) {
		if left -= w.cost; left < 0 {
			return w.start
		}
	}
	return len(passage)
}

// wordTokens is about how many tokens text has.
func wordTokens(text string) int {
	thirds := 0
	for _, w := range splitWords(text) {
		thirds += w.cost
	}
	return (thirds + 2) / 3
}
