package rawjson

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestCheck(t *testing.T) {
	tests := []struct {
		name, doc string
		offset    int // -1: valid
	}{
		{"empty object", "{}", -1},
		{"space around", " \t\r\n[ ] \n", -1},
		{"every kind", `{"a":[1,-0.5e+10,"x",true,false,null,{}]}`, -1},
		{"escapes", `"\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"`, -1},
		{"lone surrogate", `"\ud800"`, -1},
		{"big number", `123456789012345678901234567890`, -1},
		{"utf-8", `{"ключ":"値 😀"}`, -1},
		{"repeated key", `{"a":1,"a":2}`, -1},
		{"nothing", "", 0},
		{"only space", "  ", 2},
		{"byte order mark", "\xef\xbb\xbf{}", 0},
		{"two values", `{} {}`, 3},
		{"comment", `{/**/}`, 1},
		{"single quotes", `{'a':1}`, 1},
		{"bare key", `{a:1}`, 1},
		{"comma at the end of an object", `{"a":1,}`, 7},
		{"comma at the end of an array", `[1,]`, 3},
		{"missing comma", `[1 2]`, 3},
		{"missing colon", `{"a" 1}`, 5},
		{"missing value", `{"a":}`, 5},
		{"brackets cross", `[{]}`, 2},
		{"open string", `{"a`, 3},
		{"open string behind a backslash", `"a\`, 3},
		{"open object", `{"a":1`, 6},
		{"closing alone", `]`, 0},
		{"control character", "\"a\x01\"", 2},
		{"newline in a long string", `"` + strings.Repeat("x", 20) + "\n\"", 21},
		{"NUL outside", "{}\x00", 2},
		{"bad escape", `"\x"`, 1},
		{"short \\u", `"\u12"`, 1},
		{"bad \\u", `"\u12g4"`, 1},
		{"leading zero", `01`, 1},
		{"plus", `+1`, 0},
		{"point without digits", `1.`, 2},
		{"exponent without digits", `1e+`, 3},
		{"minus alone", `-`, 1},
		{"NaN", `NaN`, 0},
		{"half a literal", `[tru]`, 1},
		{"long literal", `nulls`, 4},
		{"invalid utf-8", "{\"a\":\"\xff\"}", 6},
		{"overlong utf-8", "\"\xc0\xaf\"", 1},
		{"raw surrogate", "\"\xed\xa0\x80\"", 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := Check([]byte(tt.doc), 100)
			if tt.offset < 0 {
				if err != nil {
					t.Fatalf("Check(%q) = %v", tt.doc, err)
				}
				return
			}
			var syntax *SyntaxError
			if !errors.As(err, &syntax) {
				t.Fatalf("Check(%q) = %v, want a *SyntaxError", tt.doc, err)
			}
			if syntax.Offset != tt.offset {
				t.Errorf("Check(%q) = %v, want offset %d", tt.doc, err, tt.offset)
			}
		})
	}
}

func TestCheckDepth(t *testing.T) {
	nested := func(n int) []byte { return []byte(strings.Repeat(`[{"a":`, n/2) + "1" + strings.Repeat("}]", n/2)) }
	for _, tt := range []struct {
		depth, limit int
		deep         bool
	}{
		{100, 100, false}, {102, 100, true}, {MaxDepth, MaxDepth, false}, {MaxDepth, 1 << 30, false},
		{MaxDepth + 2, 1 << 30, true}, {100_000, 1000, true}, {2, 0, true},
	} {
		if err := Check(nested(tt.depth), tt.limit); errors.Is(err, ErrTooDeep) != tt.deep || (err != nil) != tt.deep {
			t.Errorf("depth %d, limit %d: %v", tt.depth, tt.limit, err)
		}
	}
	deep := nested(100_000)
	if _, err := Skip(deep, 0); !errors.Is(err, ErrTooDeep) {
		t.Errorf("Skip of 100,000 levels: %v", err)
	}
	if _, _, found := Duplicate(deep); found {
		t.Error("Duplicate found something in nested objects with one key each")
	}
	unclosed := []byte(strings.Repeat(`{"a":`, 100_000))
	if err := Check(unclosed, 1000); !errors.Is(err, ErrTooDeep) {
		t.Errorf("100,000 levels that never close: %v", err)
	}
	for _, err := range Members(unclosed, Root(unclosed)) {
		if !errors.Is(err, ErrTooDeep) {
			t.Errorf("Members of 100,000 levels: %v", err)
		}
	}
}

func TestCheckAndMembersAllocateNothing(t *testing.T) {
	doc := []byte(answer(100))
	if n := testing.AllocsPerRun(10, func() {
		if Check(doc, 100) != nil {
			t.Fatal("not valid")
		}
		for m, err := range Members(doc, Root(doc)) {
			if err != nil || KeyIs(doc, m.Key, "absent") {
				t.Fatal(err)
			}
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// valid is the rule that Check is held to: encoding/json's grammar, UTF-8, and the depth.
func valid(doc []byte, limit int) bool {
	return json.Valid(doc) && utf8.Valid(doc) && depth(doc) <= limit
}

func depth(doc []byte) int {
	deepest, open, inString := 0, 0, false
	for i := 0; i < len(doc); i++ {
		switch c := doc[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			open++
			deepest = max(deepest, open)
		case c == '}' || c == ']':
			open--
		}
	}
	return deepest
}
