package proxy

import (
	"slices"
	"testing"

	"github.com/resift/resift/searchclient/rawjson"
)

// parsed takes a search apart for a test.
func parsed(t *testing.T, rawQuery, body string) searchRequest {
	t.Helper()
	s := searchRequest{}
	ps, ok := parseParams(rawQuery)
	if !ok {
		t.Fatalf("query string %q not read", rawQuery)
	}
	s.params = ps
	if body != "" {
		if err := rawjson.Check([]byte(body), DefaultMaxDepth); err != nil {
			t.Fatal(err)
		}
		s.setDoc([]byte(body))
	}
	return s
}

func TestSourceFilterFollowsTheEngines(t *testing.T) {
	for _, c := range []struct {
		name, url, body, path string
		shown                 bool
	}{
		{"nothing said", "", `{}`, "title", true},
		{"no body", "", "", "title", true},
		{"true", "", `{"_source":true}`, "title", true},
		{"false", "", `{"_source":false}`, "title", false},
		{"a string", "", `{"_source":"title"}`, "title", true},
		{"another string", "", `{"_source":"body"}`, "title", false},
		{"a comma in a body's string is part of the name", "", `{"_source":"title,body"}`, "title", false},
		{"an array", "", `{"_source":["body","title"]}`, "title", true},
		{"an empty array", "", `{"_source":[]}`, "title", true},
		{"includes", "", `{"_source":{"includes":["ti*"]}}`, "title", true},
		{"include, the old name", "", `{"_source":{"include":"title"}}`, "title", true},
		{"excludes", "", `{"_source":{"excludes":["ti*"]}}`, "title", false},
		{"exclude, the old name", "", `{"_source":{"exclude":"title"}}`, "title", false},
		{"exclude wins", "", `{"_source":{"includes":["title"],"excludes":["title"]}}`, "title", false},
		{"an object lets all below it in", "", `{"_source":["product"]}`, "product.title", true},
		{"an excluded object takes all below it", "", `{"_source":{"excludes":["product"]}}`, "product.title", false},
		{"a child does not let its sibling in", "", `{"_source":["product.price"]}`, "product.title", false},
		{"a child does not let its parent's leaf in", "", `{"_source":["title.raw"]}`, "title", false},
		{"a prefix of a name is another name", "", `{"_source":["prod"]}`, "product.title", false},
		{"a star runs over dots", "", `{"_source":["p*title"]}`, "product.text.title", true},
		{"a star for children", "", `{"_source":["product.*"]}`, "product.title", true},
		{"an excluded star for children", "", `{"_source":{"includes":["product"],"excludes":["product.*"]}}`, "product.title", false},
		{"an excluded wildcard over a parent", "", `{"_source":{"excludes":["pro*t"]}}`, "product.title", false},
		{"vectors left out", "", `{"_source":{"exclude_vectors":true}}`, "title", true},
		{"URL false", "_source=false", `{}`, "title", false},
		{"URL true overrides the body", "_source=true", `{"_source":false}`, "title", true},
		{"URL list", "_source=body,title", "", "title", true},
		{"URL list overrides the body", "_source=body", `{"_source":["title"]}`, "title", false},
		{"URL empty", "_source=", `{"_source":false}`, "title", true},
		{"URL includes", "_source_includes=body", "", "title", false},
		{"URL excludes", "_source_excludes=title", "", "title", false},
		{"URL excludes replace the body's includes", "_source_excludes=body", `{"_source":["body"]}`, "title", true},
		{"URL includes with false", "_source=false&_source_includes=title", "", "title", false},
		{"stored fields turn the source off", "", `{"stored_fields":["title"]}`, "title", false},
		{"stored fields in the URL too", "stored_fields=title", "", "title", false},
		{"stored fields beside a source filter", "", `{"stored_fields":["x"],"_source":["title"]}`, "title", true},
		{"_source among stored fields", "", `{"stored_fields":["x","_source"]}`, "title", true},
		{"_source among stored fields against false", "", `{"stored_fields":["_source"],"_source":false}`, "title", true},
		{"script fields turn the source off", "", `{"script_fields":{"a":{"script":"1"}}}`, "title", false},
		{"script fields beside a source filter", "", `{"script_fields":{},"_source":true}`, "title", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := parsed(t, c.url, c.body)
			stored, ok := readStoredFields(s.params, s.doc, s.top)
			if !ok {
				t.Fatal("stored_fields not read")
			}
			f, ok := readSourceFilter(s.params, s.doc, s.top, stored)
			if !ok {
				t.Fatal("filter not read")
			}
			if got := f.shows(c.path); got != c.shown {
				t.Errorf("%s shown: %v, want %v (%+v)", c.path, got, c.shown, f)
			}
		})
	}
}

func TestSourceFilterLeavesNonsenseToTheEngine(t *testing.T) {
	for _, body := range []string{
		`{"_source":3}`, `{"_source":null}`, `{"_source":[1]}`, `{"_source":{"includes":7}}`, `{"_source":{"excludes":[{}]}}`,
	} {
		s := parsed(t, "", body)
		if _, ok := readSourceFilter(s.params, s.doc, s.top, storedFields{}); ok {
			t.Errorf("%s was read", body)
		}
	}
	s := parsed(t, "", `{"stored_fields":{"a":1}}`)
	if _, ok := readStoredFields(s.params, s.doc, s.top); ok {
		t.Error("an object of stored_fields was read")
	}
}

func TestClientsOwnFieldsAreNotAddedAgain(t *testing.T) {
	for _, c := range []struct {
		name, url, body string
		ok              bool
		added           []string // of title, body, product.name
	}{
		{"none", "", `{}`, true, []string{"title", "body", "product.name"}},
		{"a name", "", `{"fields":["title"]}`, true, []string{"body", "product.name"}},
		{"objects and wildcards", "", `{"fields":[{"field":"title","format":"x"},"product.*"]}`, true, []string{"body"}},
		{"everything", "", `{"fields":["*"]}`, true, nil},
		{"an object field is not its leaves", "", `{"fields":["product"]}`, true, []string{"title", "body", "product.name"}},
		{"an empty list", "", `{"fields":[]}`, true, []string{"title", "body", "product.name"}},
		{"a stored field", "", `{"stored_fields":["title","_source"]}`, true, []string{"body", "product.name"}},
		{"one stored field", "", `{"stored_fields":"title"}`, true, []string{"body", "product.name"}},
		{"a stored field in the URL", "stored_fields=title,x", "", true, []string{"body", "product.name"}},
		{"a doc value", "", `{"docvalue_fields":[{"field":"title"},"b*"]}`, true, []string{"product.name"}},
		{"a doc value in the URL", "docvalue_fields=title", `{}`, true, []string{"body", "product.name"}},
		{"a script field", "", `{"script_fields":{"title":{"script":"1"}}}`, true, []string{"body", "product.name"}},
		{"a string", "", `{"fields":"title"}`, false, nil},
		{"a number", "", `{"fields":[3]}`, false, nil},
		{"an object without a field", "", `{"fields":[{"format":"x"}]}`, false, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := parsed(t, c.url, c.body)
			patterns, ok := askedFields(s.params, s.doc, s.top)
			if ok != c.ok {
				t.Fatalf("read: %v, want %v", ok, c.ok)
			}
			var added []string
			for _, path := range []string{"title", "body", "product.name"} {
				if !slices.ContainsFunc(patterns, func(p string) bool { return glob(p, path) }) {
					added = append(added, path)
				}
			}
			if ok && !slices.Equal(added, c.added) {
				t.Errorf("added %v, want %v", added, c.added)
			}
		})
	}
}
