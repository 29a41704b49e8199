package proxy

import (
	"bytes"
	"net/http"
	"strconv"

	"github.com/resift/resift/searchclient/rawjson"
)

// place says where a search keeps its body.
type place int

const (
	noBody    place = iota
	inContent       // the request body
	inSource        // ?source=
)

// searchRequest is a request taken apart: what Plan reads and rewrites.
type searchRequest struct {
	method, path string
	rawQuery     string // as sent
	header       http.Header
	content      []byte // as sent

	params params
	place  place
	doc    []byte // the JSON body; nil for noBody
	root   rawjson.Span
	top    map[string]rawjson.Span // the members of the body by name
}

// setDoc takes a body, which must have passed Check; it answers false if it is not an object.
func (s *searchRequest) setDoc(doc []byte) bool {
	s.doc, s.root = doc, rawjson.Root(doc)
	s.top = make(map[string]rawjson.Span)
	if rawjson.KindOf(doc, s.root) != rawjson.Object {
		return false
	}
	for m, err := range rawjson.Members(doc, s.root) {
		if err != nil {
			return false
		}
		name, _ := rawjson.Text(doc, m.Key)
		s.top[name] = m.Value
	}
	return true
}

// edit applies changes to the body; without any the search stays as it is.
func (s *searchRequest) edit(edits *rawjson.Edits) error {
	if edits.Len() == 0 {
		return nil
	}
	doc, err := edits.Apply(s.doc)
	if err != nil {
		return err
	}
	switch s.place {
	case inContent:
		s.content = doc
	case inSource:
		s.setParams(s.params.with("source", string(doc)))
	}
	s.setDoc(doc)
	return nil
}

func (s *searchRequest) setParams(ps params) {
	s.params = ps
	s.rawQuery = ps.encode()
}

func (s *searchRequest) outgoing() Outgoing {
	return Outgoing{Method: s.method, Path: s.path, RawQuery: s.rawQuery, Header: s.header, Body: s.content}
}

// firstStage is what the rewrite of a search adds to it.
type firstStage struct {
	page      page
	fetch     int
	add       []string // paths to add to `fields`
	highlight []string // paths to ask fragments of
	lean      bool     // the client's highlight goes and each hit's version is asked for: see DeferredHighlight
}

// rewrite turns the client's search into the first stage: from 0, size = fetch, each where the client had it; what the model
// reads is asked for; filter_path goes, because it is for the final answer. All else stays byte for byte.
func (s *searchRequest) rewrite(f firstStage) error {
	if s.params.has("filter_path") {
		s.setParams(s.params.without("filter_path"))
	}
	if s.place == noBody && len(f.add)+len(f.highlight) > 0 {
		s.addBody()
	}
	var edits rawjson.Edits
	if f.page.from > 0 {
		s.setNumber(&edits, "from", 0)
	}
	if f.fetch != f.page.size {
		s.setNumber(&edits, "size", f.fetch)
	}
	if len(f.add) > 0 {
		s.addFields(&edits, f.add)
	}
	if len(f.highlight) > 0 {
		edits.SetMember(s.doc, s.root, "highlight", highlightJSON(f.highlight))
	}
	if f.lean {
		edits.DeleteMember(s.doc, s.root, "highlight")
		if s.params.has("version") {
			s.setParams(s.params.with("version", "true"))
		} else {
			edits.SetMember(s.doc, s.root, "version", []byte("true"))
		}
	}
	return s.edit(&edits)
}

// setNumber sets a number in the URL if it is there, where it overrides the body's; else in the body; else in the URL.
func (s *searchRequest) setNumber(edits *rawjson.Edits, name string, n int) {
	value := strconv.Itoa(n)
	if s.params.has(name) || s.place == noBody {
		s.setParams(s.params.with(name, value))
		return
	}
	edits.SetMember(s.doc, s.root, name, []byte(value))
}

// addBody gives a search without a body an empty one.
func (s *searchRequest) addBody() {
	s.header = withContentType(s.header, typeOfJSON(s.header))
	s.place, s.content = inContent, []byte("{}")
	s.setDoc(s.content)
}

func (s *searchRequest) addFields(edits *rawjson.Edits, paths []string) {
	var list []byte
	for _, path := range paths {
		list = rawjson.AppendQuoted(append(list, ','), path)
	}
	fields, ok := s.top["fields"]
	if !ok {
		edits.SetMember(s.doc, s.root, "fields", append(append([]byte{'['}, list[1:]...), ']'))
		return
	}
	if len(bytes.TrimSpace(s.doc[fields.Start+1:fields.End-1])) == 0 {
		list = list[1:]
	}
	edits.Insert(fields.End-1, list)
}

// highlightJSON asks for the best fragments of each path, without tags, so that a fragment is plain text. 300 characters hold the
// passage of about 60 words that cross-encoders are trained on.
func highlightJSON(paths []string) []byte {
	b := []byte(`{"pre_tags":[""],"post_tags":[""],"order":"score","fragment_size":300,"number_of_fragments":3,"fields":{`)
	for i, path := range paths {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(rawjson.AppendQuoted(b, path), ":{}"...)
	}
	return append(b, "}}"...)
}
