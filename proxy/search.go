package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/trace"

	"github.com/resift/resift/searchclient"
	"github.com/resift/resift/searchclient/coding"
)

// Names of the fields that every answer to a search carries.
const (
	headerStatus  = "X-Resift-Status"
	headerReason  = "X-Resift-Reason"
	headerArm     = "X-Resift-Arm"
	headerQueryID = "X-Resift-Query-Id"
	headerModel   = "X-Resift-Model"
	headerTiming  = "Server-Timing"
)

// Values of X-Resift-Arm.
const (
	armControl   = "control"
	armTreatment = "treatment"
)

// search is one search on its way through the pipeline. It belongs to the goroutine that serves it.
type search struct {
	*Handler
	w     http.ResponseWriter
	r     *http.Request
	ctx   context.Context // the client's, with the span of this search; no deadline
	id    string
	begin time.Time
	plan  Decision
	measured
	written bool // the answer has begun: nothing else can be sent
}

// serveSearch answers one search.
func (h *Handler) serveSearch(w http.ResponseWriter, r *http.Request) {
	s := &search{Handler: h, w: w, r: r, id: newID(), begin: time.Now()}
	ctx, span := h.telemetry.start(r, s.begin)
	s.ctx = ctx
	defer func() {
		if r.Context().Err() != nil && !s.written && s.status != statusRefused {
			s.outcome = outcome{status: statusCanceled}
		}
		h.telemetry.finish(ctx, span, &s.measured, time.Since(s.begin))
	}()

	body, err := s.readBody()
	switch {
	case errors.Is(err, errBodyTooLarge):
		s.outcome = outcome{StatusBypassed, ReasonBodyTooLarge}
		paced := *r
		paced.Body = newPacedBody(w, r, h.limits.StallTime)
		s.send(streamed(w, &paced, body), r.URL.RawQuery, false)
		return
	case err != nil:
		s.status = statusRefused
		refuseBody(w, err, s.id)
		return
	}
	if !s.decide(body) {
		return
	}
	switch {
	case s.plan.Refusal != nil:
		s.status = statusRefused
		w.Header().Set(headerQueryID, s.id)
		s.plan.Refusal.write(w)
	case s.plan.Bypass != "":
		s.outcome = outcome{StatusBypassed, s.plan.Bypass}
		s.sendOwn(false)
	default:
		s.rerank()
	}
}

// readBody reads the client's body within the time it has for it.
func (s *search) readBody() ([]byte, error) {
	if s.r.Body == nil || s.r.Body == http.NoBody || s.r.ContentLength == 0 {
		return nil, nil
	}
	rc := http.NewResponseController(s.w)
	limited := rc.SetReadDeadline(time.Now().Add(s.limits.BodyTime)) == nil
	body, err := readBody(s.r, s.limits.Body)
	if limited && (err == nil || errors.Is(err, errBodyTooLarge)) {
		_ = rc.SetReadDeadline(time.Time{}) // else it stays: the server reads on in a broken body before it answers
	}
	return body, err
}

// decide plans the search. A fault of the planner costs the re-ranking, not the answer: it then returns false, with the
// client's bytes forwarded. So it does where a small body would become too large a one.
func (s *search) decide(body []byte) (ok bool) {
	begin := time.Now()
	plain, header, coded, err := s.plain(s.r.Header, body)
	if err != nil {
		s.outcome = outcome{StatusBypassed, ReasonBodyTooLarge}
		s.send(withBody(s.r, body), s.r.URL.RawQuery, false)
		return false
	}
	request := &Request{Method: s.r.Method, Path: s.r.URL.EscapedPath(), RawQuery: s.r.URL.RawQuery, Header: header, Body: plain}
	defer func() {
		if v := recover(); v != nil {
			s.logPanic("plan", v)
			s.outcome = outcome{StatusFallback, ReasonInternal}
			s.send(withBody(s.r, body), s.r.URL.RawQuery, false)
		}
	}()
	s.plan = Plan(request, s.rules)
	if coded && !s.plan.OwnEdited {
		s.plan.Own.Header, s.plan.Own.Body = engineHeaders(s.r.Header), body
	}
	s.times[stagePlan] = time.Since(begin)
	s.telemetry.child(s.ctx, "plan", begin, s.times[stagePlan])
	return true
}

// rerank takes a planned search through the pipeline; every failure on the way ends in the engine's own answer.
func (s *search) rerank() {
	defer func() {
		v := recover()
		switch {
		case v == nil:
		case v == http.ErrAbortHandler:
			panic(v)
		default:
			s.logPanic("re-ranking", v)
			if s.written {
				panic(http.ErrAbortHandler)
			}
			s.fallBack(ReasonInternal)
		}
	}()
	select {
	case s.slots <- struct{}{}:
		defer func() { <-s.slots }()
	default:
		s.fallBack(ReasonOverloaded)
		return
	}
	s.ctx = searchclient.WithBudget(s.ctx)
	s.rerankWindow()
}

// rerankWindow asks for the window, scores it and answers.
func (s *search) rerankWindow() {
	res, ok := s.firstStage()
	if !ok {
		return
	}
	answer, err := searchclient.Split(res.Body)
	if err == nil && !answer.HasHits() {
		err = searchclient.ErrShape
	}
	if err != nil {
		s.logFailure("engine's answer cannot be split", err)
		s.fallBack(ReasonAnswer)
		return
	}
	begin := time.Now()
	model, o := s.score(answer)
	if s.r.Context().Err() != nil {
		panic(http.ErrAbortHandler)
	}
	s.outcome = o
	s.answer(res, answer, model, time.Since(begin))
}

// firstStage asks the engine for the window. It returns false when the client has been answered.
func (s *search) firstStage() (*searchclient.SearchResponse, bool) {
	first := s.plan.First
	if s.plan.Deferred != nil {
		first = s.plan.Deferred.First
	}
	res, err := s.ask("engine", first)
	switch {
	case s.r.Context().Err() != nil:
		panic(http.ErrAbortHandler)
	case errors.Is(err, searchclient.ErrTooLarge):
		s.fallBack(ReasonAnswerTooLarge)
		return nil, false
	case errors.Is(err, coding.ErrBroken), errors.Is(err, coding.ErrUnknown):
		s.logFailure("engine's answer cannot be decompressed", err)
		s.fallBack(ReasonAnswer)
		return nil, false
	case searchclient.IsTimeout(err):
		// To ask once more would cost the client the same time again.
		s.logFailure("engine did not answer the first stage in time", err)
		s.outcome = outcome{StatusFallback, ReasonEngineTimeout}
		s.refuse(failTimeout)
		return nil, false
	case err != nil:
		s.logFailure("engine gave no answer to the first stage", err)
		s.fallBack(ReasonEngineUnreachable)
		return nil, false
	}
	switch {
	case res.StatusCode >= 200 && res.StatusCode < 300:
		return res, true
	case res.StatusCode == http.StatusUnauthorized, res.StatusCode == http.StatusForbidden, res.StatusCode == http.StatusNotFound:
		// Who may not see the window may not see the page, and an index that is missing stays so.
		s.outcome = outcome{StatusFallback, ReasonEngineStatus}
		s.write(res, res.Body)
		return nil, false
	}
	s.fallBack(ReasonEngineStatus)
	return nil, false
}

// ask sends a search of our own making to the engine and reads the answer whole.
func (s *search) ask(name string, out Outgoing) (*searchclient.SearchResponse, error) {
	ctx, span := s.telemetry.tracer.Start(s.ctx, name, trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	begin := time.Now()
	header := searchHeader(out.Header, s.r, s.trust)
	s.telemetry.inject(ctx, header)
	res, err := s.askEngine(ctx, &searchclient.SearchRequest{
		Method: out.Method, Path: out.Path, RawQuery: out.RawQuery, Header: header, Body: out.Body,
	}, s.r.Header["Accept-Encoding"])
	s.times[stageEngine] += time.Since(begin)
	if err != nil {
		span.SetStatus(codes.Error, "no answer")
		return nil, err
	}
	span.SetAttributes(attribute.Int("http.response.status_code", res.StatusCode))
	return res, nil
}

// fallBack forwards the client's own search: its answer is the engine's, whatever it is.
func (s *search) fallBack(reason Reason) {
	s.outcome = outcome{StatusFallback, reason}
	s.sendOwn(s.plan.OnFailure == OnFailureError)
}

// refuse answers a search with an error of ours.
func (s *search) refuse(f failure) {
	s.written = true
	s.mark(s.w.Header())
	f.write(s.w, s.id)
}

// sendOwn forwards the client's search as the engine may see it.
func (s *search) sendOwn(strict bool) {
	r, err := outgoingRequest(s.r, s.plan.Own)
	if err != nil {
		s.logFailure("planned path cannot be sent", err)
		failReranking.write(s.w, s.id)
		return
	}
	s.send(r, s.plan.Own.RawQuery, strict)
}

// send forwards r, a request of this search, and marks the answer.
func (s *search) send(r *http.Request, rawQuery string, strict bool) {
	ctx, span := s.telemetry.tracer.Start(s.ctx, "forward", trace.WithSpanKind(trace.SpanKindClient))
	defer span.End()
	fw := &forward{
		id: s.id, query: rawQuery, strict: strict,
		trace: func(h http.Header) { s.telemetry.inject(ctx, h) },
		answered: func(h http.Header) {
			s.written = true
			s.mark(h)
		},
	}
	s.forward(s.w, r.WithContext(ctx), fw)
	if fw.refused {
		s.status = statusRefused
	}
}

// mark sets the fields that every answer to a search carries.
func (s *search) mark(h http.Header) {
	dropControls(h)
	h[headerStatus] = []string{string(s.status)}
	if s.reason != "" {
		h[headerReason] = []string{string(s.reason)}
	}
	arm := armTreatment
	if s.reason == ReasonControlArm {
		arm = armControl
	}
	h[headerArm] = []string{arm}
	h[headerQueryID] = []string{s.id}
	if s.status == StatusReranked || s.status == StatusPartial {
		h[headerModel] = []string{s.scorer.Name()}
	}
	h.Add(headerTiming, s.serverTiming(time.Since(s.begin)))
}

// logFailure logs why a search falls back. err is the engine's or the model's, and holds no body.
func (s *search) logFailure(message string, err error) {
	s.log.LogAttrs(s.ctx, slog.LevelWarn, message, slog.String("request", s.id), slog.Any("error", err))
}

func (s *search) logPanic(where string, v any) {
	s.log.LogAttrs(s.ctx, slog.LevelError, "panic while serving a search", slog.String("request", s.id),
		slog.String("where", where), slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
}

// isTime tells whether err says that time ran out.
func isTime(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}
