package rawjson

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"
)

// answer makes a search answer with n hits.
func answer(n int) string {
	var b strings.Builder
	b.WriteString(`{"took":3,"timed_out":false,"_shards":{"total":1,"successful":1},"hits":{"total":{"value":100,"relation":"eq"},"max_score":9.5,"hits":[`)
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"_index":"docs","_id":"%d","_score":%g,"_source":{"title":"a title \u00e9 \"%d\"","text":"%s","n":[1,2.5,%d]}}`,
			i, 9.5-float64(i)/20, i, strings.Repeat("some words of a passage, ", 12), 1<<60+i)
	}
	return b.String() + `]}}`
}

// collect turns a value into what json.Unmarshal makes of it, by the walkers alone.
func collect(doc []byte, v Span) (any, error) {
	switch KindOf(doc, v) {
	case Object:
		m := map[string]any{}
		for member, err := range Members(doc, v) {
			if err != nil {
				return nil, err
			}
			key, _ := Text(doc, member.Key)
			value, err := collect(doc, member.Value)
			if err != nil {
				return nil, err
			}
			m[key] = value
		}
		return m, nil
	case Array:
		a := []any{}
		for element, err := range Elements(doc, v) {
			if err != nil {
				return nil, err
			}
			value, err := collect(doc, element)
			if err != nil {
				return nil, err
			}
			a = append(a, value)
		}
		return a, nil
	case String:
		s, _ := Text(doc, v)
		return s, nil
	case Number:
		return json.Number(v.Of(doc)), nil
	case True, False:
		return KindOf(doc, v) == True, nil
	case Null:
		return nil, nil
	}
	return nil, fmt.Errorf("no value at %v", v)
}

func decode(t *testing.T, doc []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(doc))
	decoder.UseNumber()
	var v any
	if err := decoder.Decode(&v); err != nil {
		t.Fatalf("decode %q: %v", doc, err)
	}
	return v
}

func TestWalkersAgreeWithDecoder(t *testing.T) {
	for _, doc := range []string{
		answer(20), ` [ ] `, `{"a":{"b":[[],{},[{"c":null}]]},"":"","\u0061b":"\ud83d\ude00\ud800x\u0000"}`,
		`{"t":"\\","u":"\\\"","v":"[{\"","w":"]}"}`,
	} {
		got, err := collect([]byte(doc), Root([]byte(doc)))
		if want := decode(t, []byte(doc)); err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("walk of %q\n got %v (%v)\nwant %v", doc, got, err, want)
		}
	}
}

func TestMembersOfBrokenInput(t *testing.T) {
	for _, doc := range []string{
		``, `[]`, `1`, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":1,`, `{"a":1,}`, `{"a" 1}`, `{a:1}`, `{"a":[}`, `{"a":{"b":1]}`,
		`{"a":"x}`, `{"a":tru}`, `{"a":01}`,
	} {
		var last error
		count := 0
		for _, err := range Members([]byte(doc), Span{0, len(doc)}) {
			last = err
			count++
		}
		if last == nil {
			t.Errorf("Members(%q) told no error in %d members", doc, count)
		}
	}
	for _, doc := range []string{``, `{}`, `[`, `[1`, `[1,`, `[1,]`, `[1 2]`, `["a]`, `[[}]`} {
		var last error
		for _, err := range Elements([]byte(doc), Span{0, len(doc)}) {
			last = err
		}
		if last == nil {
			t.Errorf("Elements(%q) told no error", doc)
		}
	}
}

func TestWalkStops(t *testing.T) {
	doc := []byte(`{"a":1,"b":2,"c":3}`)
	var seen []string
	for m, err := range Members(doc, Root(doc)) {
		if err != nil {
			t.Fatal(err)
		}
		if seen = append(seen, string(m.Key.Of(doc))); len(seen) == 2 {
			break
		}
	}
	if fmt.Sprint(seen) != `["a" "b"]` {
		t.Errorf("saw %v", seen)
	}
	list := []byte(`[1,2,3]`)
	for e, err := range Elements(list, Root(list)) {
		if err != nil || string(e.Of(list)) != "1" {
			t.Errorf("first element %s, %v", e.Of(list), err)
		}
		break
	}
}

func TestGet(t *testing.T) {
	doc := []byte(` {"a":{"b":{"c":[1]}},"a":{"b":2},"\u0071uery":true} `)
	for _, tt := range []struct {
		path []string
		want string
	}{
		{nil, `{"a":{"b":{"c":[1]}},"a":{"b":2},"\u0071uery":true}`},
		{[]string{"a", "b", "c"}, "[1]"}, {[]string{"query"}, "true"}, {[]string{"a", "x"}, ""}, {[]string{"query", "x"}, ""},
	} {
		got, found := Get(doc, Root(doc), tt.path...)
		if found != (tt.want != "") || found && string(got.Of(doc)) != tt.want {
			t.Errorf("Get %v = %q, %v", tt.path, got.Of(doc), found)
		}
	}
}

func TestText(t *testing.T) {
	for _, tt := range []struct {
		doc, want string
		ok        bool
	}{
		{`"plain"`, "plain", true}, {`""`, "", true}, {`"\u0071\"\\\/\b\f\n\r\t"`, "q\"\\/\b\f\n\r\t", true},
		{`"\ud83d\ude00"`, "😀", true}, {`"\ud83d"`, "\ufffd", true}, {`"\ude00\ud83d"`, "\ufffd\ufffd", true},
		{`"\ud83dx"`, "\ufffdx", true}, {`"\ud83d\u0041"`, "\ufffdA", true}, {`"a\u0000b"`, "a\x00b", true},
		{"\"a\xffb\"", "a\ufffdb", true}, {`1`, "", false}, {`"`, "", false}, {``, "", false},
	} {
		got, ok := Text([]byte(tt.doc), Span{0, len(tt.doc)})
		if got != tt.want || ok != tt.ok {
			t.Errorf("Text(%s) = %q, %v; want %q, %v", tt.doc, got, ok, tt.want, tt.ok)
		}
		appended, ok := AppendText([]byte("x"), []byte(tt.doc), Span{0, len(tt.doc)})
		if string(appended) != "x"+tt.want || ok != tt.ok {
			t.Errorf("AppendText(%s) = %q, %v", tt.doc, appended, ok)
		}
	}
}

func TestKeyIs(t *testing.T) {
	for _, tt := range []struct {
		key, name string
		want      bool
	}{
		{`"query"`, "query", true}, {`"\u0071uery"`, "query", true}, {`"\u0071uery"`, "queri", false},
		{`"q"`, "query", false}, {`"\\"`, `\`, true}, {`""`, "", true}, {`"\n"`, "query", false},
	} {
		if got := KeyIs([]byte(tt.key), Span{0, len(tt.key)}, tt.name); got != tt.want {
			t.Errorf("KeyIs(%s, %q) = %v", tt.key, tt.name, got)
		}
	}
}

func TestAppendQuoted(t *testing.T) {
	for _, s := range []string{"", "plain", "q\"\\/\b\f\n\r\t\x00\x1f", "é😀\u2028", "a\xffb"} {
		quoted := AppendQuoted(nil, s)
		var back string
		if err := json.Unmarshal(quoted, &back); err != nil || back != strings.ToValidUTF8(s, "\ufffd") {
			t.Errorf("AppendQuoted(%q) = %s: %q, %v", s, quoted, back, err)
		}
	}
}
