package demo

import (
	"strings"
	"testing"
	"time"
)

func TestCompareMarksMoves(t *testing.T) {
	before := Order{Name: "BM25", Took: 3 * time.Millisecond, Hits: []Hit{{"a", "Alpha"}, {"b", "Beta"}, {"c", "Gamma, with a title that is much too long for its column"}, {"d", "Delta"}}}
	after := Order{Name: "resift", Took: 42 * time.Millisecond, Hits: []Hit{{"d", "Delta"}, {"b", "Beta"}, {"e", "Epsilon"}, {"a", "Alpha"}}}
	var b strings.Builder
	if err := Compare(&b, "which letter", before, after, 4, 80); err != nil {
		t.Fatal(err)
	}
	want := `
  “which letter”
  BM25, 3 ms                             resift, 42 ms
   1        Alpha                         1  ▲3    Delta
   2        Beta                          2  =     Beta
   3        Gamma, with a title that is…  3  new   Epsilon
   4        Delta                         4  ▼3    Alpha
`
	if b.String() != want {
		t.Errorf("got\n%s\nwant\n%s", b.String(), want)
	}
}

func TestCompareOfShortLists(t *testing.T) {
	var b strings.Builder
	if err := Compare(&b, "q", Order{Name: "a"}, Order{Name: "b", Hits: []Hit{{"x", "X"}}}, 3, 10); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(b.String(), "1  new   X") {
		t.Error(b.String())
	}
}
