package proxy

import (
	"bytes"

	"github.com/resift/resift/searchclient"
)

// pageHighlights asks for the fragments of the hits of a page, which the first stage went without: by hit, the member
// "highlight" as the engine wrote it, nil where a hit has none. It answers false where the first stage has to be asked again with
// all fragments: a hit is gone or has changed since, is there twice, or a shard gave no answer.
func (s *search) pageHighlights(answer *searchclient.Answer, order []int) ([][]byte, bool) {
	if len(order) == 0 {
		return nil, true
	}
	hits := answer.Hits()
	ids := make([]string, len(order))
	for n, i := range order {
		ids[n] = hits[i].ID()
	}
	res, err := s.ask("highlight", s.plan.Deferred.Page(ids))
	if err != nil || res.StatusCode < 200 || res.StatusCode >= 300 {
		return nil, false
	}
	page, err := searchclient.Split(res.Body)
	if err != nil || page.TimedOut() || !page.AllShards() {
		return nil, false
	}
	type place struct{ index, id string }
	found := make(map[place]searchclient.Hit, len(order))
	for _, hit := range page.Hits() {
		at := place{hit.Index(), hit.ID()}
		if _, twice := found[at]; twice {
			return nil, false
		}
		found[at] = hit
	}
	highlights := make([][]byte, len(hits))
	for _, i := range order {
		hit, ok := found[place{hits[i].Index(), hits[i].ID()}]
		if !ok || hit.Version() == nil || !bytes.Equal(hit.Version(), hits[i].Version()) {
			return nil, false
		}
		highlights[i] = hit.HighlightMember()
	}
	return highlights, true
}
