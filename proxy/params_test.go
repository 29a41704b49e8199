package proxy

import (
	"strconv"
	"strings"
	"testing"
)

func TestParamsAreReadOnlyWhereEveryEngineReadsThemAlike(t *testing.T) {
	for _, c := range []struct {
		name, raw string
		ok        bool
	}{
		{"empty", "", true},
		{"plain", "q=a&size=3", true},
		{"empty segments", "&&q=a&", true},
		{"without a value", "pretty&human", true},
		{"equals sign in a value", "q=a=b", true},
		{"escapes and plus", "q=a+b%20c", true},
		{"twice", "size=1&size=2", false},
		{"twice, once escaped", "size=1&si%7ae=2", false},
		{"semicolon", "size=1;from=2", false},
		{"semicolon in a value", "q=a;b", false},
		{"escaped semicolon", "q=a%3Bb", true},
		{"fragment", "q=a#b", false},
		{"broken escape", "q=%zz", false},
		{"doubled percent sign", "q=100%%", false},
		{"cut escape", "q=%2", false},
		{"no name", "=a", false},
		{"not UTF-8", "q=%ff", false},
		{"as many as may be", distinct(maxParams), true},
		{"more", distinct(maxParams + 1), false},
	} {
		if _, ok := parseParams(c.raw); ok != c.ok {
			t.Errorf("%s: %q read: %v, want %v", c.name, c.raw, ok, c.ok)
		}
	}
}

func distinct(n int) string {
	var names []string
	for i := range n {
		names = append(names, "p"+strconv.Itoa(i))
	}
	return strings.Join(names, "&")
}

func TestParamsKeepTheirBytes(t *testing.T) {
	ps, ok := parseParams("q=a%20b+c&pretty&size=3&x=%C3%A9")
	if !ok {
		t.Fatal("not read")
	}
	if v, _ := ps.get("q"); v != "a b c" {
		t.Errorf("q = %q", v)
	}
	for _, c := range []struct {
		what string
		got  params
		want string
	}{
		{"unchanged", ps, "q=a%20b+c&pretty&size=3&x=%C3%A9"},
		{"replaced in place", ps.with("size", "100"), "q=a%20b+c&pretty&size=100&x=%C3%A9"},
		{"added at the end", ps.with("from", "0"), "q=a%20b+c&pretty&size=3&x=%C3%A9&from=0"},
		{"taken out", ps.without("pretty"), "q=a%20b+c&size=3&x=%C3%A9"},
		{"escaped", ps.with("x", "a&b;c"), "q=a%20b+c&pretty&size=3&x=a%26b%3Bc"},
	} {
		if got := c.got.encode(); got != c.want {
			t.Errorf("%s: %q, want %q", c.what, got, c.want)
		}
	}
}
