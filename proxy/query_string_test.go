package proxy

import (
	"strings"
	"testing"
)

func TestQueryStringOperatorsAreRemoved(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"plain words stay", "plain words stay"},
		{`"exact phrase" and more`, "exact phrase and more"},
		{`"escaped \" quote"`, `escaped " quote`},
		{`"near words"~3^2`, "near words"},
		{`an open " quote`, "an open quote"},
		{"title:quick", "quick"},
		{`title:"quick fox"^2 body:dog`, "quick fox dog"},
		{"title: spaced", "spaced"},
		{"title:(quick OR brown) fox", "quick brown fox"},
		{`book.\*:(quick)`, "quick"},
		{"quick AND brown OR fox", "quick brown fox"},
		{"quick && brown || fox", "quick brown fox"},
		{"quick&&brown||fox", "quick brown fox"},
		{"AT&T", "AT&T"},
		{"and or not stay in small letters", "and or not stay in small letters"},
		{"quick NOT brown fox", "quick fox"},
		{"quick -brown fox", "quick fox"},
		{"quick !brown fox", "quick fox"},
		{"quick - brown fox", "quick brown fox"},
		{"quick NOT  brown fox", "quick fox"},
		{"quick AND NOT brown", "quick"},
		{`quick -"brown fox" jumps`, "quick jumps"},
		{"quick -(brown (red) fox) jumps", "quick jumps"},
		{"quick NOT (brown OR red)^2 jumps", "quick jumps"},
		{"quick -color:brown jumps", "quick jumps"},
		{"quick -color:(brown red) jumps", "quick jumps"},
		{"+quick +brown", "quick brown"},
		{"well-known c++ hello!", "well-known c++ hello!"},
		{"boosted^2 words^0.5", "boosted words"},
		{"fuzzy~ words~2 here~0.8", "fuzzy words here"},
		{"(quick brown)^3 fox", "quick brown fox"},
		{"qu?ck bro* fox", "bro fox"},
		{"*", ""},
		{"*:*", ""},
		{"what is this?", "what is this"},
		{"date:[2020 TO 2021] fox", "fox"},
		{"date:{* TO 2021] fox", "fox"},
		{"age:>=10 fox", "fox"},
		{"age:>10 age:(>=1 AND <5) fox", "fox"},
		{"_exists_:title fox", "fox"},
		{"/joh?n(ath[oa]n)/ fox", "fox"},
		{"name:/joh?n/ fox", "fox"},
		{"name:/joh?n/^2 fox", "fox"},
		{"either/or and/or", "either/or and/or"},
		{"/usr/bin/env", "/usr/bin/env"},
		{`1\+1\=2`, "1+1=2"},
		{`\AND`, "AND"},
		{`back\`, "back"},
		{"((((", ""},
		{"))))fox", "fox"},
		{"]}fox", "fox"},
		{"NOT", ""},
		{"-", ""},
		{"naïve 東京 🦊", "naïve 東京 🦊"},
	} {
		if got := plainQueryString(c.in); got != c.want {
			t.Errorf("plainQueryString(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

func TestSimpleQueryStringOperatorsAreRemoved(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{`"fried eggs" +(eggplant | potato) -frittata`, "fried eggs eggplant potato"},
		{"quick|brown", "quick brown"},
		{"quick - brown", "quick brown"},
		{"quick --brown", "quick brown"},
		{"quick -(brown fox) jumps", "quick jumps"},
		{`quick -"brown fox" jumps`, "quick jumps"},
		{"title:quick AND brown NOT fox", "title:quick AND brown NOT fox"},
		{"pref* fuzz~2 \"near by\"~4", "pref fuzz near by"},
		{`literal \-minus`, "literal -minus"},
		{"well-known c++", "well-known c++"},
		{"what is this?", "what is this?"},
		{"/usr/bin [a TO b] x^2", "/usr/bin [a TO b] x^2"},
	} {
		if got := plainSimpleQueryString(c.in); got != c.want {
			t.Errorf("plainSimpleQueryString(%q) = %q, want %q", c.in, got, c.want)
		}
	}
}

// BenchmarkPlainQueryString shows MB/s on texts made to be scanned again and again; each must be near that of words, or the
// scanner is not linear (an unclosed "[" once cost 11 s for 100 KB).
func BenchmarkPlainQueryString(b *testing.B) {
	for _, unit := range []string{"words ", "[", "/", `"\`, "(", "a:", "~1a", `\"`, "{a", `"a`, "*a ", `/\/`} {
		text := strings.Repeat(unit, 4*maxQueryBytes/len(unit))
		b.Run(unit, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				plainQueryString(text)
			}
		})
	}
}
