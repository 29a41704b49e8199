package proxy

import (
	"testing"
	"unicode/utf8"
)

func TestPlainKQL(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{`quick fox`, "quick fox"},
		{`title: quick`, "quick"},
		{`title : "quick brown" and fox`, "quick brown fox"},
		{`title: (quick or brown) AND year >= 1984`, "quick brown"},
		{`year < "2020-01-01" or fox`, "fox"},
		{`not dog and fox`, "fox"},
		{`fox and not title: (dog or cat) and den`, "fox den"},
		{`NOT "lazy dog" OR fox`, "fox"},
		{`title: *`, ""},
		{`ti*le: fox`, "fox"},
		{`fo* q*ck`, "fo"},
		{`items: { name: banana and not name: apple }`, "banana"},
		{`a\:b \and \"`, `a:b and "`},
		{`"unclosed words`, "unclosed words"},
		{`) } : fox < 3 den`, "den"},
		{`not`, ""},
		{``, ""},
	} {
		if got := plainKQL(c.in); got != c.want {
			t.Errorf("%s: %q, want %q", c.in, got, c.want)
		}
	}
}

// FuzzKQL holds plainKQL to ending, to text, and to no more of it than came in.
func FuzzKQL(f *testing.F) {
	for _, s := range []string{`title: (quick or "brown fox") and not year >= 3`, `{{)(:"\\`, `a*b not`, "\x00\xff<"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := plainKQL(s)
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q is no UTF-8", got)
		}
		if len(got) > len(s)+3*len(s) { // what is not UTF-8 becomes U+FFFD
			t.Errorf("%d bytes of %d", len(got), len(s))
		}
	})
}
