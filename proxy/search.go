package proxy

import (
	"context"
	"sync"

	"go.opentelemetry.io/otel/trace"

	"github.com/resift/resift/experiment"
	"github.com/resift/resift/searchclient"
)

// search is one search on its way through the pipeline: the whole of an exchange, or one of several. While it is scored it
// belongs to a goroutine of its own, else to that of its exchange.
type search struct {
	*exchange
	ctx  context.Context // the client's, with the span of this search; no deadline
	span trace.Span
	plan Decision
	measured
	inside bool // it has a slot: its window was asked for
	failed bool // out is not what the client may get: the engine's own answer has to be asked for

	answer *searchclient.Answer // to the rewritten search; nil: out stays as it is
	model  []float32            // the model's scores of the window's hits
	read   passages             // that they come from
	out    []byte               // what the client gets

	shown []string          // the hits of the page, by _id, for the record
	teams []experiment.Team // of the window's places, in an interleaved arm
}

// take gives the search the engine's answer to it.
func (s *search) take(body []byte) {
	s.out = body
	if !s.inside {
		return
	}
	answer, err := searchclient.Split(body)
	if err == nil && answer.HasHits() {
		s.answer = answer
		return
	}
	if status, isError := searchclient.ErrorStatus(body); isError && s.exchange.plan.multi != nil {
		s.outcome = outcome{StatusFallback, ReasonEngineStatus}
		s.failed = !isFinal(status)
		return
	}
	if err == nil {
		err = searchclient.ErrShape
	}
	s.logFailure("engine's answer cannot be split", err)
	s.fail(ReasonAnswer)
}

// fail has the engine's own answer asked for.
func (s *search) fail(reason Reason) {
	s.outcome = outcome{StatusFallback, reason}
	s.failed = true
}

// score scores the windows of all searches at the same time, each inside its own limit: the model batches what comes together.
func (e *exchange) score() {
	var work []*search
	for _, s := range e.searches {
		if s.answer != nil {
			work = append(work, s)
		}
	}
	if len(work) == 1 {
		work[0].work()
		return
	}
	var all sync.WaitGroup
	for _, s := range work {
		all.Go(s.work)
	}
	all.Wait()
}

// work scores one search. A fault costs its re-ranking alone: the engine's own page can be cut from the window.
func (s *search) work() {
	defer func() {
		if v := recover(); v != nil {
			s.logPanic("scoring", v)
			s.outcome = outcome{StatusFallback, ReasonInternal}
		}
	}()
	if s.plan.kind() == experiment.Shadow {
		s.outcome = outcome{StatusBypassed, ReasonShadow} // the model has its turn when the client has its answer
		return
	}
	s.model, s.outcome = s.scoreWindow(s.answer)
}
