package proxy

import (
	"net/http"
	"strconv"
	"time"

	"github.com/resift/resift/searchclient"
	"github.com/resift/resift/searchclient/coding"
)

// first is the request for the windows: what is re-ranked rewritten, all else as it came.
func (e *exchange) first() Outgoing {
	if e.plan.multi == nil {
		plan := &e.searches[0].plan
		if plan.Deferred != nil {
			return plan.Deferred.First
		}
		return plan.First
	}
	out := e.plan.base
	out.Body = e.plan.compose(nil, func(i int) []byte {
		if s := e.searches[i]; s.inside {
			return s.plan.First.Body
		}
		return e.searches[i].plan.Own.Body
	})
	return out
}

// split gives each search its part of the engine's answer.
func (e *exchange) split(res *searchclient.SearchResponse) (*searchclient.MultiAnswer, error) {
	if e.plan.multi == nil {
		e.searches[0].take(res.Body)
		return nil, nil
	}
	answer, err := splitMultiAnswer(res, len(e.searches))
	if err != nil {
		return nil, err
	}
	for i, s := range e.searches {
		s.take(answer.Response(i))
	}
	return answer, nil
}

func splitMultiAnswer(res *searchclient.SearchResponse, searches int) (*searchclient.MultiAnswer, error) {
	answer, err := searchclient.SplitMulti(res.Body)
	if err == nil && answer.Len() != searches {
		return nil, searchclient.ErrShape
	}
	return answer, err
}

// answer answers the client: each search by its page of the new order, or, for a fallback, of the engine's.
func (e *exchange) answer(res *searchclient.SearchResponse, split *searchclient.MultiAnswer, took time.Duration) {
	buffer := e.bodies.get()
	defer e.bodies.put(buffer)
	for _, s := range e.searches {
		switch {
		case s.answer == nil:
		case s.wantsError() && split == nil:
			e.refuse(failReranking)
			return
		case !s.wantsError() && !s.cutPage(split == nil, buffer, took):
			s.plan.Deferred = nil
			e.rerankWindows()
			return
		}
	}
	if !e.repair() {
		return
	}
	begin := time.Now()
	body := e.searches[0].out
	if split != nil {
		body = split.Append((*buffer)[:0], e.responses(), took)
		*buffer = body
	}
	if len(e.plan.filterPath) > 0 {
		// Elasticsearch keeps what was empty before the filter; OpenSearch, which sends no product header, drops it.
		filter := searchclient.PathFilter{Patterns: e.plan.filterPath, DropEmpty: res.Header.Get("X-Elastic-Product") == ""}
		var err error
		if body, err = filter.Apply(body); err != nil {
			e.logFailure("engine's answer cannot be written again", err)
			e.fallBack(ReasonAnswer)
			return
		}
	}
	e.searches[0].times[stageAnswer] += time.Since(begin)
	e.write(res, body)
}

// responses are what the searches of a multi-search are answered.
func (e *exchange) responses() [][]byte {
	list := make([][]byte, len(e.searches))
	for i, s := range e.searches {
		list[i] = s.out
		if _, isError := searchclient.ErrorStatus(s.out); s.wantsError() && !isError {
			list[i] = failReranking.body(e.id)
		}
	}
	return list
}

// wantsError tells whether the client is to get an error in place of the engine's order.
func (s *search) wantsError() bool {
	return s.status == StatusFallback && s.plan.OnFailure == OnFailureError
}

// repair asks the engine for its own answers to the searches that failed by themselves, so that those beside them keep what they
// have. It returns false when the client has been answered.
func (e *exchange) repair() bool {
	var failed []int
	for i, s := range e.searches {
		if s.failed {
			failed = append(failed, i)
		}
	}
	if len(failed) == 0 {
		return true
	}
	if len(failed) == len(e.searches) {
		e.sendOwn(e.strict())
		return false
	}
	out := e.plan.base
	out.Body = e.plan.compose(failed, func(i int) []byte { return e.searches[i].plan.Own.Body })
	res, err := e.ask("engine", out)
	switch {
	case err != nil:
		e.askFailed(err)
		return false
	case res.StatusCode < 200 || res.StatusCode >= 300:
		e.fallBack(ReasonEngineStatus)
		return false
	}
	answer, err := splitMultiAnswer(res, len(failed))
	if err != nil {
		e.logFailure("engine's answer cannot be split", err)
		e.fallBack(ReasonAnswer)
		return false
	}
	for n, i := range failed {
		e.searches[i].out = answer.Response(n)
	}
	return true
}

// write sends body in place of the engine's, under the engine's own status and fields, coded as that was.
func (e *exchange) write(res *searchclient.SearchResponse, body []byte) {
	h := e.w.Header()
	copyAnswerHeader(h, res.Header)
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // net/http would guess one
	}
	if res.Coding != coding.Identity {
		buffer := e.bodies.get()
		defer e.bodies.put(buffer)
		*buffer = e.coder.Encode((*buffer)[:0], res.Coding, body)
		body = *buffer
		h.Set("Content-Encoding", res.Coding)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	e.mark(h)
	e.written = true
	e.w.WriteHeader(res.StatusCode)
	if _, err := e.w.Write(body); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
}
