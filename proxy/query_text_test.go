package proxy

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/resift/resift/searchclient/rawjson"
)

func TestQueryTextOfEachClause(t *testing.T) {
	for _, c := range []struct{ name, query, want string }{
		{"match, short", `{"match":{"title":"quick fox"}}`, "quick fox"},
		{"match, long", `{"match":{"title":{"query":"quick fox","operator":"and","boost":2}}}`, "quick fox"},
		{"match, a number", `{"match":{"year":1984}}`, "1984"},
		{"match, a number, long", `{"match":{"year":{"query":1984.50}}}`, "1984.50"},
		{"match, a boolean says nothing", `{"match":{"open":true}}`, ""},
		{"match, null", `{"match":{"title":null}}`, ""},
		{"match, malformed", `{"match":"quick"}`, ""},
		{"match_phrase", `{"match_phrase":{"title":"quick fox"}}`, "quick fox"},
		{"match_phrase, long", `{"match_phrase":{"title":{"query":"quick fox","slop":2}}}`, "quick fox"},
		{"match_phrase_prefix", `{"match_phrase_prefix":{"title":"quick f"}}`, "quick f"},
		{"match_bool_prefix", `{"match_bool_prefix":{"title":{"query":"quick f"}}}`, "quick f"},
		{"common", `{"common":{"title":{"query":"quick fox"}}}`, "quick fox"},
		{"multi_match", `{"multi_match":{"query":"quick fox","fields":["title","body"]}}`, "quick fox"},
		{"combined_fields", `{"combined_fields":{"query":"quick fox","fields":["title"]}}`, "quick fox"},
		{"query_string", `{"query_string":{"query":"title:(quick OR fox) -dog"}}`, "quick fox"},
		{"simple_query_string", `{"simple_query_string":{"query":"\"quick fox\" +big -dog"}}`, "quick fox big"},
		{"simple_query_string without operators", `{"simple_query_string":{"query":"a -b","flags":"NONE"}}`, "a -b"},
		{"semantic", `{"semantic":{"field":"f","query":"quick fox"}}`, "quick fox"},
		{"sparse_vector", `{"sparse_vector":{"field":"f","inference_id":"i","query":"quick fox"}}`, "quick fox"},
		{"text_expansion", `{"text_expansion":{"f":{"model_id":"m","model_text":"quick fox"}}}`, "quick fox"},
		{"neural", `{"neural":{"f":{"query_text":"quick fox","k":5}}}`, "quick fox"},
		{"neural_sparse", `{"neural_sparse":{"f":{"query_text":"quick fox"}}}`, "quick fox"},

		{"agentic", `{"agentic":{"query_text":"quick fox","query_fields":["a"]}}`, "quick fox"},
		{"knn by a model", `{"knn":{"field":"v","k":3,"query_vector_builder":{"text_embedding":{"model_id":"m","model_text":"quick fox"}}}}`, "quick fox"},
		{"knn by a vector", `{"knn":{"v":{"vector":[1,2],"k":3}}}`, ""},
		{"kql", `{"kql":{"query":"title: (quick or fox) and not dog"}}`, "quick fox"},
		{"intervals", `{"intervals":{"a":{"match":{"query":"quick fox","ordered":true,"filter":{"not_containing":{"match":{"query":"dog"}}}}}}}`, "quick fox"},
		{"intervals, of several", `{"intervals":{"a":{"all_of":{"intervals":[{"match":{"query":"quick"}},{"any_of":{"intervals":[{"match":{"query":"fox"}},{"prefix":{"prefix":"de"}}]}}]},"boost":2}}}`, "quick fox"},
		{"intervals, malformed", `{"intervals":{"a":{"all_of":{"intervals":{"match":{"query":"x"}}},"match":"x"},"b":7}}`, ""},
		{"more_like_this", `{"more_like_this":{"fields":["a"],"like":"quick fox","unlike":"dog"}}`, "quick fox"},
		{"more_like_this, several", `{"more_like_this":{"like":["quick",{"_index":"i","_id":"1"},{"doc":{"a":"x"}},"fox",7]}}`, "quick fox"},
		{"template", `{"template":{"bool":{"must":[{"match":{"a":"quick fox"}},{"neural":{"v":{"query_text":"${ext.question}"}}}]}}}`, "quick fox"},
		{"a variable outside a template", `{"match":{"a":"${HOME}"}}`, "${HOME}"},
		{"wrapper", `{"bool":{"must":[{"wrapper":{"query":"eyJtYXRjaCI6eyJhIjoicXVpY2sgZm94In19"}},{"match":{"b":"den"}}]}}`, "quick fox den"},
		{"wrapper, no Base64", `{"wrapper":{"query":"{}"}}`, ""},
		{"wrapper, no JSON", `{"wrapper":{"query":"eyJ"}}`, ""},
		{"wrapper, the same key twice", `{"wrapper":{"query":"eyJtYXRjaCI6eyJhIjoieCIsImEiOiJ5In19"}}`, ""},

		{"bool.must, an array", `{"bool":{"must":[{"match":{"a":"x"}},{"match":{"b":"y"}}]}}`, "x y"},
		{"bool.must, an object", `{"bool":{"must":{"match":{"a":"x"}}}}`, "x"},
		{"bool.should", `{"bool":{"should":[{"match":{"a":"x"}}]}}`, "x"},
		{"bool in order of appearance", `{"bool":{"should":{"match":{"a":"first"}},"must":{"match":{"a":"second"}}}}`, "first second"},
		{"bool.filter never", `{"bool":{"filter":[{"match":{"a":"x"}}]}}`, ""},
		{"bool.must_not never", `{"bool":{"must":{"match":{"a":"x"}},"must_not":{"match":{"a":"y"}}}}`, "x"},
		{"dis_max", `{"dis_max":{"queries":[{"match":{"a":"x"}},{"match":{"b":"y"}}]}}`, "x y"},
		{"function_score", `{"function_score":{"query":{"match":{"a":"x"}},"functions":[{"filter":{"match":{"b":"y"}},"weight":2}]}}`, "x"},
		{"script_score", `{"script_score":{"query":{"match":{"a":"x"}},"script":{"source":"_score"}}}`, "x"},
		{"boosting", `{"boosting":{"positive":{"match":{"a":"x"}},"negative":{"match":{"a":"y"}},"negative_boost":0.5}}`, "x"},
		{"nested", `{"nested":{"path":"c","query":{"match":{"c.a":"x"}}}}`, "x"},
		{"has_child", `{"has_child":{"type":"c","query":{"match":{"a":"x"}}}}`, "x"},
		{"has_parent", `{"has_parent":{"parent_type":"p","query":{"match":{"a":"x"}}}}`, "x"},
		{"pinned", `{"pinned":{"ids":["1"],"organic":{"match":{"a":"x"}}}}`, "x"},
		{"rule", `{"rule":{"ruleset_ids":["r"],"match_criteria":{"q":"y"},"organic":{"match":{"a":"x"}}}}`, "x"},
		{"hybrid", `{"hybrid":{"queries":[{"match":{"a":"x"}},{"neural":{"v":{"query_text":"x"}}}]}}`, "x"},

		{"term never", `{"term":{"title":"x"}}`, ""},
		{"terms never", `{"terms":{"title":["x","y"]}}`, ""},
		{"constant_score never", `{"constant_score":{"filter":{"match":{"a":"x"}}}}`, ""},
		{"match_all", `{"match_all":{}}`, ""},
		{"prefix, wildcard, fuzzy, regexp never", `{"bool":{"should":[{"prefix":{"a":"x"}},{"wildcard":{"a":"x*"}},{"fuzzy":{"a":"x"}},{"regexp":{"a":"x"}}]}}`, ""},
		{"ids, range, exists never", `{"bool":{"must":[{"ids":{"values":["x"]}},{"range":{"a":{"gte":1}}},{"exists":{"field":"x"}}]}}`, ""},
		{"spans never", `{"bool":{"must":[{"span_term":{"a":"x"}},{"span_near":{"clauses":[{"span_term":{"a":"y"}}]}}]}}`, ""},
		{"percolate, terms_set, weighted_tokens never", `{"bool":{"must":[{"percolate":{"field":"q","document":{"a":"x"}}},{"terms_set":{"a":{"terms":["x"]}}},{"weighted_tokens":{"a":{"tokens":{"x":1}}}}]}}`, ""},

		{"the same text counts once", `{"bool":{"should":[{"match":{"a":"x y"}},{"match_phrase":{"b":" x  y "}},{"match":{"c":"z"}}]}}`, "x y z"},
		{"white space is collapsed", `{"match":{"a":"  x \n\t y  "}}`, "x y"},
		{"only white space", `{"match":{"a":"  "}}`, ""},
		{"escapes", `{"match":{"a":"caf\u00e9 \ud83e\udd8a \"q\""}}`, `café 🦊 "q"`},
		{"an escaped key", `{"m\u0061tch":{"a":"x"}}`, "x"},
		{"deep", strings.Repeat(`{"bool":{"must":[`, 60) + `{"match":{"a":"x"}}` + strings.Repeat(`]}}`, 60), "x"},
		{"not an object", `[1]`, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			doc := []byte(c.query)
			if err := rawjson.Check(doc, DefaultMaxDepth); err != nil {
				t.Fatal(err)
			}
			if got := textOfQuery(doc, rawjson.Root(doc)); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestTextAtPath(t *testing.T) {
	doc := []byte(`{"query":{"bool":{"must":[{"term":{"a":1}},{"match":{"product.title":{"query":" x  y "}}}]}},
		"params":{"terms":["a","b",3],"n":7,"bad":[{}],"o":{}}}`)
	for _, c := range []struct {
		path, want string
		ok         bool
	}{
		{"query.bool.must.1.match.product.title.query", "x y", true},
		{"params.terms", "a b 3", true},
		{"params.terms.0", "a", true},
		{"params.n", "7", true},
		{"params.terms.3", "", false},
		{"params.terms.-1", "", false},
		{"params.terms.x", "", false},
		{"params.bad", "", false},
		{"params.o", "", false},
		{"params.n.x", "", false},
		{"query.nothing", "", false},
		{"", "", false},
	} {
		got, ok := textAtPath(doc, rawjson.Root(doc), c.path)
		if ok != c.ok || ok && got != c.want {
			t.Errorf("%q: %q, %v; want %q, %v", c.path, got, ok, c.want, c.ok)
		}
	}
}

func TestQueryTextIsBounded(t *testing.T) {
	var b strings.Builder
	b.WriteString(`{"bool":{"should":[`)
	for i := range 20_000 {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"match":{"a":"word%d é"}}`, i)
	}
	b.WriteString(`]}}`)
	doc := []byte(b.String())
	got := textOfQuery(doc, rawjson.Root(doc))
	if len(got) > maxQueryBytes || len(got) < maxQueryBytes-4 || !utf8.ValidString(got) || !strings.HasPrefix(got, "word0 é word1 é") {
		t.Errorf("%d bytes, valid %v: %.40q", len(got), utf8.ValidString(got), got)
	}
	long := `{"match":{"a":"` + strings.Repeat("é", 1<<20) + `"}}`
	if got := textOfQuery([]byte(long), rawjson.Root([]byte(long))); len(got) != maxQueryBytes {
		t.Errorf("one long text: %d bytes", len(got))
	}
}

// FuzzQueryText holds the query text to being text, bounded and collapsed, whatever the query is.
func FuzzQueryText(f *testing.F) {
	for _, s := range []string{
		`{"bool":{"must":[{"match":{"a":{"query":" x  y "}}}],"should":{"intervals":{"a":{"any_of":{"intervals":[{"match":{"query":"z"}}]}}}}}}`,
		`{"more_like_this":{"like":["x",{"_id":"1"}]}}`,
		`{"template":{"kql":{"query":"a: (b or \"c d\") and not e ${f}"}}}`,
		`{"wrapper":{"query":"eyJtYXRjaCI6eyJhIjoicXVpY2sgZm94In19"}}`,
		`{"hybrid":{"queries":[{"query_string":{"query":"a:(b -c)^2 /d/ [1 TO 2]"}},{"knn":{"query_vector_builder":{"text_embedding":{"model_text":"m"}}}}]}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		if rawjson.Check(doc, DefaultMaxDepth) != nil {
			return
		}
		got := textOfQuery(doc, rawjson.Root(doc))
		if len(got) > maxQueryBytes || !utf8.ValidString(got) || got != collapse(got) {
			t.Errorf("%d bytes, valid %v: %.100q", len(got), utf8.ValidString(got), got)
		}
	})
}

func TestQueryOfATemplatesParameter(t *testing.T) {
	for _, c := range []struct{ name, template, want string }{
		{"there", `{"id":"x","params":{"q":" what  foxes eat "}}`, "what foxes eat"},
		{"a number", `{"params":{"q":1984}}`, "1984"},
		{"several", `{"params":{"q":["what","foxes"]}}`, "what foxes"},
		{"not there", `{"params":{"other":"x"}}`, "fox"},
		{"empty", `{"params":{"q":""}}`, "fox"},
		{"an object", `{"params":{"q":{}}}`, "fox"},
		{"no parameters", `{"id":"x"}`, "fox"},
		{"no template", "", "fox"},
	} {
		r := ask("POST /products/_search", `{"query":{"match":{"a":"fox"}}}`)
		if c.template != "" {
			r.Template = []byte(c.template)
		}
		rules := testRules()
		rules.List[0].QueryParam = "q"
		if d := Plan(r, rules); d.Query != c.want {
			t.Errorf("%s: %q, want %q", c.name, d.Query, c.want)
		}
	}
}

func TestRenderedTemplateKeepsItsParameters(t *testing.T) {
	rules := testRules()
	rules.List[0].QueryParam = "user.q"
	r := ask("POST /products/_search", `{"id":"x","params":{"user":{"q":"what foxes eat"}}}`)
	if d := planRendered(r, searchTemplate{}, []byte(`{"query":{"match":{"a":"fox"}}}`), rules); d.Query != "what foxes eat" {
		t.Errorf("query %q, bypass %q", d.Query, d.Bypass)
	}
}
