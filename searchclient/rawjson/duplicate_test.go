package rawjson

import (
	"fmt"
	"strings"
	"testing"
)

func TestDuplicate(t *testing.T) {
	var many strings.Builder
	many.WriteByte('{')
	for i := range 5000 {
		fmt.Fprintf(&many, `"key%d":{"a":1,"b":2},`, i)
	}
	tests := []struct {
		name, doc, key string
		at             int // -1: none
	}{
		{"none", `{"a":1,"b":{"a":2,"c":[{"a":3},{"a":4}]}}`, "", -1},
		{"at the root", `{"a":1,"b":2,"a":3}`, "a", 13},
		{"by an escape", `{"query":1,"\u0071uery":2}`, "query", 11},
		{"deep", `[{"x":[{"k":1,"k":2}]}]`, "k", 14},
		{"after a nested object", `{"a":{"b":{"c":1}},"d":1,"a":1}`, "a", 25},
		{"the first of two", `{"a":{"b":1,"b":2},"a":3}`, "b", 12},
		{"values are not keys", `{"a":"b","b":"a","c":["a","a"]}`, "", -1},
		{"colon in a string", `{"a":"x:","b":"a\":"}`, "", -1},
		{"empty key", `{"":1,"":2}`, "", 6},
		{"many, none", many.String() + `"end":1}`, "", -1},
		{"many, last", many.String() + `"key4999":1}`, "key4999", many.Len()},
		{"many, early", many.String() + `"\u006bey3":1}`, "key3", many.Len()},
		{"same object twice", `[{"a":1},{"a":1}]`, "", -1},
		{"broken", `}{"a":1,"a"`, "", -1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			key, at, ok := Duplicate([]byte(tt.doc))
			if ok != (tt.at >= 0) || ok && (at != tt.at || key != tt.key) {
				t.Errorf("Duplicate = %q, %d, %v; want %q, %d", key, at, ok, tt.key, tt.at)
			}
		})
	}
}
