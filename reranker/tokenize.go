package reranker

import "time"

// tokenize is the goroutine of one worker. Requests take turns, a chunk each, so that a small one does not wait for all
// of a large one.
func (s *scheduler) tokenize() {
	for {
		r, chunk, ok := s.nextChunk()
		if !ok {
			return
		}
		r.tokenize(chunk, s.started)
		s.encoded(r, chunk)
	}
}

func (s *scheduler) nextChunk() (r *request, chunk int, ok bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for !s.closed && len(s.encoding) == 0 {
		s.texts.Wait()
	}
	if s.closed {
		return nil, 0, false
	}
	r = s.encoding[0]
	s.encoding[0] = nil
	s.encoding = s.encoding[1:]
	chunk = r.nextChunk
	r.nextChunk++
	if r.nextChunk < len(r.finished) {
		s.encoding = append(s.encoding, r)
	}
	return r, chunk, true
}

// tokenize encodes one chunk into one buffer. It stops early when nobody waits for the request any more.
func (r *request) tokenize(chunk int, started time.Time) {
	from, to := r.chunk(chunk)
	ids := make([]int32, 0, guessTokens(r.passages[from:to]))
	for i := from; i < to && !r.gone.Load(); i++ {
		before := len(ids)
		var start int
		ids, start = r.encode(r.passages[i], ids)
		// Capacity is cut so that nothing can grow into the next pair; an older buffer lives on in the pairs before.
		r.pairs[i] = pair{request: r, index: int32(i), start: int32(start), ids: ids[before:len(ids):len(ids)]}
	}
	at := time.Since(started)
	for i := from; i < to; i++ {
		r.pairs[i].at = at
	}
}

// guessTokens is about how many tokens pairs have: English has some five bytes a token, and a model's limit is near 512.
func guessTokens(passages []string) int {
	n := 0
	for _, p := range passages {
		n += 16 + min(len(p)/4, 512)
	}
	return n
}

// encoded makes a chunk's pairs available to the runners, in the engine's order.
func (s *scheduler) encoded(r *request, chunk int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.gone.Load() {
		return
	}
	r.finished[chunk] = true
	for r.frontier < len(r.finished) && r.finished[r.frontier] {
		_, to := r.chunk(r.frontier)
		for _, p := range r.pairs[r.encoded:to] {
			s.readyTokens += len(p.ids)
		}
		s.readyPairs += to - r.encoded
		r.encoded = to
		r.frontier++
	}
	if r.frontier == len(r.finished) {
		r.encodedAt = time.Now()
	}
	s.work.Broadcast()
}
