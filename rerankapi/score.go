package rerankapi

import (
	"context"
	"slices"

	"github.com/resift/resift/cache"
)

// work is what a call had the model do.
type work struct {
	Texts  int // of the call
	Known  int // whose score was known, or in another call's or search's work
	Tokens int // that the model read for this call
}

// ranked is a text of the call by the model's opinion.
type ranked struct {
	index int     // in the request
	score float32 // the model's, a logit
}

// rank scores texts and returns them from the best to the worst, ties in the order they came.
func (h *Handler) rank(c *call, query string, texts []string) ([]ranked, error) {
	select {
	case h.slots <- struct{}{}:
		defer func() { <-h.slots }()
	default:
		return nil, errOverloaded
	}
	ctx, cancel := context.WithTimeout(c.r.Context(), h.limits.Timeout)
	defer cancel()
	scores, err := h.score(ctx, c, query, texts)
	if err != nil {
		return nil, err
	}
	list := make([]ranked, len(texts))
	for i, score := range scores {
		if !isScore(score) {
			return nil, errModel // no error, and no score
		}
		list[i] = ranked{i, score}
	}
	slices.SortStableFunc(list, func(a, b ranked) int {
		switch {
		case a.score > b.score:
			return -1
		case a.score < b.score:
			return 1
		}
		return 0
	})
	return list, nil
}

// score gives each text its score, by way of the cache that searches use.
func (h *Handler) score(ctx context.Context, c *call, query string, texts []string) ([]float32, error) {
	revision := c.model.Revision()
	keys := make([]cache.Key, len(texts))
	for i, t := range texts {
		keys[i] = h.scores.Key(revision, query, t)
	}
	scores := make([]float32, len(texts))
	c.Texts = len(texts)
	var err error
	c.Known, err = h.scores.Fill(ctx, keys, scores, func(mine []int, put func(int, float32)) error {
		own := make([]string, len(mine))
		for n, i := range mine {
			own[n] = texts[i]
		}
		result, err := c.model.ScoreEach(ctx, query, own, func(n int, score float32) {
			if isScore(score) {
				put(mine[n], score)
			}
		})
		c.Tokens += result.Tokens
		return err
	})
	return scores, err
}

// isScore tells NaN and infinities, which no JSON holds, from scores.
func isScore(f float32) bool { return f-f == 0 }
