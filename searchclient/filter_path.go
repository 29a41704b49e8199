package searchclient

import (
	"fmt"
	"strings"
)

// FilterPath does to an answer what the engines' filter_path does, on raw bytes: what stays is copied as it stands. doc must
// be an object; a new slice is returned unless there is nothing to filter by.
//
// A pattern is a path of names joined by dots. "*" in a name stands for any characters, a name "**" for one or more levels,
// "\." for a dot. Arrays are no level: their elements are looked through. Patterns with "-" before them exclude; the others,
// if there are any, include, and come first. Objects and arrays of which nothing is left go too, all but the root.
//
// Source: Elasticsearch's FilterPath and FilterPathBasedFilter over Jackson's FilteringGeneratorDelegate. Engines differ in
// one point: an array or object that was empty to begin with, on the way to something excluded, stays here as with
// Elasticsearch 8.15 and later; OpenSearch drops it.
func FilterPath(doc []byte, patterns []string) ([]byte, error) {
	var include, exclude []pathState
	for _, p := range patterns {
		p = strings.TrimSpace(p)
		rest, excluding := strings.CutPrefix(p, "-")
		if rest = strings.TrimSpace(rest); rest == "" {
			continue
		}
		if excluding {
			exclude = append(exclude, pathState{names: splitPattern(rest)})
		} else {
			include = append(include, pathState{names: splitPattern(rest)})
		}
	}
	var err error
	for _, pass := range []pathFilter{{include, true}, {exclude, false}} {
		if len(pass.states) == 0 {
			continue
		}
		if doc, err = pass.apply(doc); err != nil {
			return nil, fmt.Errorf("filter path: %w", err)
		}
	}
	return doc, nil
}

// splitPattern splits at dots that no backslash stands before.
func splitPattern(p string) []string {
	var names []string
	for {
		end := 0
		for end < len(p) && p[end] != '.' {
			if strings.HasPrefix(p[end:], `\.`) {
				end++
			}
			end++
		}
		names = append(names, strings.ReplaceAll(p[:end], `\.`, "."))
		if end == len(p) {
			return names
		}
		p = p[end+1:]
	}
}

// pathState is a pattern and how many of its names the way to an object has matched.
type pathState struct {
	names   []string
	matched int
}

// pathFilter is what is to be matched below an object.
type pathFilter struct {
	states    []pathState
	inclusive bool
}

// match takes one step down. It tells whether a pattern is matched to its end, and what remains to be matched below.
func (f pathFilter) match(name string) (whole bool, below []pathState) {
	for _, s := range f.states {
		if glob(s.names[s.matched], name) {
			if s.matched+1 == len(s.names) {
				return true, nil
			}
			below = addState(below, pathState{s.names, s.matched + 1})
		}
		if s.matched > 0 && s.names[s.matched-1] == "**" {
			below = addState(below, s)
		}
	}
	return false, below
}

// addState adds s unless it is there: with several "**" in a pattern there are many ways to the same state, and their number
// would grow with each level.
func addState(states []pathState, s pathState) []pathState {
	for _, t := range states {
		if t.matched == s.matched && &t.names[0] == &s.names[0] {
			return states
		}
	}
	return append(states, s)
}

// glob tells whether the pattern, in which "*" stands for any characters, matches all of s.
func glob(pattern, s string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return pattern == s
	}
	s, ok := strings.CutPrefix(s, before)
	if !ok {
		return false
	}
	for {
		part, rest, more := strings.Cut(after, "*")
		if !more {
			return strings.HasSuffix(s, part)
		}
		i := strings.Index(s, part)
		if i < 0 {
			return false
		}
		s, after = s[i+len(part):], rest
	}
}
