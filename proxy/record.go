package proxy

import (
	"context"
	"strconv"
	"time"

	"github.com/resift/resift/experiment"
	"github.com/resift/resift/searchclient"
	"github.com/resift/resift/ubi"
)

// Recorder keeps records of searches. Query must not wait.
type Recorder interface{ Query(ubi.Query) }

// observed tells whether the hits that some search shows are to be recorded.
func (e *exchange) observed() bool {
	if e.recorder == nil {
		return false
	}
	for _, s := range e.searches {
		if s.plan.Assignment != nil {
			return true
		}
	}
	return false
}

// sendOwn sends the client's request as the engine may see it. Where the hits are to be recorded the answer is read whole; else,
// and where it cannot be, it is forwarded as a stream.
func (e *exchange) sendOwn(strict bool) {
	if strict || !e.observed() {
		e.forwardOwn(strict)
		return
	}
	begin := time.Now()
	res, err := e.ask("forward", e.plan.own)
	switch {
	case e.r.Context().Err() != nil:
		e.forwardOwn(strict)
	case err != nil && searchclient.IsTimeout(err):
		e.logFailure("engine did not answer in time", err)
		e.refuse(failTimeout)
	case err != nil:
		e.forwardOwn(strict)
	default:
		for _, s := range e.searches {
			s.times[stageEngine] += time.Since(begin)
		}
		e.observe(res)
		e.write(res, res.Body)
	}
}

// observe gives each search its part of an answer that goes to the client as it is.
func (e *exchange) observe(res *searchclient.SearchResponse) {
	if res.StatusCode != 200 {
		return
	}
	if e.plan.multi == nil {
		e.searches[0].out = res.Body
		return
	}
	if answer, err := splitMultiAnswer(res, len(e.searches)); err == nil {
		for i, s := range e.searches {
			s.out = answer.Response(i)
		}
	}
}

// show remembers which hits the client sees.
func (s *search) show(answer *searchclient.Answer, order []int) {
	if s.recorder == nil || s.plan.Assignment == nil {
		return
	}
	hits := answer.Hits()
	s.shown = make([]string, len(order))
	for n, i := range order {
		s.shown[n] = hits[i].ID()
	}
}

// record is what the record of the n-th search says.
func (s *search) record(n int, total time.Duration) ubi.Query {
	a := s.plan.Assignment
	id := s.exchange.id
	if s.exchange.plan.multi != nil {
		id += "." + strconv.Itoa(n)
	}
	q := ubi.Query{
		Application: s.application, QueryID: id, QueryResponseID: id, ClientID: a.Unit, UserQuery: s.plan.Query, HitIDs: s.shownIDs(),
		ObjectIDField: "_id", Timestamp: ubi.Time{Time: s.exchange.begin},
		Attributes: ubi.QueryAttributes{
			Index: s.plan.Rule.Match, Experiment: a.Experiment.Name, Arm: a.Arm.Name, Kind: string(a.Arm.Kind), Forced: a.Forced,
			From: s.plan.From, Status: string(s.status), Reason: string(s.reason), TookMS: float64(total.Microseconds()) / 1000,
		},
	}
	if !a.Forced {
		q.Attributes.Share = a.Experiment.Share(a.Arm.Name)
	}
	if s.status == StatusReranked || s.status == StatusPartial || a.Arm.Kind == experiment.Shadow {
		q.Attributes.Model = s.scorer().Name()
	}
	for k := range q.HitIDs {
		if place := s.plan.From + k; s.teams != nil && place < len(s.teams) {
			q.Attributes.Teams = append(q.Attributes.Teams, s.teams[place].String())
		}
	}
	return q
}

// shownIDs are the hits that the client sees: those of the page that was cut, or of the answer that went out as it came.
func (s *search) shownIDs() []string {
	if s.shown != nil || s.out == nil {
		return s.shown
	}
	answer, err := searchclient.Split(s.out)
	if err != nil {
		return nil
	}
	ids := []string{}
	for _, hit := range answer.Hits() {
		ids = append(ids, hit.ID())
	}
	return ids
}

// recordSearches hands the records over; those of shadow arms follow when the model has scored them.
func (e *exchange) recordSearches(total time.Duration) {
	if !e.observed() || !e.written {
		return
	}
	for n, s := range e.searches {
		switch {
		case s.plan.Assignment == nil || s.status == statusRefused || s.status == statusCanceled:
		case s.plan.kind() == experiment.Shadow && s.answer != nil:
			e.shadow(s, s.record(n, total))
		default:
			e.recorder.Query(s.record(n, total))
		}
	}
}

// shadow has the model score a search that was answered in the engine's order, and records how the orders differ. It takes a slot
// as a search does; where there is none, or at the end, the record goes without.
func (e *exchange) shadow(s *search, q ubi.Query) {
	select {
	case e.slots <- struct{}{}:
	default:
		q.Attributes.Reason = string(ReasonOverloaded)
		e.recorder.Query(q)
		return
	}
	own := *s
	own.ctx, own.measured = context.WithoutCancel(s.ctx), measured{}
	run := func(stop context.Context) {
		defer func() {
			if v := recover(); v != nil {
				own.logPanic("shadow", v)
			}
			<-e.slots
			e.recorder.Query(q)
		}()
		ctx, cancel := context.WithCancel(own.ctx)
		defer cancel()
		defer context.AfterFunc(stop, cancel)()
		own.ctx = ctx
		model, o := own.scoreWindow(own.answer)
		e.telemetry.scored(ctx, &own.measured, own.plan.Model)
		q.Attributes.Status, q.Attributes.Reason = string(o.status), string(o.reason)
		if o.status == StatusReranked || o.status == StatusPartial {
			q.Attributes.Shadow = compareOrders(model)
		}
	}
	if !e.background.start(run) {
		<-e.slots
		e.recorder.Query(q)
	}
}

// compareOrders compares the engine's order of a window, 0, 1, 2, …, with the model's.
func compareOrders(model []float32) *ubi.Shadow {
	order := rank(model, make([]float64, len(model)), ScoreKeep).order
	if len(order) == 0 {
		return nil
	}
	top := min(10, len(order))
	both := 0
	for _, i := range order[:top] {
		if i < top {
			both++
		}
	}
	discordant := 0
	for a := range order {
		for b := a + 1; b < len(order); b++ {
			if order[a] > order[b] {
				discordant++
			}
		}
	}
	tau := 1.0
	if pairs := len(order) * (len(order) - 1) / 2; pairs > 0 {
		tau = 1 - 2*float64(discordant)/float64(pairs)
	}
	return &ubi.Shadow{Hits: len(order), Overlap10: float64(both) / float64(top), Tau: tau, First: order[0] == 0}
}
