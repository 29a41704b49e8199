package proxy

import (
	"net/http"

	"github.com/resift/resift/searchclient/rawjson"
)

// renderer has the engine render search templates, each the body of a request with these headers; nil where it would not.
type renderer func(header http.Header, templates [][]byte) [][]byte

// searchTemplate is the body of a search by template. explain and profile hold for the search whatever the template itself says of
// them (TransportSearchTemplateAction.convert).
type searchTemplate struct{ explain, profile bool }

// readTemplate reads the body of a search by template; it answers false for one that may say more than is known here.
func readTemplate(doc []byte, rules *Rules) (t searchTemplate, ok bool) {
	if len(doc) == 0 || rawjson.Check(doc, rules.maxDepth()) != nil {
		return t, false
	}
	root := rawjson.Root(doc)
	if _, _, twice := rawjson.Duplicate(doc); twice || rawjson.KindOf(doc, root) != rawjson.Object {
		return t, false
	}
	for m, err := range rawjson.Members(doc, root) {
		kind := rawjson.KindOf(doc, m.Value)
		name, _ := rawjson.Text(doc, m.Key)
		switch {
		case err != nil:
			return t, false
		case name == "id", name == "source", name == "params":
		case name == "explain" && (kind == rawjson.True || kind == rawjson.False):
			t.explain = kind == rawjson.True
		case name == "profile" && (kind == rawjson.True || kind == rawjson.False):
			t.profile = kind == rawjson.True
		default:
			return t, false
		}
	}
	return t, true
}

// search is the rendered search as the engine runs it.
func (t searchTemplate) search(rendered []byte) ([]byte, bool) {
	root := rawjson.Root(rendered)
	var edits rawjson.Edits
	for _, m := range [...]struct {
		name string
		on   bool
	}{{"explain", t.explain}, {"profile", t.profile}} {
		if _, found := rawjson.Get(rendered, root, m.name); found || m.on {
			edits.SetMember(rendered, root, m.name, appendBool(nil, m.on))
		}
	}
	search, err := edits.Apply(rendered)
	return search, err == nil
}

// wrap is a search by template that runs this search. The search is a parameter of a template that never changes, so that engines
// compile it once (they bound compilations) and read no template syntax in it; and it is run by the API that the client called, which has
// parameters and an answer of its own.
func (t searchTemplate) wrap(search []byte) []byte {
	b := rawjson.AppendQuoted([]byte(`{"source":"{{{search}}}","params":{"search":`), string(search))
	b = appendBool(append(b, `},"explain":`...), t.explain)
	b = appendBool(append(b, `,"profile":`...), t.profile)
	return append(b, '}')
}

func appendBool(b []byte, on bool) []byte {
	if on {
		return append(b, "true"...)
	}
	return append(b, "false"...)
}

// renderedOf takes the search out of the answer of _render/template, which has it as the template made it: any text.
func renderedOf(answer []byte) []byte {
	if rawjson.Check(answer, rawjson.MaxDepth) != nil {
		return nil
	}
	v, ok := rawjson.Get(answer, rawjson.Root(answer), "template_output")
	if !ok || rawjson.KindOf(answer, v) != rawjson.Object {
		return nil
	}
	return v.Of(answer)
}

// planTemplates plans searches by template: each is a request for the plain search in all but its body. What can be told without
// the search is told before the engine is asked to render it. Bodies of the decisions are of searches by template again.
func planTemplates(requests []*Request, rules *Rules, render renderer) []Decision {
	decisions := make([]Decision, len(requests))
	templates := make([]searchTemplate, len(requests))
	var open []int
	var bodies [][]byte
	for i, r := range requests {
		blank := *r
		blank.Body = []byte("{}")
		d := Plan(&blank, rules)
		t, ok := readTemplate(r.Body, rules)
		switch {
		case d.Refusal == nil && (d.Bypass == "" || d.Bypass == ReasonNoQueryText) && ok:
			open, bodies = append(open, i), append(bodies, r.Body)
		case d.Refusal == nil && (d.Bypass == "" || d.Bypass == ReasonNoQueryText):
			d = Decision{Bypass: ReasonTemplate}
		}
		d.Own.Body, d.OwnEdited = r.Body, false
		decisions[i], templates[i] = d, t
	}
	if len(open) == 0 {
		return decisions
	}
	header := withContentType(requests[0].Header, typeOfJSON(requests[0].Header))
	for n, rendered := range render(header, bodies) {
		i := open[n]
		decisions[i] = planRendered(requests[i], templates[i], rendered, rules)
	}
	return decisions
}

func planRendered(r *Request, t searchTemplate, rendered []byte, rules *Rules) Decision {
	left := Decision{Bypass: ReasonTemplate, Own: Outgoing{Body: r.Body}}
	if rendered == nil {
		return left
	}
	if _, _, twice := rawjson.Duplicate(rendered); twice {
		left.Bypass = ReasonDuplicateKey
		return left
	}
	search, ok := t.search(rendered)
	if !ok {
		return left
	}
	plain := *r
	plain.Body, plain.Template = search, r.Body
	d := Plan(&plain, rules)
	d.Deferred = nil // its second search is a plain one
	if d.Bypass == "" && d.Refusal == nil {
		d.First.Body = t.wrap(d.First.Body)
	}
	if d.OwnEdited {
		d.Own.Body = t.wrap(d.Own.Body)
	} else {
		d.Own.Body = r.Body
	}
	return d
}
