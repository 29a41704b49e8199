package searchclient

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/resift/resift/searchclient/rawjson"
)

func TestFilterPath(t *testing.T) {
	const doc = `{"took":1,"hits":{"total":{"value":2},"hits":[{"_id":"a","_source":{"t":"x","n":{"t":1.10}}},{"_id":"b"},7]},"a.b":{"c":[[],{},[{"d":1}]]},"e":{}}`
	tests := []struct{ name, patterns, want string }{
		{"none", "", doc},
		{"blank", " ,", doc},
		{"one name", "took", `{"took":1}`},
		{"a path", "hits.total.value", `{"hits":{"total":{"value":2}}}`},
		{"through an array", "hits.hits._id", `{"hits":{"hits":[{"_id":"a"},{"_id":"b"}]}}`},
		{"raw value", "hits.hits._source.n", `{"hits":{"hits":[{"_source":{"n":{"t":1.10}}}]}}`},
		{"several", "took, hits.hits._id", `{"took":1,"hits":{"hits":[{"_id":"a"},{"_id":"b"}]}}`},
		{"the shorter wins", "hits.total.value,hits.total", `{"hits":{"total":{"value":2}}}`},
		{"star", "h*.t*", `{"hits":{"total":{"value":2}}}`},
		{"star inside", "h*t*.total", `{"hits":{"total":{"value":2}}}`},
		{"star alone", "*.total", `{"hits":{"total":{"value":2}}}`},
		{"any depth", "**.t", `{"hits":{"hits":[{"_source":{"t":"x","n":{"t":1.10}}}]}}`},
		{"any depth is at least one", "**.took", `{}`},
		{"any depth, then more", "hits.**.n.t", `{"hits":{"hits":[{"_source":{"n":{"t":1.10}}}]}}`},
		{"any depth at the end", "hits.**", `{"hits":{"total":{"value":2},"hits":[{"_id":"a","_source":{"t":"x","n":{"t":1.10}}},{"_id":"b"},7]}}`},
		{"escaped dot", `a\.b.c.d`, `{"a.b":{"c":[[{"d":1}]]}}`},
		{"dot not escaped", "a.b.c.d", `{}`},
		{"nothing matches", "x.y", `{}`},
		{"empty value matched whole", "e", `{"e":{}}`},
		{"nothing in it", "e.x", `{}`},
		{"exclude", "-hits", `{"took":1,"a.b":{"c":[[],{},[{"d":1}]]},"e":{}}`},
		{"exclude through an array", `-hits.hits._source,-a\.b,-e,-took`, `{"hits":{"total":{"value":2},"hits":[{"_id":"a"},{"_id":"b"},7]}}`},
		{"exclude any depth", `-**.t,-**._id,-a\.b,-e`, `{"took":1,"hits":{"total":{"value":2},"hits":[7]}}`},
		{"exclude all", "-*", `{}`},
		{"exclude what is not there, empty stays", `-a\.b.c.x,-hits,-e.x`, `{"took":1,"a.b":{"c":[[],{},[{"d":1}]]},"e":{}}`},
		{"exclude the last of an array", `-a\.b.c.d,-hits,-e,-took`, `{"a.b":{"c":[[],{}]}}`},
		{"both", "hits.hits,-**._source", `{"hits":{"hits":[{"_id":"a"},{"_id":"b"},7]}}`},
		{"both, nothing left", "took,-took", `{}`},
		{"minus alone", "-", doc},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, err := FilterPath([]byte(doc), strings.Split(tt.patterns, ","))
			if err != nil || string(got) != tt.want {
				t.Errorf("%s\ngot  %s (%v)\nwant %s", tt.patterns, got, err, tt.want)
			}
		})
	}
}

func TestPathFilterDropsEmpty(t *testing.T) {
	doc := `{"a":{"b":[],"c":{},"d":[{}]},"e":{},"f":[1]}`
	for pattern, want := range map[string]string{
		"-**.x": `{"f":[1]}`, "-a.x": `{"a":{"b":[],"c":{},"d":[{}]},"e":{},"f":[1]}`, "-f.x": doc, "-e.x": `{"a":{"b":[],"c":{},"d":[{}]},"f":[1]}`,
		"a.b": `{"a":{"b":[]}}`,
	} {
		got, err := PathFilter{Patterns: []string{pattern}, DropEmpty: true}.Apply([]byte(doc))
		if err != nil || string(got) != want {
			t.Errorf("%s: got %s (%v), want %s", pattern, got, err, want)
		}
	}
}

func TestFilterPathKeepsTheLook(t *testing.T) {
	doc := "{\n  \"took\" : 1,\n  \"hits\" : {\n    \"hits\" : [\n      {\n        \"_id\" : \"a\",\n        \"x\" : 1\n      },\n      {\n        \"x\" : 1\n      }\n    ],\n    \"total\" : 3\n  }\n}\n"
	for patterns, want := range map[string]string{
		"hits.hits._id": "{\n  \"hits\" : {\n    \"hits\" : [\n      {\n        \"_id\" : \"a\"\n      }\n    ]\n  }\n}\n",
		"-hits.hits":    "{\n  \"took\" : 1,\n  \"hits\" : {\n    \"total\" : 3\n  }\n}\n",
		"x":             "{ }\n",
	} {
		if got, err := FilterPath([]byte(doc), []string{patterns}); err != nil || string(got) != want {
			t.Errorf("%s: got %q (%v)\nwant %q", patterns, got, err, want)
		}
	}
}

func TestFilterPathRefuses(t *testing.T) {
	for _, doc := range []string{``, `[]`, `{`, `{"a":1}{}`, `{"a":{"b":[}}`, `{"a":` + strings.Repeat(`[`, 100_000)} {
		for _, pattern := range []string{"a.**", "-a.b.c", "**.x"} {
			if got, err := FilterPath([]byte(doc), []string{pattern}); err == nil {
				t.Errorf("%.20s by %s became %s", doc, pattern, got)
			}
		}
	}
}

// The ways through several "**" must not multiply with the depth.
func TestFilterPathDeep(t *testing.T) {
	const depth = 500
	doc := strings.Repeat(`{"a":`, depth) + `{"x":1}` + strings.Repeat(`}`, depth)
	got, err := FilterPath([]byte(doc), []string{strings.Repeat("**.", 40) + "x"})
	if err != nil || string(got) != doc {
		t.Errorf("got %.40s, %v", got, err)
	}
}

func TestGlob(t *testing.T) {
	for _, tt := range []struct {
		pattern, s string
		want       bool
	}{
		{"", "", true}, {"*", "", true}, {"*", "abc", true}, {"a*", "abc", true}, {"*c", "abc", true}, {"a*c", "abc", true}, {"a*b*c", "aXbXc", true},
		{"a*b*c", "aXc", false}, {"a*a", "a", false}, {"*b*", "abc", true}, {"**", "abc", true}, {"abc", "abcd", false}, {"a*bc*bc", "abcbc", true},
		{"a*bc*bc", "abc", false},
	} {
		if got := glob(tt.pattern, tt.s); got != tt.want {
			t.Errorf("glob(%q, %q) = %v", tt.pattern, tt.s, got)
		}
	}
}

// FuzzFilterPath: of JSON it makes JSON, and a filter changes nothing when it is applied again.
func FuzzFilterPath(f *testing.F) {
	f.Add([]byte(compact), "hits.hits._id,took")
	f.Add([]byte(compact), "-**._source")
	f.Add([]byte("{\n  \"a\" : [ { \"b.c\" : [ ] }, 1 ]\n}"), `a.b\.c,*,-a.**.x`)
	f.Fuzz(func(t *testing.T, doc []byte, patterns string) {
		list := strings.Split(patterns, ",")
		once, err := FilterPath(doc, list)
		if rawjson.Check(doc, 1000) != nil || rawjson.KindOf(doc, rawjson.Root(doc)) != rawjson.Object {
			return
		}
		if err != nil || !json.Valid(once) {
			t.Fatalf("%q of %q: %q, %v", patterns, doc, once, err)
		}
		twice, err := FilterPath(once, list)
		if err != nil || string(twice) != string(once) {
			t.Fatalf("%q of %q: %q, again %q, %v", patterns, doc, once, twice, err)
		}
	})
}
