package proxy

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestPlainHTML(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"no HTML", "a  b\n\nc > d", "a  b\n\nc > d"},
		{"entities", "caf&eacute; &amp; &#x1F98A; &lt;b&gt; &nbsp;x", "café & 🦊 <b> x"},
		{"an entity that is none", "AT&T &nosuch; R&D", "AT&T &nosuch; R&D"},
		{"inside a line", "f<b>o</b>x <i>den</i><a href='x'>s</a>", "fox dens"},
		{"blocks", "<h1>Fox</h1><p>lives<br>in a <em>den</em></p>\n\n<ul><li>one<li>two</ul>", "Fox\nlives\nin a den\none\ntwo"},
		{"a table", "<table><tr><td>a</td><td>b</td></tr><tr><th>c<th>d</table>", "a b\nc d"},
		{"white space", "<p>\n  a\t\tb \n c  </p>  ", "a b c"},
		{"scripts and styles", "a<script>if (x < y) { '</p>' }</script>b<style>p > a {}</style> c", "ab c"},
		{"a script without its end", "a <script>b c", "a"},
		{"hidden elements", "a <template><p>x</p><template>y</template>z</template> b<noscript>n</noscript><iframe>i</iframe>", "a b"},
		{"a title", "<head><title>Fox &amp; den</title></head><body>red</body>", "Fox & den\nred"},
		{"comments and declarations", "<!DOCTYPE html>a<!-- <p>x</p> -->b<?php y ?><![CDATA[z]]>c", "abc"},
		{"attributes with brackets", `<a title="x > y" alt='</a>'>fox</a>`, "fox"},
		{"capitals", "<P>a</P><SCRIPT>x</SCRIPT>b", "a\nb"},
		{"self-closing", "a<br/>b<hr />c<img src=x>d", "a\nb\nc d"},
		{"less than", "1 < 2 <= 3 <4", "1 < 2 <= 3 <4"},
		{"a tag without its end", "fox <a href=", "fox"},
		{"an unknown element", "a<my-tag>b</my-tag>c", "abc"},
		{"nothing to read", "<p></p>", ""},
		{"nothing", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := plainHTML(c.in); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

// FuzzHTML holds the text of HTML to being text, no longer than what it came from.
func FuzzHTML(f *testing.F) {
	for _, s := range []string{"<p>a&amp;b<script>x</script>", "<template><template></template>", "<!--<p>-->", "<![CDATA[", "&#0;&#x110000;&NotEqualTilde;", "<plaintext><p>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		got := plainHTML(s)
		if utf8.ValidString(s) && !utf8.ValidString(got) {
			t.Errorf("%q is no UTF-8", got)
		}
		if strings.ContainsAny(s, "<&") && (got != strings.TrimSpace(got) || strings.Contains(got, "  ")) {
			t.Errorf("white space stays: %q", got)
		}
		if len(got) > 4*len(s) { // a reference such as &ngE; is shorter than its two characters
			t.Errorf("%d bytes of %d", len(got), len(s))
		}
	})
}
