package proxy

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// plainQueryString takes the operators of the query_string syntax (Lucene's classic QueryParser, as engines extend it) out of a
// text, so that what a person meant remains:
//
//   - quotes, parentheses, "+", "&&", "||", AND, OR, boosts (^2) and fuzziness (~, ~2) go; the words stay;
//   - what NOT, or a "-" or "!" right before it, excludes goes, be it a word, a phrase or a group;
//   - "field:" goes and its value stays; _exists_:field, ranges (field:[a TO b], field:>=3) and /regular expressions/ go;
//   - a "*" or "?" at the end of a word goes; a word with one elsewhere goes as a whole;
//   - "\x" gives x.
//
// It reads any text: what is not well formed loses its operators as far as they are recognised.
func plainQueryString(s string) string {
	p := operatorScanner{in: []rune(truncate(s, 4*maxQueryBytes)), classic: true}
	return p.scan()
}

// plainSimpleQueryString does the same for simple_query_string (Lucene's SimpleQueryParser), where only "+", "|", "-" before a
// word, quotes, parentheses, "*" at the end of a word, "~N" and "\" are operators.
func plainSimpleQueryString(s string) string {
	p := operatorScanner{in: []rune(truncate(s, 4*maxQueryBytes))}
	return p.scan()
}

type operatorScanner struct {
	in      []rune
	at      int
	classic bool

	out     []string
	open    bool   // no range is closed from here on
	negate  bool   // the next clause is excluded
	sign    bool   // by a sign, which must touch it, not by NOT
	dropped []bool // for each open group: is what it holds excluded?
}

func (p *operatorScanner) scan() string {
	for p.at < len(p.in) {
		switch c := p.in[p.at]; {
		case unicode.IsSpace(c):
			if p.at++; p.sign { // a sign that stands alone is no operator
				p.negate, p.sign = false, false
			}
		case c == '(':
			p.at++
			p.dropped = append(p.dropped, p.excluded())
			p.negate, p.sign = false, false
		case c == ')':
			p.at++
			p.closeGroup()
		case c == '-' || p.classic && c == '!':
			p.at++
			p.negate, p.sign = !p.negate || p.classic, true
		case c == '+' || c == '|' || p.classic && c == '&':
			p.at++
		case c == '"':
			p.phrase()
		case p.classic && (c == '[' || c == '{'):
			p.skipRange()
		case p.classic && c == '/' && p.regexEnd() > 0:
			p.at = p.regexEnd()
			p.skipSuffix()
			p.negate, p.sign = false, false
		default:
			p.word()
		}
	}
	return strings.Join(p.out, " ")
}

// excluded tells whether a clause that starts here is excluded: by its own sign, or by a group around it.
func (p *operatorScanner) excluded() bool {
	return p.negate || len(p.dropped) > 0 && p.dropped[len(p.dropped)-1]
}

func (p *operatorScanner) closeGroup() {
	if len(p.dropped) > 0 {
		p.dropped = p.dropped[:len(p.dropped)-1]
	}
	p.negate, p.sign = false, false
	p.skipSuffix()
}

func (p *operatorScanner) emit(text string) {
	if text != "" && !p.excluded() {
		p.out = append(p.out, text)
	}
	p.negate, p.sign = false, false
}

// phrase reads from a quote to the next, or takes a lone quote for white space.
func (p *operatorScanner) phrase() {
	text, next, ok := quotedPhrase(p.in, p.at)
	if p.at = next; ok {
		p.skipSuffix()
		p.emit(collapse(text))
	}
}

// quotedPhrase reads from the quote at offset at to the next one that is not escaped, and returns what stands between and where it
// goes on. Without another quote it answers false, and goes on behind the first.
func quotedPhrase(in []rune, at int) (text string, next int, ok bool) {
	var b strings.Builder
	for i := at + 1; i < len(in); i++ {
		switch c := in[i]; {
		case c == '\\' && i+1 < len(in):
			i++
			b.WriteRune(in[i])
		case c == '"':
			return b.String(), i + 1, true
		default:
			b.WriteRune(c)
		}
	}
	return "", at + 1, false
}

// word reads a word with all that hangs on it.
func (p *operatorScanner) word() {
	start := p.at
	var b strings.Builder
	wild := -1 // where in the word the first wildcard stands
	escaped := false
	length := 0
	for p.at < len(p.in) && !p.endsWord() {
		c := p.in[p.at]
		switch {
		case c == '\\' && p.at+1 < len(p.in):
			p.at++
			c, escaped = p.in[p.at], true
		case c == '\\':
			p.at++
			continue
		case p.classic && c == ':':
			p.at++
			p.fieldValue(b.String())
			return
		case c == '*' || p.classic && c == '?':
			if wild < 0 {
				wild = length
			}
			p.at++
			length++
			continue
		}
		b.WriteRune(c)
		length++
		p.at++
	}
	if p.at == start { // a closing bracket or a sign where none belongs
		p.at++
		return
	}
	p.skipSuffix()
	p.emitWord(b.String(), wild, escaped)
}

// emitWord knows the written operators, and what wildcards make of a word.
func (p *operatorScanner) emitWord(word string, wild int, escaped bool) {
	if p.classic && !escaped && wild < 0 {
		switch word {
		case "AND", "OR":
			return
		case "NOT":
			p.negate, p.sign = true, false
			return
		}
	}
	if p.classic && (wild >= 0 && wild < utf8.RuneCountInString(word) || !escaped && startsRange(word)) {
		word = "" // a wildcard inside, or a bound as in age:(>=10 AND <20): there is no word to read
	}
	p.emit(word)
}

func startsRange(word string) bool {
	return strings.HasPrefix(word, ">") || strings.HasPrefix(word, "<")
}

// endsWord tells whether the character here cannot be part of a word.
func (p *operatorScanner) endsWord() bool {
	c := p.in[p.at]
	if unicode.IsSpace(c) || strings.ContainsRune(`"()`, c) {
		return true
	}
	if c == '~' {
		return p.suffixEnd() > 0
	}
	if !p.classic {
		return c == '|'
	}
	return c == '^' && p.suffixEnd() > 0 || strings.ContainsRune("[]{}", c) || p.doubled('&') || p.doubled('|')
}

func (p *operatorScanner) doubled(c rune) bool {
	return p.in[p.at] == c && p.at+1 < len(p.in) && p.in[p.at+1] == c
}

// fieldValue decides about what stands behind "field:".
func (p *operatorScanner) fieldValue(field string) {
	for p.at < len(p.in) && unicode.IsSpace(p.in[p.at]) {
		p.at++
	}
	if p.at >= len(p.in) {
		return
	}
	if field == "_exists_" {
		p.negate, p.sign = true, false
	}
}

// skipRange drops "[a TO b]" and "{a TO b}", or a lone bracket.
func (p *operatorScanner) skipRange() {
	for i := p.at + 1; i < len(p.in) && !p.open; i++ {
		if c := p.in[i]; c == ']' || c == '}' {
			p.at = i + 1
			p.skipSuffix()
			p.negate, p.sign = false, false
			return
		}
	}
	p.open = true
	p.at++
}

// regexEnd is where the /regular expression/ that starts here ends, or 0. It must be followed by a gap, so that "and/or" and
// paths stay words.
func (p *operatorScanner) regexEnd() int {
	for i := p.at + 1; i < len(p.in); i++ {
		switch p.in[i] {
		case '\\':
			i++
		case '/':
			if i+1 == len(p.in) || unicode.IsSpace(p.in[i+1]) || strings.ContainsRune(")^", p.in[i+1]) {
				return i + 1
			}
			return 0
		}
	}
	return 0
}

// skipSuffix drops boosts and fuzziness: any run of ^N and ~N.
func (p *operatorScanner) skipSuffix() {
	for end := p.suffixEnd(); end > 0; end = p.suffixEnd() {
		p.at = end
	}
}

// suffixEnd is where the ^N or ~N that starts here ends, or 0 if there is none or a word goes on behind it.
func (p *operatorScanner) suffixEnd() int {
	if p.at >= len(p.in) || p.in[p.at] != '~' && (!p.classic || p.in[p.at] != '^') {
		return 0
	}
	i := p.at + 1
	for i < len(p.in) && (p.in[i] == '.' || '0' <= p.in[i] && p.in[i] <= '9') {
		i++
	}
	if i < len(p.in) && !unicode.IsSpace(p.in[i]) && !strings.ContainsRune(`)^~`, p.in[i]) {
		return 0
	}
	return i
}
