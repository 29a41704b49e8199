package rawjson

import (
	"encoding/json"
	"errors"
	"testing"
)

func TestMemberEdits(t *testing.T) {
	set := func(name, value string) func(*Edits, []byte, Span) {
		return func(e *Edits, doc []byte, obj Span) { e.SetMember(doc, obj, name, []byte(value)) }
	}
	del := func(name string) func(*Edits, []byte, Span) {
		return func(e *Edits, doc []byte, obj Span) { e.DeleteMember(doc, obj, name) }
	}
	type edit = func(*Edits, []byte, Span)
	tests := []struct {
		name, doc string
		edits     []edit
		want      string
	}{
		{"none", ` {"a":1} `, nil, ` {"a":1} `},
		{"replace", `{"a":1,"b":2}`, []edit{set("a", "[]")}, `{"a":[],"b":2}`},
		{"append", `{"a":1}`, []edit{set("b", "2"), set("c", "3")}, `{"a":1,"b":2,"c":3}`},
		{"append to empty", `{ }`, []edit{set("b", "2"), set("c", "3")}, `{"b":2,"c":3 }`},
		{"delete the only", `{ "a" : 1 }`, []edit{del("a")}, `{  }`},
		{"delete first", `{"a":1, "b":2}`, []edit{del("a")}, `{"b":2}`},
		{"delete last", `{"a":1 ,"b":2}`, []edit{del("b")}, `{"a":1}`},
		{"delete middle", `{"a":1,"b":2,"c":3}`, []edit{del("b")}, `{"a":1,"c":3}`},
		{"delete two neighbours", `{"a":1,"b":2,"c":3}`, []edit{del("a"), del("b")}, `{"c":3}`},
		{"delete ends", `{"a":1,"b":2,"c":3}`, []edit{del("a"), del("c")}, `{"b":2}`},
		{"delete all", `{"a":1,"b":2,"c":3}`, []edit{del("c"), del("a"), del("b")}, `{}`},
		{"delete all, append", `{"a":1,"b":2}`, []edit{del("a"), del("b"), set("c", "3")}, `{"c":3}`},
		{"delete last, append", `{"a":1,"b":2}`, []edit{del("b"), set("c", "3")}, `{"a":1,"c":3}`},
		{"replace, delete next, append", `{"a":1,"b":2}`, []edit{set("a", "9"), del("b"), set("c", "3")}, `{"a":9,"c":3}`},
		{"delete what is not there", `{"a":1}`, []edit{del("x")}, `{"a":1}`},
		{"repeated, set", `{"a":1,"b":2,"a":3}`, []edit{set("a", "9")}, `{"a":9,"b":2}`},
		{"repeated, deleted", `{"a":1,"b":2,"a":3}`, []edit{del("a")}, `{"b":2}`},
		{"last edit holds", `{"a":1}`, []edit{del("a"), set("a", "2"), set("a", "3")}, `{"a":3}`},
		{"escaped key", `{"\u0061":1}`, []edit{set("a", "2")}, `{"\u0061":2}`},
		{"name to escape", `{}`, []edit{set("a\"\n", "2")}, `{"a\"\n":2}`},
		{"pretty", "{\n  \"a\" : 1\n}", []edit{set("b", "2")}, "{\n  \"a\" : 1,\n  \"b\" : 2\n}"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			doc := []byte(tt.doc)
			var e Edits
			for _, f := range tt.edits {
				f(&e, doc, Root(doc))
			}
			got, err := e.Apply(doc)
			if err != nil || string(got) != tt.want {
				t.Errorf("got %s (%v), want %s", got, err, tt.want)
			}
			if !json.Valid(got) {
				t.Errorf("not JSON: %s", got)
			}
			if string(doc) != tt.doc {
				t.Errorf("the document itself changed: %s", doc)
			}
		})
	}
}

func TestEditsInSeveralPlaces(t *testing.T) {
	doc := []byte(`{"query":{"match":{"t":"x"}},"size":10,"ext":{"a":1,"resift":{}}}`)
	root := Root(doc)
	query, _ := Get(doc, root, "query")
	ext, _ := Get(doc, root, "ext")
	var e Edits
	e.SetMember(doc, root, "size", []byte("100"))
	e.DeleteMember(doc, ext, "resift")
	e.SetMember(doc, root, "from", []byte("0"))
	e.Insert(query.Start, []byte(`{"bool":{"must":`))
	e.Insert(query.End, []byte(`}`))
	e.Insert(query.End, []byte(`}`))
	got, err := e.Apply(doc)
	want := `{"query":{"bool":{"must":{"match":{"t":"x"}}}},"size":100,"ext":{"a":1},"from":0}`
	if err != nil || string(got) != want {
		t.Errorf("got %s (%v)\nwant %s", got, err, want)
	}
}

func TestEditErrors(t *testing.T) {
	doc := []byte(`{"a":{"b":1},"c":[]}`)
	root := Root(doc)
	a, _ := Get(doc, root, "a")
	c, _ := Get(doc, root, "c")
	tests := []struct {
		name    string
		edit    func(*Edits)
		overlap bool
	}{
		{"replaced twice", func(e *Edits) { e.Replace(a, nil); e.Replace(a, nil) }, true},
		{"inside what goes", func(e *Edits) { e.DeleteMember(doc, root, "a"); e.SetMember(doc, a, "b", []byte("2")) }, true},
		{"insertion inside", func(e *Edits) { e.Replace(a, nil); e.Insert(a.Start+1, nil) }, true},
		{"outside", func(e *Edits) { e.Insert(len(doc)+1, nil) }, false},
		{"backwards", func(e *Edits) { e.Replace(Span{3, 2}, nil) }, false},
		{"member of an array", func(e *Edits) { e.SetMember(doc, c, "x", nil) }, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var e Edits
			tt.edit(&e)
			if _, err := e.Apply(doc); err == nil || errors.Is(err, ErrOverlap) != tt.overlap {
				t.Errorf("Apply = %v", err)
			}
		})
	}
}

func TestAppendSpan(t *testing.T) {
	doc := []byte(`[{"a":1},{"b":2}]`)
	var e Edits
	var got []byte
	for v, err := range Elements(doc, Root(doc)) {
		if err != nil {
			t.Fatal(err)
		}
		e.Reset()
		e.SetMember(doc, v, "c", []byte("3"))
		if got, err = e.AppendSpan(append(got, ' '), doc, v); err != nil {
			t.Fatal(err)
		}
	}
	if want := ` {"a":1,"c":3} {"b":2,"c":3}`; string(got) != want {
		t.Errorf("got %s, want %s", got, want)
	}
	e.Reset()
	e.Insert(0, []byte("x"))
	if _, err := e.AppendSpan(nil, doc, Span{1, 8}); err == nil {
		t.Error("an edit before the span was accepted")
	}
	e.Reset()
	if got, err := e.AppendSpan(nil, doc, Span{1, 8}); err != nil || string(got) != `{"a":1}` {
		t.Errorf("no edits: %s, %v", got, err)
	}
}
