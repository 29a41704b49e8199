package proxy

import (
	"strings"
	"unicode"

	"golang.org/x/net/html"
	"golang.org/x/net/html/atom"
)

// plainHTML is what a person reads of a text in HTML: entities are decoded, tags, comments and what scripts and styles hold go,
// the borders of blocks are newlines, those of table cells spaces, and any other run of white space is one space. Elements
// inside a line leave no gap: "f<b>o</b>x" reads "fox". A text without "<" and "&" is no HTML and stays as it is.
func plainHTML(text string) string {
	if !strings.ContainsAny(text, "<&") {
		return text
	}
	w := lineWriter{}
	z := html.NewTokenizer(strings.NewReader(text))
	var hidden []atom.Atom // elements whose content is not shown, the innermost last
	for {
		switch z.Next() {
		case html.ErrorToken: // the end: reading a string does not fail
			return w.out.String()
		case html.TextToken:
			if len(hidden) == 0 {
				w.text(string(z.Text()))
			}
		case html.StartTagToken:
			tag := tagName(z)
			if len(hidden) == 0 {
				w.border(tag)
			}
			if hides(tag) {
				hidden = append(hidden, tag)
			}
		case html.EndTagToken:
			tag := tagName(z)
			if n := len(hidden); n == 0 {
				w.border(tag)
			} else if hidden[n-1] == tag {
				hidden = hidden[:n-1]
			}
		case html.SelfClosingTagToken:
			if len(hidden) == 0 {
				w.border(tagName(z))
			}
		}
	}
}

func tagName(z *html.Tokenizer) atom.Atom {
	name, _ := z.TagName()
	return atom.Lookup(name)
}

func hides(tag atom.Atom) bool {
	switch tag {
	case atom.Script, atom.Style, atom.Template, atom.Noscript, atom.Iframe, atom.Noembed, atom.Noframes:
		return true
	}
	return false
}

// gap is what separates two words; the widest of several wins.
type gap int

const (
	noGap gap = iota
	space
	newline
)

// lineWriter collects text with its gaps.
type lineWriter struct {
	out  strings.Builder
	next gap // to write before the next word
}

func (w *lineWriter) text(s string) {
	for _, r := range s {
		if unicode.IsSpace(r) {
			w.next = max(w.next, space)
			continue
		}
		if w.out.Len() > 0 {
			switch w.next {
			case space:
				w.out.WriteByte(' ')
			case newline:
				w.out.WriteByte('\n')
			}
		}
		w.next = noGap
		w.out.WriteRune(r)
	}
}

// border is the begin or the end of an element.
func (w *lineWriter) border(tag atom.Atom) {
	switch tag {
	case atom.Td, atom.Th, atom.Option, atom.Button, atom.Img:
		w.next = max(w.next, space)
	case atom.Address, atom.Article, atom.Aside, atom.Blockquote, atom.Body, atom.Br, atom.Caption, atom.Center, atom.Dd, atom.Details,
		atom.Dialog, atom.Dir, atom.Div, atom.Dl, atom.Dt, atom.Fieldset, atom.Figcaption, atom.Figure, atom.Footer, atom.Form,
		atom.H1, atom.H2, atom.H3, atom.H4, atom.H5, atom.H6, atom.Head, atom.Header, atom.Hgroup, atom.Hr, atom.Html, atom.Legend,
		atom.Li, atom.Main, atom.Menu, atom.Nav, atom.Ol, atom.P, atom.Pre, atom.Section, atom.Select, atom.Summary, atom.Table,
		atom.Tbody, atom.Textarea, atom.Tfoot, atom.Thead, atom.Title, atom.Tr, atom.Ul:
		w.next = newline
	}
}
