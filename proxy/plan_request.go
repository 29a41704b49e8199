package proxy

import "net/http"

// A requestPlan is what becomes of a request that asks for searches.
type requestPlan struct {
	refusal *Refusal // the client gets this, and the engine is not asked

	// decisions are those of the searches. Where multi is nil there is one, which stands for the whole request.
	decisions []Decision
	multi     *multiSearch // the multi-search, where it could be taken apart

	// own is the request as the engine may see it, to be forwarded where nothing is to be re-ranked or all of it failed: the very
	// bytes of the client, or, where edited, without the controls of ours that stood in them.
	own    Outgoing
	edited bool
	// base is what every request for some of a multi-search's searches has in common: all but the body.
	base Outgoing
	// filterPath are the patterns of the client's filter_path, to be applied to the final answer.
	filterPath []string
}

// planned tells whether any search is to be re-ranked.
func (p *requestPlan) planned() bool {
	for i := range p.decisions {
		if p.decisions[i].Bypass == "" {
			return p.refusal == nil
		}
	}
	return false
}

// planRequest decides what becomes of a request of this kind, whose path has this index expression, still escaped. It does no
// I/O but through render. limit is how many searches a multi-search may have.
func planRequest(k kind, index string, req *Request, rules *Rules, limit int, render renderer) requestPlan {
	switch k {
	case kindMultiSearch:
		return planMultiRequest(index, req, rules, limit, nil)
	case kindMultiTemplate:
		return planMultiRequest(index, req, rules, limit, render)
	case kindTemplate:
		return planTemplateRequest(index, req, rules, render)
	}
	d := Plan(req, rules)
	return requestPlan{refusal: d.Refusal, decisions: []Decision{d}, own: d.Own, edited: d.OwnEdited, filterPath: d.FilterPath}
}

// asSent is the request as it came, but for our own headers.
func (r *Request) asSent() Outgoing {
	return Outgoing{Method: r.Method, Path: r.Path, RawQuery: r.RawQuery, Header: engineHeaders(r.Header), Body: r.Body}
}

// planTemplateRequest plans a search by template. Of the URL's parameters engines heed those that are about more than the body of a
// search: size, explain and the like have no effect.
func planTemplateRequest(index string, req *Request, rules *Rules, render renderer) requestPlan {
	p := requestPlan{own: req.asSent(), decisions: []Decision{{}}}
	d := &p.decisions[0]
	ps, ok := parseParams(req.RawQuery)
	switch {
	case !ok:
		d.Bypass = ReasonQueryString
		return p
	case ps.has("source"):
		d.Bypass = ReasonTemplate
		return p
	case signed(req):
		d.Bypass = ReasonSigned
		return p
	}
	path := "/_search"
	if index != "" {
		path = "/" + index + path
	}
	*d = planTemplates([]*Request{{
		Method: http.MethodPost, Path: path, RawQuery: ps.only("scroll", "search_pipeline", "index", "format").encode(), Header: req.Header, Body: req.Body,
	}}, rules, render)[0]
	p.refusal = d.Refusal
	if d.OwnEdited {
		p.own.Body, p.edited = d.Own.Body, true
	}
	first := p.own
	first.Body = d.First.Body
	if patterns, given := ps.get("filter_path"); given {
		p.filterPath = commaList(patterns)
		first.RawQuery = ps.without("filter_path").encode()
	}
	d.First = first
	return p
}

func planMultiRequest(index string, req *Request, rules *Rules, limit int, render renderer) requestPlan {
	p := requestPlan{own: req.asSent()}
	m, ps, reason := openMulti(req, index, limit)
	if reason != "" {
		p.decisions = []Decision{{Bypass: reason}}
		return p
	}
	p.decisions, p.refusal = planMulti(&m, ps, req.Header, req.Address, rules, render)
	if p.refusal != nil {
		return p
	}
	p.multi = &m
	p.base = p.own
	p.base.Body = nil
	if patterns, given := ps.get("filter_path"); given {
		p.filterPath = commaList(patterns)
		p.base.RawQuery = ps.without("filter_path").encode()
	}
	for i := range p.decisions {
		if p.decisions[i].OwnEdited {
			p.edited = true
			p.own.Body = p.compose(nil, func(i int) []byte { return p.decisions[i].Own.Body })
			break
		}
	}
	return p
}

// compose writes the body of a multi-search: the searches named, nil for all, each with its own header and what body says. What
// stands behind the last search of the client's goes along with all of them.
func (p *requestPlan) compose(some []int, body func(i int) []byte) []byte {
	b := make([]byte, 0, len(p.multi.content)+64*len(p.multi.items))
	for _, i := range some {
		b = p.multi.appendItem(b, i, body(i))
	}
	if some == nil {
		for i := range p.multi.items {
			b = p.multi.appendItem(b, i, body(i))
		}
		b = append(b, p.multi.content[p.multi.tail:]...)
	}
	return b
}
