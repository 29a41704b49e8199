package proxy

import (
	"context"
	"errors"
	"time"

	"github.com/resift/resift/cache"
	"github.com/resift/resift/reranker"
	"github.com/resift/resift/searchclient"
)

// scoreWindow scores the window of an answer: model[i] is the score of the engine's i-th hit, NaN where it has none. It also says
// what that makes of the search.
func (s *search) scoreWindow(answer *searchclient.Answer) (model []float32, o outcome) {
	hits := answer.Hits()
	hits = hits[:min(len(hits), s.plan.Window)]
	s.window = len(hits)
	model = make([]float32, len(hits))
	for i := range model {
		model[i] = unscored
	}
	if len(hits) == 0 {
		return model, outcome{status: StatusReranked}
	}
	ctx, cancel := context.WithTimeout(s.ctx, s.plan.Timeout)
	defer cancel()
	p, err := s.passages(ctx, hits)
	if err != nil {
		return model, outcome{StatusFallback, ReasonDeadline}
	}
	s.read = p
	if len(p.texts) == 0 {
		return model, outcome{StatusFallback, ReasonNoText}
	}
	scores, err := s.scorePassages(ctx, p.texts)
	s.read.best(scores, model)
	return model, s.judge(p, model, err)
}

// judge says what the scores, and the error that may have come with them, make of a search.
func (s *search) judge(p passages, model []float32, err error) outcome {
	scored := 0
	for _, m := range model {
		if isScore(m) {
			scored++
		}
	}
	switch {
	case errors.Is(err, reranker.ErrOverloaded):
		return outcome{StatusFallback, ReasonOverloaded}
	case err != nil && !isTime(err) && s.r.Context().Err() == nil:
		s.logFailure("model failed", err)
		return outcome{StatusFallback, ReasonModel}
	case scored == p.hits:
		return outcome{status: StatusReranked}
	}
	reason := ReasonDeadline
	if err == nil {
		reason = ReasonModel // it gave no score, and no error
	}
	if scored == 0 {
		return outcome{StatusFallback, reason}
	}
	return outcome{StatusPartial, reason}
}

// scorePassages gives each passage its score, NaN where it got none, from the cache, from the work of other requests or from
// the model. What is scored is published even when the rest fails.
func (s *search) scorePassages(ctx context.Context, texts []string) ([]float32, error) {
	revision := s.scorer().Revision()
	s.asked = len(texts)
	keys := make([]cache.Key, len(texts))
	for i, text := range texts {
		keys[i] = s.scores.Key(revision, s.plan.Query, text)
	}
	scores := make([]float32, len(texts))
	var err error
	s.known, err = s.scores.Fill(ctx, keys, scores, func(mine []int, put func(int, float32)) error {
		return s.scoreMine(ctx, texts, mine, put)
	})
	return scores, err
}

// scoreMine has the model score the passages that are this request's own.
func (s *search) scoreMine(ctx context.Context, texts []string, mine []int, put func(i int, score float32)) error {
	own := make([]string, len(mine))
	for n, i := range mine {
		own[n] = texts[i]
	}
	begin := time.Now()
	// Each score is published as it comes: a small request that waits for one pair of a large one waits for that alone.
	result, err := s.scorer().ScoreEach(ctx, s.plan.Query, own, func(n int, score float32) {
		if isScore(score) {
			put(mine[n], score)
		}
	})
	for n, i := range mine {
		score := unscored
		if n < len(result.Scores) && isScore(result.Scores[n]) {
			score = result.Scores[n]
			s.pairs++
		}
		put(i, score) // NaN gives the pair up
	}
	s.tokens += result.Tokens
	s.times[stageTokenize] += result.Tokenize
	s.times[stageQueue] += result.Queue
	s.times[stageScore] += result.Model
	s.telemetry.child(s.ctx, "tokenize", begin, result.Tokenize)
	s.telemetry.child(s.ctx, "score", begin.Add(result.Tokenize+result.Queue), result.Model)
	return err
}

// passages are the texts that a window is scored by: one a hit, or several where long texts are cut into windows, or none
// where a hit has no text.
type passages struct {
	texts []string
	of    []int // of[n] is the hit that texts[n] belongs to, ascending
	hits  int   // hits with at least one text
	long  []int // hits whose text goes on behind the last of theirs, ascending
	won   []int // by hit, the text that its score comes from, -1 for none; see best
}

// add appends a text of hit i. Empty texts are no passages.
func (p *passages) add(i int, text string) {
	if text == "" {
		return
	}
	if len(p.of) == 0 || p.of[len(p.of)-1] != i {
		p.hits++
	}
	p.texts = append(p.texts, text)
	p.of = append(p.of, i)
}

// best writes into model, by hit, the highest score of its passages, and keeps which one has it.
func (p *passages) best(scores, model []float32) {
	p.won = make([]int, len(model))
	for i := range p.won {
		p.won[i] = -1
	}
	for n, score := range scores {
		i := p.of[n]
		if isScore(score) && !(model[i] >= score) {
			model[i], p.won[i] = score, n
		}
	}
}
