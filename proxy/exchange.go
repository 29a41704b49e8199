package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/resift/resift/searchclient"
	"github.com/resift/resift/searchclient/coding"
)

// exchange is one request of a client that asks for searches, on its way through the pipeline: one search, or those of a
// multi-search. It belongs to the goroutine that serves it.
type exchange struct {
	*Handler
	w     http.ResponseWriter
	r     *http.Request
	ctx   context.Context // the client's, with the span of this request; no deadline
	span  trace.Span
	id    string
	begin time.Time

	plan     requestPlan
	searches []*search // never empty: before the plan, and where the request is not taken apart, one stands for all of it
	written  bool      // the answer has begun: nothing else can be sent
}

// serveSearches answers one request that asks for searches.
func (h *Handler) serveSearches(w http.ResponseWriter, r *http.Request, k kind, index string) {
	e := &exchange{Handler: h, w: w, r: r, id: newID(), begin: time.Now()}
	e.ctx, e.span = h.telemetry.start(r, e.begin)
	e.searches = []*search{{exchange: e, ctx: e.ctx, span: e.span}}
	defer e.finish()

	body, err := e.readBody()
	switch {
	case errors.Is(err, errBodyTooLarge):
		e.settle(outcome{StatusBypassed, ReasonBodyTooLarge})
		paced := *r
		paced.Body = newPacedBody(w, r, h.limits.StallTime)
		e.send(streamed(w, &paced, body), r.URL.RawQuery, false)
		return
	case err != nil:
		e.settle(outcome{status: statusRefused})
		refuseBody(w, err, e.id)
		return
	}
	if !e.decide(k, index, body) {
		return
	}
	switch {
	case e.plan.refusal != nil:
		e.settle(outcome{status: statusRefused})
		w.Header().Set(headerQueryID, e.id)
		e.plan.refusal.write(w)
	case e.plan.planned():
		e.rerank()
	default:
		e.sendOwn(false)
	}
}

// finish records what became of the searches.
func (e *exchange) finish() {
	if e.r.Context().Err() != nil && !e.written && e.searches[0].status != statusRefused {
		e.settle(outcome{status: statusCanceled})
	}
	total := time.Since(e.begin)
	for _, s := range e.searches {
		e.telemetry.finish(s.ctx, s.span, &s.measured, s.plan.Model, total)
	}
	if e.plan.multi != nil {
		e.telemetry.finishMulti(e.span, e.summary().outcome, e.listOutcomes())
	}
	e.recordSearches(total)
}

// settle says what became of all searches.
func (e *exchange) settle(o outcome) {
	for _, s := range e.searches {
		s.outcome = o
	}
}

// readBody reads the client's body within the time it has for it.
func (e *exchange) readBody() ([]byte, error) {
	if e.r.Body == nil || e.r.Body == http.NoBody || e.r.ContentLength == 0 {
		return nil, nil
	}
	rc := http.NewResponseController(e.w)
	limited := rc.SetReadDeadline(time.Now().Add(e.limits.BodyTime)) == nil
	body, err := readBody(e.r, e.limits.Body)
	if limited && (err == nil || errors.Is(err, errBodyTooLarge)) {
		_ = rc.SetReadDeadline(time.Time{}) // else it stays: the server reads on in a broken body before it answers
	}
	return body, err
}

// decide plans the searches. A fault of the planner costs the re-ranking, not the answer: it then returns false, with the
// client's bytes forwarded. So it does where a small body would become too large a one.
func (e *exchange) decide(k kind, index string, body []byte) (ok bool) {
	begin := time.Now()
	plain, header, coded, err := e.plain(e.r.Header, body)
	if err != nil {
		e.settle(outcome{StatusBypassed, ReasonBodyTooLarge})
		e.send(withBody(e.r, body), e.r.URL.RawQuery, false)
		return false
	}
	request := &Request{Method: e.r.Method, Path: e.r.URL.EscapedPath(), RawQuery: e.r.URL.RawQuery, Header: header, Address: e.r.RemoteAddr, Body: plain}
	defer func() {
		if v := recover(); v != nil {
			e.logPanic("plan", v)
			e.settle(outcome{StatusFallback, ReasonInternal})
			e.send(withBody(e.r, body), e.r.URL.RawQuery, false)
		}
	}()
	e.plan = planRequest(k, index, request, e.rules, e.limits.Searches, e.render)
	if coded && !e.plan.edited {
		e.plan.own.Header, e.plan.own.Body = engineHeaders(e.r.Header), body
	}
	took := time.Since(begin)
	e.telemetry.child(e.ctx, "plan", begin, took)
	if e.plan.multi != nil {
		e.searches = make([]*search, len(e.plan.decisions))
	}
	for i, d := range e.plan.decisions {
		s := e.searches[i]
		if s == nil {
			s = &search{exchange: e, ctx: e.ctx, span: trace.SpanFromContext(context.Background())}
			e.searches[i] = s
			if d.Bypass == "" {
				s.ctx, s.span = e.telemetry.tracer.Start(e.ctx, "search", trace.WithTimestamp(begin))
			}
		}
		s.plan = d
		if d.Bypass != "" {
			s.outcome = outcome{StatusBypassed, d.Bypass}
		}
	}
	e.searches[0].times[stagePlan] = took
	return true
}

// rerank takes planned searches through the pipeline; every failure on the way ends in the engine's own answer.
func (e *exchange) rerank() {
	defer func() {
		v := recover()
		switch {
		case v == nil:
		case v == http.ErrAbortHandler:
			panic(v)
		default:
			e.logPanic("re-ranking", v)
			if e.written {
				panic(http.ErrAbortHandler)
			}
			e.fallBack(ReasonInternal)
		}
	}()
	defer e.leave()
	if !e.enter() {
		e.fallBack(ReasonOverloaded)
		return
	}
	e.ctx = searchclient.WithBudget(e.ctx)
	e.rerankWindows()
}

// rerankWindows asks for the windows, scores them and answers.
func (e *exchange) rerankWindows() {
	res, ok := e.firstStage()
	if !ok {
		return
	}
	split, err := e.split(res)
	if err != nil {
		e.logFailure("engine's answer cannot be split", err)
		e.fallBack(ReasonAnswer)
		return
	}
	begin := time.Now()
	e.score()
	if e.r.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	e.answer(res, split, time.Since(begin))
}

// enter takes a slot for each planned search; those that get none fall back. It returns false if none got one.
func (e *exchange) enter() (any bool) {
	for _, s := range e.searches {
		if s.plan.Bypass != "" {
			continue
		}
		select {
		case e.slots <- struct{}{}:
			s.inside, any = true, true
		default:
			s.outcome = outcome{StatusFallback, ReasonOverloaded}
		}
	}
	return any
}

// leave gives the slots back.
func (e *exchange) leave() {
	for _, s := range e.searches {
		if s.inside {
			<-e.slots
		}
	}
}

// firstStage asks the engine for the windows. It returns false when the client has been answered.
func (e *exchange) firstStage() (*searchclient.SearchResponse, bool) {
	res, err := e.ask("engine", e.first())
	switch {
	case err != nil:
		e.askFailed(err)
		return nil, false
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return res, true
	case isFinal(res.StatusCode) && len(e.plan.filterPath) == 0: // an engine filters errors too
		e.settlePlanned(outcome{StatusFallback, ReasonEngineStatus})
		e.write(res, res.Body)
		return nil, false
	}
	e.fallBack(ReasonEngineStatus)
	return nil, false
}

// askFailed answers the client when the engine gave no answer to a request of this exchange's own making.
func (e *exchange) askFailed(err error) {
	switch {
	case e.r.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	case errors.Is(err, searchclient.ErrTooLarge):
		e.fallBack(ReasonAnswerTooLarge)
	case errors.Is(err, coding.ErrBroken), errors.Is(err, coding.ErrUnknown):
		e.logFailure("engine's answer cannot be decompressed", err)
		e.fallBack(ReasonAnswer)
	case searchclient.IsTimeout(err):
		// To ask once more would cost the client the same time again.
		e.logFailure("engine did not answer the first stage in time", err)
		e.settlePlanned(outcome{StatusFallback, ReasonEngineTimeout})
		e.refuse(failTimeout)
	default:
		e.logFailure("engine gave no answer to the first stage", err)
		e.fallBack(ReasonEngineUnreachable)
	}
}

// isFinal tells of the status of a rewritten search that the client's own would get the same: who may not see the window may
// not see the page, and an index that is missing stays so.
func isFinal(status int) bool {
	return status == http.StatusUnauthorized || status == http.StatusForbidden || status == http.StatusNotFound
}

// ask sends a request of this exchange's own making to the engine and reads the answer whole. Before the searches are inside
// it may be called from any goroutine. Its time is that of every search
// that is inside.
func (e *exchange) ask(name string, out Outgoing) (*searchclient.SearchResponse, error) {
	ctx, span := e.telemetry.tracer.Start(e.ctx, name, trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	begin := time.Now()
	header := searchHeader(out.Header, e.r, e.trust)
	e.telemetry.inject(ctx, header)
	res, err := e.askEngine(ctx, &searchclient.SearchRequest{
		Method: out.Method, Path: out.Path, RawQuery: out.RawQuery, Header: header, Body: out.Body,
	}, e.r.Header["Accept-Encoding"])
	for _, s := range e.searches {
		if s.inside {
			s.times[stageEngine] += time.Since(begin)
		}
	}
	if err != nil {
		span.SetStatus(codes.Error, "no answer")
		return nil, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", res.StatusCode))
	return res, nil
}

// renders is how many templates of one request the engine renders at the same time.
const renders = 4

// render has the engine render search templates, as the client itself could.
func (e *exchange) render(header http.Header, templates [][]byte) [][]byte {
	searches := make([][]byte, len(templates))
	free := make(chan struct{}, renders)
	var all sync.WaitGroup
	for i, template := range templates {
		free <- struct{}{}
		all.Go(func() {
			defer func() { <-free }()
			res, err := e.ask("render", Outgoing{Method: http.MethodPost, Path: "/_render/template", Header: header, Body: template})
			if err == nil && res.StatusCode == http.StatusOK {
				searches[i] = renderedOf(res.Body)
			}
		})
	}
	all.Wait()
	return searches
}

// settlePlanned says what became of all searches that were to be re-ranked.
func (e *exchange) settlePlanned(o outcome) {
	for _, s := range e.searches {
		if s.plan.Bypass == "" {
			s.outcome = o
		}
	}
}

// fallBack forwards the client's own request: its answer is the engine's, whatever it is.
func (e *exchange) fallBack(reason Reason) {
	e.settlePlanned(outcome{StatusFallback, reason})
	e.sendOwn(e.strict())
}

// refuse answers with an error of ours.
func (e *exchange) refuse(f failure) {
	e.written = true
	e.mark(e.w.Header())
	f.write(e.w, e.id)
}

// strict tells whether a search that was to be re-ranked wants an error rather than the engine's order.
func (e *exchange) strict() bool {
	for _, s := range e.searches {
		if s.plan.Bypass == "" && s.plan.OnFailure == OnFailureError {
			return true
		}
	}
	return false
}

// forwardOwn forwards the client's request as the engine may see it, and its answer as a stream.
func (e *exchange) forwardOwn(strict bool) {
	own := e.plan.own
	r, err := outgoingRequest(e.r, own)
	if err != nil {
		e.logFailure("planned path cannot be sent", err)
		failReranking.write(e.w, e.id)
		return
	}
	e.send(r, own.RawQuery, strict)
}

// send forwards r, a request of this exchange, and marks the answer.
func (e *exchange) send(r *http.Request, rawQuery string, strict bool) {
	ctx, span := e.telemetry.tracer.Start(e.ctx, "forward", trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	fw := &forward{
		id: e.id, query: rawQuery, strict: strict,
		trace: func(h http.Header) { e.telemetry.inject(ctx, h) },
		answered: func(h http.Header) {
			e.written = true
			e.mark(h)
		},
	}
	e.forward(e.w, r.WithContext(searchclient.WithRepeat(ctx)), fw)
	if fw.refused {
		e.settle(outcome{statusRefused, e.searches[0].reason})
	}
}

// logFailure logs why searches fall back. err is the engine's or the model's, and holds no body.
func (e *exchange) logFailure(message string, err error) {
	e.log.LogAttrs(e.ctx, slog.LevelWarn, message, slog.String("request", e.id), slog.Any("error", err))
}

func (e *exchange) logPanic(where string, v any) {
	e.log.LogAttrs(e.ctx, slog.LevelError, "panic while serving a search", slog.String("request", e.id),
		slog.String("where", where), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
}

// isTime tells whether err says that time ran out.
func isTime(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}
