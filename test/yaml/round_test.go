package yaml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rounds is how often a request is sent until engine and resift agree.
const rounds = 4

// A verdict is what one round, or several, say of a request. Nothing in it is: the answers agree.
type verdict struct {
	unsteady string // how two answers of the engine differ
	differs  string // how resift's differs from two of the engine's that are alike
	over     bool
}

// with adds a round: once the answers agree, it was the engine that was unsteady before, if anyone; resift differs if it
// does so in every round.
func (v verdict) with(next verdict, round int) verdict {
	switch {
	case next == (verdict{}):
		return verdict{over: true}
	case round == 0:
		return next
	case next.differs == "" || v.differs == "":
		return verdict{unsteady: next.unsteady + v.unsteady}
	}
	return next
}

// round sends a request to all sides, and to the engine once more where they do not agree. Resift's comes between the
// engine's two: what only grows, such as a time or a count, can then not be the same for the engine and another for resift.
func (v *visit) round(name string, how manner, requests [3]request, first bool) (verdict, error) {
	before, err := v.send(v.engine, requests[byEngine])
	if err != nil {
		return verdict{}, err
	}
	alike, err := v.send(v.alike, requests[byAlike])
	if err != nil {
		return verdict{}, err
	}
	v.said = [3]answer{before, alike, alike}
	differs := difference(before, alike, equal)
	if how == search {
		more, err := v.searchRound(before, alike, requests, first)
		if err != nil {
			return verdict{}, err
		}
		if differs == "" {
			differs = more
		}
	}
	if how == cursor { // which moves: there is no second try
		turned, err := v.send(v.turner, requests[byTurner])
		if err != nil {
			return verdict{}, err
		}
		v.said[byTurner] = turned
		return verdict{differs: differs}, nil
	}
	if differs == "" {
		return verdict{}, nil
	}
	after, err := v.send(v.engine, requests[byEngine])
	if err != nil {
		return verdict{}, err
	}
	if own := difference(before, after, equal); own != "" {
		return verdict{unsteady: own}, nil
	}
	return verdict{differs: differs}, nil
}

// queryText is given to searches that have none.
const queryText = "what the suite looks for"

// searchRound sends a search with a query text where it has none of its own, and turned around.
func (v *visit) searchRound(engine, alike answer, requests [3]request, first bool) (differs string, err error) {
	status, reason := alike.resift()
	if status == "" {
		status = "forwarded"
	}
	if first {
		v.tally.statuses[strings.TrimSpace(status+" "+reason)]++
		v.tellFallback(alike)
	}
	if reason == "no_query_text" {
		forced, err := v.send(v.alike, requests[byAlike], "X-Resift-Query", queryText)
		if err != nil {
			return "", err
		}
		if s, _ := forced.resift(); s == "reranked" && first {
			v.tally.forced++
		}
		v.tellFallback(forced)
		if d := difference(engine, forced, equal); d != "" {
			return "with a query text: " + d, nil
		}
	}
	window, like := requests[byTurner].window()
	header := []string{"X-Resift-Query", queryText}
	if window > 0 {
		header = append(header, "X-Resift-Window", strconv.Itoa(window))
	}
	turned, err := v.send(v.turner, requests[byTurner], header...)
	if err != nil {
		return "", err
	}
	v.said[byTurner] = turned
	if s, _ := turned.resift(); s != "reranked" {
		like = equal
	} else if first {
		v.tally.turned++
		if moved(engine, turned) {
			v.tally.moved++
		}
	}
	if d := difference(engine, turned, like); d != "" {
		return "turned around: " + d, nil
	}
	return "", nil
}

// tellFallback logs a search that the engine answers and that is not re-ranked all the same: the answer is right, but
// somebody should know why.
func (v *visit) tellFallback(a answer) {
	if status, reason := a.resift(); status == "fallback" && a.status < 400 {
		v.t.Logf("fallback %s: %s %.300s", reason, v.t.Name(), a.body)
	}
}

// moved tells whether the hits of two answers stand in different orders.
func moved(engine, turned answer) bool {
	order := func(a answer) (ids []string) {
		list, _ := stash{}.look(a.doc(), "hits.hits")
		hits, _ := list.([]any)
		for _, h := range hits {
			hit, _ := h.(map[string]any)
			ids = append(ids, fmt.Sprint(hit["_index"], hit["_id"]))
		}
		return ids
	}
	return !slices.Equal(order(engine), order(turned))
}
