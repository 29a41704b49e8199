package yaml

import (
	"encoding/json"
	"reflect"
	"testing"

	syntax "go.yaml.in/yaml/v3"
)

const exampleFile = `
setup:
  - skip: {version: "8.0.0 - ", reason: later}
  - do:
      bulk:
        refresh: true
        body:
          - index: {_index: "a,b", _id: $id}
          - '{"n": 1}'
---
"A test":
  - do:
      catch: bad_request
      headers: {Accept: application/yaml}
      search:
        index: [a, "b c/d"]
        body: {query: {match: {t: "x ${id} y"}}, size: 3, z: 1.50, a: null, yes: true, d: 2014-03-05}
  - match: {hits.total: 1}
`

func TestParseAndFill(t *testing.T) {
	file, err := parseFile("example", []byte(exampleFile))
	if err != nil {
		t.Fatal(err)
	}
	if len(file.setup) != 2 || len(file.tests) != 1 || file.tests[0].name != "A test" || len(file.tests[0].steps) != 2 {
		t.Fatalf("%+v", file)
	}
	kept := stash{"id": json.Number("7")}
	bulk, err := parseCall(file.setup[1])
	if err != nil {
		t.Fatal(err)
	}
	lines := api{Body: &struct{ Serialize string }{"bulk"}}
	if got, want := string(kept.body(member(bulk.args, "body"), lines.lines())), `{"index":{"_index":"a,b","_id":7}}`+"\n"+`{"n": 1}`+"\n"; got != want {
		t.Errorf("bulk body\n%s want\n%s", got, want)
	}
	var searches map[string]api
	if err := json.Unmarshal([]byte(`{"search":{"url":{"paths":[{"path":"/_search","methods":["GET","POST"]},
		{"path":"/{index}/_search","methods":["GET","POST"],"parts":{"index":{}}}]},"params":{}}}`), &searches); err != nil {
		t.Fatal(err)
	}
	c, err := parseCall(file.tests[0].steps[0])
	if err != nil {
		t.Fatal(err)
	}
	r, _, err := searches["search"].request(c, kept)
	if err != nil {
		t.Fatal(err)
	}
	if c.catch != "bad_request" || r.method != "POST" || r.target != "/a,b%20c%2Fd/_search" || r.header.Get("Accept") != "application/yaml" {
		t.Errorf("%+v of %+v", r, c)
	}
	const want = `{"query":{"match":{"t":"x 7 y"}},"size":3,"z":1.50,"a":null,"yes":true,"d":"2014-03-05"}`
	if string(r.body) != want {
		t.Errorf("body\n%s want\n%s", r.body, want)
	}
	if window, like := r.window(); window != 3 || like != reordered {
		t.Errorf("window %d, %v", window, like)
	}
}

func TestSkipped(t *testing.T) {
	for ranges, want := range map[string]bool{
		" - 6.99.99": false, " - 7.10.2": true, "7.10.0 - ": true, "7.11.0 - ": false, "all": true, "6.0.0 - 6.1.0, 7.0.0 - 7.99.0": true,
	} {
		got, err := inRanges(ranges, [3]int{7, 10, 2})
		if err != nil || got != want {
			t.Errorf("%q: %v %v", ranges, got, err)
		}
	}
	for _, bad := range []string{"7.1.0", "7.x - 8.0", "1.2.3.4 - "} {
		if _, err := inRanges(bad, [3]int{7, 10, 2}); err == nil {
			t.Errorf("%q is read", bad)
		}
	}
}

// TestHolds holds the assertions to what is true and what is not.
func TestHolds(t *testing.T) {
	const body = `{"a":{"b.c":[1,{"d":"text here"}]},"n":3.0,"zero":0,"list":[{"x":1,"y":2}],"empty":""}`
	for text, want := range map[string]bool{
		`match: {n: 3}`: true, `match: {n: 4}`: false, `match: {a.b\.c.0: 1}`: true, `match: {a.b\.c.1.d: "text here"}`: true,
		`match: {a.b\.c.1.d: "/t e x t\\s+here  # a comment/"}`: true, `match: {a.b\.c.1.d: /nothing/}`: false,
		`match: {a.b\.c.5: 1}`: false, `length: {a.b\.c: 2}`: true, `length: {list: 2}`: false, `is_true: n`: true, `is_true: zero`: false,
		`is_false: nothing`: true, `is_false: n`: false, `is_true: empty`: false, `gt: {n: 2}`: true, `gt: {n: 3}`: false, `gte: {n: 3}`: true, `lt: {n: 3}`: false,
		`lte: {n: 3}`: true, `contains: {list: {x: 1}}`: true, `contains: {list: {x: 2}}`: false, `match: {$body: /text/}`: true,
	} {
		var doc syntax.Node
		if err := syntax.Unmarshal([]byte("- "+text), &doc); err != nil {
			t.Fatal(err)
		}
		steps, err := parseSteps(doc.Content[0])
		if err != nil {
			t.Fatal(err)
		}
		said := answer{"GET", 200, map[string][]string{"Content-Type": {"application/json"}}, []byte(body)}
		if got, err := holds(steps[0], said, stash{}); err != nil || got != want {
			t.Errorf("%s: %v %v", text, got, err)
		}
	}
}

func TestLeaves(t *testing.T) {
	doc, err := decode([]byte(`{"a":"x","b":{"c":[{"d":1},{"e":["y"]}]},"f":true,"g":null}`))
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	leaves(doc, "", func(path string) { seen[path] = true })
	if want := map[string]bool{"a": true, "b.c.d": true, "b.c.e": true}; !reflect.DeepEqual(seen, want) {
		t.Errorf("%v", seen)
	}
}
