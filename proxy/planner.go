package proxy

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/resift/resift/searchclient/rawjson"
)

// verdict ends a plan, or not.
type verdict struct {
	bypass  Reason
	refusal *Refusal
}

var goOn verdict

func bypass(reason Reason) verdict { return verdict{bypass: reason} }

// planner holds a plan in the making. Its steps run in the order of Plan, each on what those before it found.
type planner struct {
	rules          *Rules
	request        *Request
	controlHeaders http.Header
	controls       controls
	search         searchRequest
	page           page
	d              Decision
}

func (p *planner) readHeaders() verdict {
	return verdict{refusal: p.controls.readHeaders(p.controlHeaders, p.rules.Allow)}
}

func (p *planner) readParams() verdict {
	ps, ok := parseParams(p.search.rawQuery)
	if !ok {
		return bypass(ReasonQueryString)
	}
	p.search.params = ps
	if !answersJSON(ps, p.search.header) {
		return bypass(ReasonAnswerFormat)
	}
	return goOn
}

func (p *planner) readBody() verdict {
	s := &p.search
	if !isIdentity(s.header) {
		return bypass(ReasonEncoding)
	}
	source, inURL := s.params.get("source")
	contentType := s.header.Get("Content-Type")
	switch {
	case len(s.content) > 0 && inURL:
		return bypass(ReasonBodyAndSource)
	case len(s.content) > 0:
		s.place, s.doc = inContent, s.content
	case inURL:
		s.place, s.doc = inSource, []byte(source)
		contentType, _ = s.params.get("source_content_type")
	default:
		return goOn
	}
	if !isJSON(contentType) {
		return bypass(ReasonContentType)
	}
	if err := rawjson.Check(s.doc, p.rules.maxDepth()); errors.Is(err, rawjson.ErrTooDeep) {
		return bypass(ReasonTooDeep)
	} else if err != nil {
		return bypass(ReasonMalformed)
	}
	if _, _, found := rawjson.Duplicate(s.doc); found {
		return bypass(ReasonDuplicateKey)
	}
	if !s.setDoc(s.doc) {
		return bypass(ReasonMalformed)
	}
	return goOn
}

// readExt takes ext.resift out of the search, allowed or not: an engine refuses what it does not know.
func (p *planner) readExt() verdict {
	ours, ok := rawjson.Get(p.search.doc, p.search.top["ext"], "resift")
	if !ok {
		return goOn
	}
	if p.rules.Allow.Ext {
		if refusal := p.controls.readExt(p.search.doc, ours, p.controlHeaders, p.rules.Allow); refusal != nil {
			return verdict{refusal: refusal}
		}
	}
	return p.dropExt("resift")
}

// dropExt takes one member out of ext, and ext itself if nothing is left in it.
func (p *planner) dropExt(name string) verdict {
	var edits rawjson.Edits
	s := &p.search
	ext := s.top["ext"]
	others := 0
	for range rawjson.Members(s.doc, ext) {
		others++
	}
	if others == 1 {
		edits.DeleteMember(s.doc, s.root, "ext")
	} else {
		edits.DeleteMember(s.doc, ext, name)
	}
	return p.editOwn(&edits)
}

// editOwn makes changes that both Own and First have.
func (p *planner) editOwn(edits *rawjson.Edits) verdict {
	if err := p.search.edit(edits); err != nil {
		return bypass(ReasonInternal)
	}
	p.d.Own, p.d.OwnEdited = p.search.outgoing(), true
	return goOn
}

func (p *planner) findRule() verdict {
	s := &p.search
	target, ok := searchTarget(s.method, s.path)
	if !ok {
		return bypass(ReasonNoRule)
	}
	index, ok := unescapePath(target)
	if !ok {
		return bypass(ReasonNoRule)
	}
	if named, inURL := s.params.get("index"); inURL { // engines keep path and query parameters in one map
		if index != "" {
			return bypass(ReasonQueryString)
		}
		index = named
	}
	if _, pit := s.top["pit"]; pit {
		index = ""
	}
	if p.d.Rule = matchRule(p.rules.List, index); p.d.Rule == nil {
		return bypass(ReasonNoRule)
	}
	if c := &p.controls; c.window > p.d.Rule.MaxWindow {
		return verdict{refusal: refuseArgument("the window must be at most %d here, got [%d]", p.d.Rule.MaxWindow, c.window)}
	}
	return goOn
}

// readNative replaces the engines' own requests to re-rank by the search they stand for.
func (p *planner) readNative() verdict {
	if v := p.readRetriever(); v != goOn {
		return v
	}
	s := &p.search
	rerank, ok := rawjson.Get(s.doc, s.top["ext"], "rerank")
	if !ok {
		return goOn
	}
	_, inBody := s.top["search_pipeline"]
	if !p.rules.Allow.Native || inBody || s.params.has("search_pipeline") {
		return bypass(ReasonSearchPipeline)
	}
	text, refusal := readQueryContext(s.doc, s.root, rerank)
	if refusal != nil {
		return verdict{refusal: refusal}
	}
	p.offerQuery(text)
	return p.dropExt("rerank")
}

func (p *planner) readRetriever() verdict {
	s := &p.search
	v, ok := s.top["retriever"]
	if !ok {
		return goOn
	}
	if !p.rules.Allow.Native {
		return bypass(ReasonRetriever)
	}
	r, read := readRetriever(s.doc, v)
	if read != goOn {
		return read
	}
	if refusal := p.validateRetriever(r); refusal != nil {
		return verdict{refusal: refusal}
	}
	for _, name := range [...]string{"min_score", "rank", "sub_searches"} { // their meaning beside a retriever is the engine's
		if _, ok := s.top[name]; ok {
			return bypass(ReasonRetriever)
		}
	}
	if _, twice := s.top["collapse"]; twice && !r.collapse.IsZero() {
		return bypass(ReasonRetriever)
	}
	c := &p.controls
	c.allowFailures = r.allowFailures
	p.offerQuery(collapse(r.text))
	if c.fields == nil {
		c.fields = []string{r.field}
	}
	if c.window == 0 && p.rules.Allow.Window {
		c.window = max(0, min(r.window, p.d.Rule.MaxWindow))
	}
	var edits rawjson.Edits
	r.replace(&edits, s.doc, s.root)
	return p.editOwn(&edits)
}

// validateRetriever refuses what Elasticsearch refuses of a search with a compound retriever, in its words
// (CompoundRetrieverBuilder.validate, SearchSourceBuilder.validate).
func (p *planner) validateRetriever(r rerankRetriever) *Refusal {
	s := &p.search
	var errs []string
	if pg, ok := readPage(s.params, s.doc, s.top); ok && r.windowGiven && pg.size > r.window {
		errs = append(errs, fmt.Sprintf("[%s] requires [rank_window_size: %d] be greater than or equal to [size: %d]", rerankerName, r.window, pg.size))
	}
	if s.params.has("scroll") {
		errs = append(errs, "cannot specify ["+rerankerName+"] and [scroll]")
	}
	var beside []string
	for _, c := range [...]struct{ member, parameter string }{
		{"query", "q"}, {"knn", ""}, {"search_after", ""}, {"terminate_after", "terminate_after"}, {"sort", "sort"}, {"rescore", ""},
	} {
		if _, inBody := s.top[c.member]; inBody || c.parameter != "" && s.params.has(c.parameter) {
			beside = append(beside, c.member)
		}
	}
	if beside != nil {
		errs = append(errs, "cannot specify [retriever] and ["+strings.Join(beside, ", ")+"]")
	}
	if errs == nil {
		return nil
	}
	var b strings.Builder
	b.WriteString("Validation Failed: ")
	for i, e := range errs {
		fmt.Fprintf(&b, "%d: %s;", i+1, e)
	}
	return &Refusal{Status: http.StatusBadRequest, Type: "action_request_validation_exception", Reason: b.String()}
}

// offerQuery takes a query text that the request gives outright, unless one of ours is given already or none may be.
func (p *planner) offerQuery(text string) {
	if p.controls.query == "" && p.rules.Allow.Query {
		p.controls.query = text
	}
}

func (p *planner) judgeMode() verdict {
	if p.controls.off {
		return bypass(ReasonModeOff)
	}
	return p.chooseArm()
}

func (p *planner) judgeShape() verdict {
	return bypass(judgeShape(p.search.params, p.search.doc, p.search.top))
}

func (p *planner) readPage() verdict {
	pg, ok := readPage(p.search.params, p.search.doc, p.search.top)
	if !ok {
		return bypass(ReasonPage)
	}
	window := p.window()
	switch {
	case pg.size == 0:
		return bypass(ReasonSizeZero)
	case pg.from >= window:
		return bypass(ReasonPastWindow)
	}
	p.page = pg
	p.d.Window, p.d.From, p.d.Size, p.d.Fetch = window, pg.from, pg.size, max(window, pg.from+pg.size)
	return goOn
}

// readQuery settles the query text: what the request gives outright, else ?q=, which replaces the body's query, else the rule's
// parameter of a template, else the rule's path, else the query's clauses.
func (p *planner) readQuery() verdict {
	s := &p.search
	q, inURL := s.params.get("q")
	switch {
	case p.controls.query != "":
		p.d.Query = p.controls.query
	case inURL:
		p.d.Query = collapse(plainQueryString(q))
	case p.d.Rule.QueryParam != "" && p.readParam():
	case p.d.Rule.QueryPath != "":
		p.d.Query, _ = textAtPath(s.doc, s.root, p.d.Rule.QueryPath)
	default:
		p.d.Query = textOfQuery(s.doc, s.top["query"])
	}
	if p.d.Query == "" {
		return bypass(ReasonNoQueryText)
	}
	return goOn
}

// readParam takes the query text from the parameters of the template that the search was rendered of.
func (p *planner) readParam() bool {
	doc := p.request.Template
	if doc == nil {
		return false
	}
	given, ok := rawjson.Get(doc, rawjson.Root(doc), "params")
	if !ok {
		return false
	}
	p.d.Query, ok = textAtPath(doc, given, p.d.Rule.QueryParam)
	return ok && p.d.Query != ""
}

// chooseFields settles where the text of a hit comes from: its _source where the client's filter lets the field through, else
// its `fields`, which the client may have asked for already.
func (p *planner) chooseFields() verdict {
	s := &p.search
	paths := p.d.Rule.Fields
	if p.controls.fields != nil {
		paths = p.controls.fields
	}
	stored, ok := readStoredFields(s.params, s.doc, s.top)
	if !ok {
		return bypass(ReasonParameter)
	}
	if stored.none {
		return bypass(ReasonStoredFields)
	}
	filter, ok := readSourceFilter(s.params, s.doc, s.top, stored)
	if !ok {
		return bypass(ReasonParameter)
	}
	asked, ok := askedFields(s.params, s.doc, s.top)
	if !ok {
		return bypass(ReasonParameter)
	}
	for _, path := range paths {
		if slices.ContainsFunc(p.d.Fields, func(f TextField) bool { return f.Path == path }) {
			continue
		}
		shown := filter.shows(path)
		p.d.Fields = append(p.d.Fields, TextField{Path: path, Fetched: !shown})
		covers := func(pattern string) bool { return glob(pattern, path) }
		if !shown && !slices.ContainsFunc(asked, covers) {
			p.d.Strip = append(p.d.Strip, path)
		}
	}
	return goOn
}

// settle fills in what the rule and the request say of the scoring and the answer.
func (p *planner) settle() verdict {
	s, c, rule, d := &p.search, &p.controls, p.d.Rule, &p.d
	explain, ok := readFlag(s.params, s.doc, s.top, "explain")
	if !ok {
		return bypass(ReasonParameter)
	}
	d.Explain = explain
	d.Timeout, d.Score, d.LongText, d.Details, d.OnFailure = rule.Timeout, rule.Score, p.longText(), rule.Details, rule.OnFailure
	d.StripHTML = rule.HTML == HTMLStrip
	d.Model = p.model()
	if c.timeout > 0 {
		d.Timeout = c.timeout
	}
	if c.details != nil {
		d.Details = *c.details
	}
	d.Passage = c.passage
	if c.allowFailures {
		d.OnFailure = OnFailureEngine
	}
	if d.LongText.Mode == LongTextHighlight {
		if _, theirs := s.top["highlight"]; theirs { // their fragments have their tags and their size
			d.LongText.Mode = LongTextMax
		} else {
			for _, f := range d.Fields {
				d.StripHighlight = append(d.StripHighlight, f.Path)
			}
		}
	}
	if patterns, given := s.params.get("filter_path"); given {
		d.FilterPath = commaList(patterns)
	}
	return goOn
}

func (p *planner) rewrite() verdict {
	first := firstStage{page: p.page, fetch: p.d.Fetch, add: p.d.Strip, highlight: p.d.StripHighlight}
	if !p.d.Details && !p.d.Passage { // which may add fields where the fragments go
		p.d.Deferred = deferHighlight(p.search, first)
	}
	if err := p.search.rewrite(first); err != nil {
		return bypass(ReasonInternal)
	}
	p.d.First = p.search.outgoing()
	return goOn
}
