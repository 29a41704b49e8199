package yaml

import "strconv"

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
		v.tally.statuses[status+" "+reason]++
	}
	if reason == "no_query_text" {
		forced, err := v.send(v.alike, requests[byAlike], "X-Resift-Query", queryText)
		if err != nil {
			return "", err
		}
		if s, _ := forced.resift(); s == "reranked" && first {
			v.tally.forced++
		}
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
	}
	if d := difference(engine, turned, like); d != "" {
		return "turned around: " + d, nil
	}
	return "", nil
}
