package proxy

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Names of the fields that every answer to a search carries.
const (
	headerStatus   = "X-Resift-Status"
	headerReason   = "X-Resift-Reason"
	headerSearches = "X-Resift-Searches" // of a multi-search only
	headerArm      = "X-Resift-Arm"
	headerQueryID  = "X-Resift-Query-Id"
	headerTiming   = "Server-Timing"
)

// Values of X-Resift-Arm.
const (
	armControl   = "control"
	armTreatment = "treatment"
)

// mark sets the fields that every answer to searches carries.
func (e *exchange) mark(h http.Header) {
	dropControls(h)
	m := e.summary()
	h[headerStatus] = []string{string(m.status)}
	if m.reason != "" {
		h[headerReason] = []string{string(m.reason)}
	}
	if e.plan.multi != nil {
		h[headerSearches] = []string{e.listOutcomes()}
	}
	arm := armTreatment
	if m.reason == ReasonControlArm {
		arm = armControl
	}
	for _, s := range e.searches {
		if s.plan.Arm != "" {
			arm = s.plan.Arm
			break
		}
	}
	h[headerArm] = []string{arm}
	h[headerQueryID] = []string{e.id}
	if names := e.scoredBy(); names != nil {
		h[HeaderModel] = []string{strings.Join(names, ", ")}
	}
	h.Add(headerTiming, m.serverTiming(time.Since(e.begin)))
}

// scoredBy are the models whose scores made an order, each once, in the searches' order.
func (e *exchange) scoredBy() (names []string) {
	for _, s := range e.searches {
		if s.status != StatusReranked && s.status != StatusPartial {
			continue
		}
		if name := s.scorer().Name(); !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// weight orders what became of several searches: the heaviest speaks for all.
func (s Status) weight() int {
	switch s {
	case StatusFallback:
		return 3
	case StatusPartial:
		return 2
	case StatusReranked:
		return 1
	}
	return 0
}

// summary is what the searches come to as one: the first of the worst statuses with its reason, of each stage the longest
// time, because searches are scored at the same time, and all their pairs.
func (e *exchange) summary() *measured {
	m := &e.searches[0].measured
	if len(e.searches) == 1 {
		return m
	}
	all := *m
	for _, s := range e.searches[1:] {
		if s.status.weight() > all.status.weight() {
			all.outcome = s.outcome
		}
		for stage, d := range s.times {
			all.times[stage] = max(all.times[stage], d)
		}
		all.asked += s.asked
		all.known += s.known
	}
	return &all
}

// maxListed bounds the members of X-Resift-Searches, so that the header stays below the 8 KiB that clients take.
const maxListed = 100

// listOutcomes tells what became of each search of a multi-search, in their order, as a list of RFC 9651: the status with the
// parameters reason, where there is one, and n where so many searches in a row came to the same.
func (e *exchange) listOutcomes() string {
	var b strings.Builder
	for at, listed := 0, 0; at < len(e.searches); listed++ {
		if at > 0 {
			b.WriteString(", ")
		}
		o, end := e.searches[at].outcome, at+1
		for end < len(e.searches) && e.searches[end].outcome == o {
			end++
		}
		if listed == maxListed {
			o, end = outcome{status: "more"}, len(e.searches)
		}
		b.WriteString(string(o.status))
		if o.reason != "" {
			b.WriteString(";reason=" + string(o.reason))
		}
		if end-at > 1 {
			b.WriteString(";n=" + strconv.Itoa(end-at))
		}
		at = end
	}
	return b.String()
}
