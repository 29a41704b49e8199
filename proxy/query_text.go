package proxy

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/resift/resift/searchclient/rawjson"
)

// maxQueryBytes bounds the query text. No model at hand reads as much of a query (8,192 tokens at most), and the whole text is
// tokenized before the model's limit cuts it.
const maxQueryBytes = 32 << 10

// truncate shortens a text to at most n bytes, between characters.
func truncate(s string, n int) string {
	if len(s) <= n {
		return s
	}
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return s[:n]
}

// queryText collects what a person typed from a query clause, in order of appearance.
type queryText struct {
	doc   []byte
	texts []string
	known map[string]bool
	size  int // bytes of texts

	templates int // how many template clauses are around
	wrappers  int // how many wrapper clauses are around
}

// textOfQuery returns the query text of the clause q: the distinct texts of its clauses, joined by a space; "" if there are none.
// docs/search.md lists what each kind of clause gives.
func textOfQuery(doc []byte, q rawjson.Span) string {
	t := queryText{doc: doc, known: make(map[string]bool)}
	t.query(q)
	return truncate(strings.Join(t.texts, " "), maxQueryBytes)
}

// add keeps a text once. White space is collapsed, because it says nothing and would make equal texts differ.
func (t *queryText) add(text string) {
	text = collapse(text)
	if t.templates > 0 && strings.Contains(text, "${") {
		return // a pipeline of the engine has yet to put something here
	}
	if text == "" || t.known[text] || t.size > maxQueryBytes {
		return
	}
	t.known[text] = true
	t.texts = append(t.texts, text)
	t.size += len(text)
}

// collapse trims a text, puts one space for every run of white space, and cuts what is longer than a query may be.
func collapse(text string) string {
	return truncate(strings.Join(strings.Fields(truncate(text, 4*maxQueryBytes)), " "), maxQueryBytes)
}

// query walks an object of clauses; engines allow one. Nesting is bounded: the document has passed Check.
func (t *queryText) query(q rawjson.Span) {
	if rawjson.KindOf(t.doc, q) != rawjson.Object {
		return
	}
	for m, err := range rawjson.Members(t.doc, q) {
		if err != nil {
			return
		}
		if name, ok := rawjson.Text(t.doc, m.Key); ok {
			t.clause(name, m.Value)
		}
	}
}

// clause reads what a clause is known to say. The table of docs/search.md names each case, and a test compares the two.
func (t *queryText) clause(name string, body rawjson.Span) {
	switch name {
	case "match", "match_phrase", "match_phrase_prefix", "match_bool_prefix", "common":
		t.perField(body, "query")
	case "text_expansion":
		t.perField(body, "model_text")
	case "neural", "neural_sparse":
		t.perField(body, "query_text")
	case "multi_match", "combined_fields", "semantic", "sparse_vector":
		t.text(body, "query")
	case "agentic":
		t.text(body, "query_text")
	case "knn":
		t.text(body, "query_vector_builder", "text_embedding", "model_text")
	case "query_string":
		t.operators(body, plainQueryString)
	case "simple_query_string":
		t.operators(body, plainSimpleQueryString)
	case "kql":
		t.operators(body, plainKQL)
	case "intervals":
		t.intervals(body)
	case "more_like_this":
		t.like(body)
	case "bool":
		t.inside(body, "must", "should")
	case "dis_max", "hybrid":
		t.inside(body, "queries")
	case "function_score", "script_score", "nested", "has_child", "has_parent":
		t.inside(body, "query")
	case "boosting":
		t.inside(body, "positive")
	case "pinned", "rule", "rule_query":
		t.inside(body, "organic")
	case "template":
		t.template(body)
	case "wrapper":
		t.wrapped(body)
	}
}

// perField reads {"field": text} or {"field": {member: text}}.
func (t *queryText) perField(body rawjson.Span, member string) {
	if rawjson.KindOf(t.doc, body) != rawjson.Object {
		return
	}
	for m, err := range rawjson.Members(t.doc, body) {
		if err != nil {
			return
		}
		if rawjson.KindOf(t.doc, m.Value) == rawjson.Object {
			t.text(m.Value, member)
		} else if text, ok := scalarText(t.doc, m.Value); ok {
			t.add(text)
		}
	}
}

// text reads {member: text}, or what stands deeper.
func (t *queryText) text(body rawjson.Span, path ...string) {
	if v, ok := rawjson.Get(t.doc, body, path...); ok {
		if text, ok := scalarText(t.doc, v); ok {
			t.add(text)
		}
	}
}

func (t *queryText) operators(body rawjson.Span, plain func(string) string) {
	v, ok := rawjson.Get(t.doc, body, "query")
	if !ok {
		return
	}
	text, ok := scalarText(t.doc, v)
	if !ok {
		return
	}
	if flags, ok := rawjson.Get(t.doc, body, "flags"); ok {
		if s, _ := rawjson.Text(t.doc, flags); strings.EqualFold(s, "NONE") {
			t.add(text)
			return
		}
	}
	t.add(plain(text))
}

// inside walks into the named members, each a query or an array of queries, in the order in which they stand.
func (t *queryText) inside(body rawjson.Span, names ...string) {
	if rawjson.KindOf(t.doc, body) != rawjson.Object {
		return
	}
	for m, err := range rawjson.Members(t.doc, body) {
		if err != nil {
			return
		}
		for _, name := range names {
			if rawjson.KeyIs(t.doc, m.Key, name) {
				t.queries(m.Value)
			}
		}
	}
}

func (t *queryText) queries(v rawjson.Span) {
	if rawjson.KindOf(t.doc, v) != rawjson.Array {
		t.query(v)
		return
	}
	for e, err := range rawjson.Elements(t.doc, v) {
		if err != nil {
			return
		}
		t.query(e)
	}
}

// scalarText is a string, or a number as it is written.
func scalarText(doc []byte, v rawjson.Span) (string, bool) {
	if rawjson.KindOf(doc, v) == rawjson.Number {
		return string(v.Of(doc)), true
	}
	return rawjson.Text(doc, v)
}

// textAtPath follows a dotted path from v to a string, a number or an array of these. A number in the path selects an element of
// an array. Where an object has no member of a step's name, that step is joined with the next by a dot, since field names
// contain dots: "query.match.product.title.query" finds {"match": {"product.title": {"query": …}}}.
func textAtPath(doc []byte, v rawjson.Span, path string) (string, bool) {
	steps := strings.Split(path, ".")
	for len(steps) > 0 {
		next, used, ok := stepInto(doc, v, steps)
		if !ok {
			return "", false
		}
		v, steps = next, steps[used:]
	}
	if rawjson.KindOf(doc, v) != rawjson.Array {
		text, ok := scalarText(doc, v)
		return collapse(text), ok
	}
	var texts []string
	for e, err := range rawjson.Elements(doc, v) {
		text, ok := scalarText(doc, e)
		if err != nil || !ok {
			return "", false
		}
		texts = append(texts, text)
	}
	return collapse(strings.Join(texts, " ")), true
}

// stepInto takes one step, which may use up several parts of the path.
func stepInto(doc []byte, v rawjson.Span, steps []string) (next rawjson.Span, used int, ok bool) {
	switch rawjson.KindOf(doc, v) {
	case rawjson.Object:
		for used = 1; used <= len(steps); used++ {
			if next, ok = rawjson.Get(doc, v, strings.Join(steps[:used], ".")); ok {
				return next, used, true
			}
		}
	case rawjson.Array:
		index, err := strconv.Atoi(steps[0])
		if err != nil || index < 0 {
			return rawjson.Span{}, 0, false
		}
		for e, err := range rawjson.Elements(doc, v) {
			if err != nil {
				break
			}
			if index == 0 {
				return e, 1, true
			}
			index--
		}
	}
	return rawjson.Span{}, 0, false
}
