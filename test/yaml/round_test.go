package yaml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// rounds is how often a request is sent until engine and resift agree.
const rounds = 4

// A comparison is an answer of resift's that the engine's is to be like.
type comparison struct {
	what   string // "" for the client's own request
	resift answer
	like   likeness
}

// A verdict is what one round, or several, say of a request.
type verdict struct {
	differs  string // where resift's answer differs from two of the engine's, "" for nowhere
	unsteady string // how the engine's differ, where resift's is the same as far as theirs are
}

// round sends a request to all sides, and to the engine once more where they do not agree. Resift's comes between the
// engine's two: what only grows, such as a time or a count, can then not be the same for the engine and another for resift.
func (v *visit) round(how manner, requests [3]request, first bool) (verdict, error) {
	before, err := v.send(v.engine, requests[byEngine])
	if err != nil {
		return verdict{}, err
	}
	alike, err := v.send(v.alike, requests[byAlike])
	if err != nil {
		return verdict{}, err
	}
	v.said = [3]answer{before, alike, alike}
	list := []comparison{{"", alike, equal}}
	switch how {
	case search:
		more, err := v.searchAgain(before, alike, requests, first)
		if err != nil {
			return verdict{}, err
		}
		list = append(list, more...)
	case cursor:
		turned, err := v.send(v.turner, requests[byTurner])
		if err != nil {
			return verdict{}, err
		}
		v.said[byTurner] = turned
		list = append(list, comparison{"through the other resift: ", turned, equal})
	}
	list = slices.DeleteFunc(list, func(c comparison) bool { return difference(before, before, c.resift, c.like) == "" })
	switch {
	case len(list) == 0:
		return verdict{}, nil
	case how == cursor: // which has moved: there is no second answer
		return verdict{differs: list[0].what + difference(before, before, list[0].resift, equal)}, nil
	}
	after, err := v.send(v.engine, requests[byEngine])
	if err != nil {
		return verdict{}, err
	}
	for _, c := range list {
		if d := difference(before, after, c.resift, c.like); d != "" {
			return verdict{differs: c.what + d}, nil
		}
	}
	return verdict{unsteady: difference(before, before, after, equal)}, nil
}

// queryText is given to searches that have none.
const queryText = "what the suite looks for"

// searchAgain sends a search with a query text where it has none of its own, and turned around.
func (v *visit) searchAgain(engine, alike answer, requests [3]request, first bool) (list []comparison, err error) {
	status, reason := alike.resift()
	if status == "" {
		status = "forwarded"
	}
	if first {
		v.tally.statuses[strings.TrimSpace(status+" "+reason)]++
		v.tellFallback(alike)
	}
	if reason == "no_query_text" || alike.each("no_query_text") {
		forced, err := v.send(v.alike, requests[byAlike], "X-Resift-Query", queryText)
		if err != nil {
			return nil, err
		}
		if forced.reranked() && first {
			v.tally.forced++
		}
		v.tellFallback(forced)
		list = append(list, comparison{"with a query text: ", forced, equal})
	}
	window, like := requests[byTurner].window()
	header := []string{"X-Resift-Query", queryText}
	if window > 0 {
		header = append(header, "X-Resift-Window", strconv.Itoa(window))
	}
	turned, err := v.send(v.turner, requests[byTurner], header...)
	if err != nil {
		return nil, err
	}
	v.said[byTurner] = turned
	if !turned.reranked() {
		like = equal
	} else if first {
		v.tally.turned++
		if moved(engine, turned) {
			v.tally.moved++
		}
	}
	return append(list, comparison{"turned around: ", turned, like}), nil
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
