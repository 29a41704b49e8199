package rawjson

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
)

func seeds(f *testing.F) {
	for _, doc := range []string{
		``, `{}`, ` [1,-0.5e+3,"\u00e9\ud83d\ude00\ud800",true,false,null,{"a":{}}] `, `{"a":1,"\u0061":2}`, answer(2),
		"{\n  \"query\" : { \"match\" : { \"t\" : \"a \\\"b\\\" \\\\\" } },\n  \"size\" : 10\n}", `{"a":[}`, "\"\xff\"", `[[[[[[]]]]]]`,
		`{"a":1,"b":2,"c":3}`, `1e5`, `"\`, `{"a`, "{\"a\":\"\x01\"}",
	} {
		f.Add([]byte(doc))
	}
}

// FuzzCheck holds Check to encoding/json, and the walkers to json.Decoder.
func FuzzCheck(f *testing.F) {
	seeds(f)
	const limit = 50
	f.Fuzz(func(t *testing.T, doc []byte) {
		err := Check(doc, limit)
		if want := valid(doc, limit); (err == nil) != want {
			t.Fatalf("Check = %v, encoding/json says valid = %v", err, want)
		}
		if err != nil {
			var syntax *SyntaxError
			if !errors.As(err, &syntax) || syntax.Offset < 0 || syntax.Offset > len(doc) {
				t.Fatalf("error %v", err)
			}
			for m, err := range Members(doc, Root(doc)) { // may say anything, may not panic
				if err == nil {
					Text(doc, m.Key)
				}
			}
			Duplicate(doc)
			return
		}
		got, err := collect(doc, Root(doc))
		if want := decode(t, doc); err != nil || !reflect.DeepEqual(got, want) {
			t.Fatalf("walk: %v (%v)\nwant %v", got, err, want)
		}
		if _, _, found := Duplicate(doc); found != repeats(doc, Root(doc)) {
			t.Fatalf("Duplicate says %v", found)
		}
	})
}

// repeats finds a repeated key the plain way.
func repeats(doc []byte, v Span) bool {
	switch KindOf(doc, v) {
	case Object:
		known := map[string]bool{}
		for m := range Members(doc, v) {
			key, _ := Text(doc, m.Key)
			if known[key] || repeats(doc, m.Value) {
				return true
			}
			known[key] = true
		}
	case Array:
		for e := range Elements(doc, v) {
			if repeats(doc, e) {
				return true
			}
		}
	}
	return false
}

// FuzzEdits sets and deletes members of a document's root and compares with the same done to a decoded map.
func FuzzEdits(f *testing.F) {
	seeds(f)
	f.Fuzz(func(t *testing.T, doc []byte) {
		if Check(doc, 50) != nil || KindOf(doc, Root(doc)) != Object {
			return
		}
		want := decode(t, doc).(map[string]any)
		var e Edits
		i := 0
		for m := range Members(doc, Root(doc)) {
			name, _ := Text(doc, m.Key)
			switch i % 3 {
			case 0:
				e.DeleteMember(doc, Root(doc), name)
				delete(want, name)
			case 1:
				e.SetMember(doc, Root(doc), name, []byte(`"set"`))
				want[name] = "set"
			}
			i++
		}
		e.SetMember(doc, Root(doc), "\x00new", []byte(`[]`))
		want["\x00new"] = []any{}
		got, err := e.Apply(doc)
		if err != nil || !json.Valid(got) {
			t.Fatalf("Apply = %q, %v", got, err)
		}
		if !reflect.DeepEqual(decode(t, got), any(want)) {
			t.Fatalf("Apply = %s\nwant %v", got, want)
		}
	})
}
