package proxy

import (
	"net/http"
	"net/url"
	"strings"
)

// kind is what a request is to this proxy.
type kind int

const (
	kindOther         kind = iota // forwarded as a stream
	kindSearch                    // one search
	kindMultiSearch               // several searches, each two lines of the body
	kindTemplate                  // a search by template
	kindMultiTemplate             // several of them
)

// endpoints are the paths of the kinds, each alone or behind an index.
var endpoints = [...]struct {
	path string
	kind kind
}{
	{"_search", kindSearch}, {"_msearch", kindMultiSearch},
	{"_search/template", kindTemplate}, {"_msearch/template", kindMultiTemplate},
}

// classify tells what a request is and, of one that holds searches, the index expression of its path, still escaped, "" for
// all indices. The body of such a request must be read before it is planned; every other request is forwarded as a stream.
//
// Paths are compared as the engines' PathTrie does: split at "/" before unescaping, slashes at the end dropped. A segment
// with a leading underscore names another API (/_scripts/_search is a script called _search), save for _all. The typed path
// /{index}/{type}/_search of Elasticsearch 7 is not taken as a search.
func classify(method, escapedPath string) (k kind, index string) {
	if method != http.MethodGet && method != http.MethodPost {
		return kindOther, ""
	}
	path, ok := strings.CutPrefix(strings.TrimRight(escapedPath, "/"), "/")
	if !ok {
		return kindOther, ""
	}
	for _, e := range endpoints {
		index, ok := strings.CutSuffix(path, e.path)
		switch {
		case !ok:
		case index == "":
			return e.kind, ""
		case strings.HasSuffix(index, "/"):
			index = index[:len(index)-1]
			if index == "" || strings.Contains(index, "/") || strings.HasPrefix(index, "_") && index != "_all" {
				return kindOther, ""
			}
			return e.kind, index
		}
	}
	return kindOther, ""
}

// searchTarget returns the index expression of a search's path, still escaped, "" for all indices.
func searchTarget(method, escapedPath string) (index string, ok bool) {
	k, index := classify(method, escapedPath)
	if k != kindSearch {
		return "", false
	}
	return index, true
}

// matchRule returns the first rule whose Match covers every index that the expression can name, or nil.
//
// The expression is taken as it is written: aliases, data streams and remote clusters ("cluster:index") are names like any
// other, and nothing is resolved. It is split at commas; excluded names ("-old-*") are left out, because they only
// make the set smaller. A wildcard in a name is covered only by a wildcard of the rule, so that "logs-*" is covered by "logs-*"
// and by "*", not by "logs-2024". The same holds for the computed part of date math: <logs-{now/d}> is read as logs-*.
// "", "_all" and "*" are covered only by a rule that covers everything.
func matchRule(list []Rule, expression string) *Rule {
	names := indexNames(expression)
	for i := range list {
		if coversAll(list[i].Match, names) {
			return &list[i]
		}
	}
	return nil
}

func coversAll(pattern string, names []string) bool {
	for _, name := range names {
		if !glob(pattern, name) {
			return false
		}
	}
	return true
}

// indexNames are the included names of an index expression, with date math resolved to wildcards; never empty.
func indexNames(expression string) []string {
	var names []string
	for name := range strings.SplitSeq(expression, ",") {
		switch {
		case name == "" || strings.HasPrefix(name, "-"):
		case name == "_all":
			names = append(names, "*")
		default:
			names = append(names, dateMathGlob(name))
		}
	}
	if names == nil {
		return []string{"*"}
	}
	return names
}

// dateMathGlob puts "*" in place of each computed part of a date math name, with a cluster before it or not.
func dateMathGlob(name string) string {
	cluster, inner := "", name
	if at := strings.Index(name, ":<"); at >= 0 {
		cluster, inner = name[:at+1], name[at+1:]
	}
	inner, opens := strings.CutPrefix(inner, "<")
	inner, closes := strings.CutSuffix(inner, ">")
	if !opens || !closes {
		return name
	}
	var b strings.Builder
	b.WriteString(cluster)
	depth := 0
	for i := 0; i < len(inner); i++ {
		switch c := inner[i]; {
		case c == '\\' && i+1 < len(inner):
			if i++; depth == 0 {
				b.WriteByte(inner[i])
			}
		case c == '{':
			if depth++; depth == 1 {
				b.WriteByte('*')
			}
		case c == '}' && depth > 0:
			depth--
		case depth == 0:
			b.WriteByte(c)
		}
	}
	if depth > 0 {
		return "*" // not date math that an engine reads; only a rule for everything may take it
	}
	return b.String()
}

// glob tells whether pattern, in which "*" stands for any run of bytes, covers the whole name. A "*" in the name is an unknown
// run: only a "*" of the pattern covers it. The time is at most len(pattern)·len(name).
func glob(pattern, name string) bool {
	p, n := 0, 0
	star, from := -1, 0
	for n < len(name) {
		switch {
		case p < len(pattern) && pattern[p] == '*':
			star, from = p, n
			p++
		case p < len(pattern) && name[n] != '*' && pattern[p] == name[n]:
			p++
			n++
		case star >= 0:
			from++
			p, n = star+1, from
		default:
			return false
		}
	}
	for p < len(pattern) && pattern[p] == '*' {
		p++
	}
	return p == len(pattern)
}

// unescapePath decodes a path segment as engines do: "+" stays.
func unescapePath(segment string) (string, bool) {
	s, err := url.PathUnescape(segment)
	return s, err == nil
}
