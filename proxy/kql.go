package proxy

import (
	"strings"
	"unicode"
)

// plainKQL takes the operators of the Kibana Query Language out of a text:
//
//   - quotes, parentheses, braces, and, or (in any case of letters) go; the words stay;
//   - what not excludes goes, be it a word, a phrase or a group;
//   - "field:" goes and its value stays, "field: *" and bounds (field >= 3) go;
//   - a "*" at the end of a word goes; a word with one elsewhere goes as a whole;
//   - "\\x" gives x.
func plainKQL(s string) string {
	p := kqlScanner{in: []rune(truncate(s, 4*maxQueryBytes))}
	for p.at < len(p.in) {
		p.step()
	}
	p.flush()
	return strings.Join(p.out, " ")
}

type kqlScanner struct {
	in []rune
	at int

	out     []string
	word    string // the last word, which may yet turn out to be a field
	negate  bool   // the next clause is excluded
	dropped []bool // for each open group: is what it holds excluded?
}

func (p *kqlScanner) step() {
	switch c := p.in[p.at]; {
	case unicode.IsSpace(c):
		p.at++
	case c == '(' || c == '{':
		p.at++
		p.flush()
		p.dropped = append(p.dropped, p.excluded())
		p.negate = false
	case c == ')' || c == '}':
		p.at++
		p.flush()
		p.dropped = p.dropped[:max(len(p.dropped)-1, 0)]
		p.negate = false
	case c == ':':
		p.at++
		p.word = ""
	case c == '<' || c == '>':
		p.skipBound()
	case c == '"':
		p.flush()
		p.word = p.phrase()
	default:
		p.readWord()
	}
}

func (p *kqlScanner) excluded() bool {
	return p.negate || len(p.dropped) > 0 && p.dropped[len(p.dropped)-1]
}

// flush takes the last word for a value. "not" reaches to the end of the clause, so it is undone by and, or and brackets.
func (p *kqlScanner) flush() {
	if text := collapse(p.word); text != "" && !p.excluded() {
		p.out = append(p.out, text)
	}
	p.word = ""
}

// phrase reads from a quote to the next, or takes a lone quote for white space.
func (p *kqlScanner) phrase() string {
	text, next, _ := quotedPhrase(p.in, p.at)
	p.at = next
	return text
}

func (p *kqlScanner) readWord() {
	p.flush()
	var b strings.Builder
	wild, length, escaped := -1, 0, false
	for ; p.at < len(p.in); p.at++ {
		c := p.in[p.at]
		if unicode.IsSpace(c) || strings.ContainsRune(`(){}:<>"`, c) {
			break
		}
		if c == '*' {
			if wild < 0 {
				wild = length
			}
			continue
		}
		if c == '\\' && p.at+1 < len(p.in) {
			p.at++
			c, escaped = p.in[p.at], true
		}
		b.WriteRune(c)
		length++
	}
	switch word := b.String(); {
	case wild >= 0 && wild < length: // a wildcard inside: there is no word to read
	case wild < 0 && !escaped && (strings.EqualFold(word, "and") || strings.EqualFold(word, "or")):
		p.negate = false
	case wild < 0 && !escaped && strings.EqualFold(word, "not"):
		p.negate = true
	default:
		p.word = word
	}
}

// skipBound drops "<", "<=", ">", ">=" with the field before and the value behind.
func (p *kqlScanner) skipBound() {
	p.word = ""
	for p.at < len(p.in) && (strings.ContainsRune("<>=", p.in[p.at]) || unicode.IsSpace(p.in[p.at])) {
		p.at++
	}
	if p.at < len(p.in) && p.in[p.at] == '"' {
		p.phrase()
		return
	}
	for p.at < len(p.in) && !unicode.IsSpace(p.in[p.at]) && !strings.ContainsRune("(){}", p.in[p.at]) {
		p.at++
	}
}
