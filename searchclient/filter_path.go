package searchclient

import (
	"fmt"
	"strings"
)

// PathFilter does to an answer what the engines' filter_path does, on raw bytes: what stays is copied as it stands.
//
// A pattern is a path of names joined by dots. "*" in a name stands for any characters, a name "**" for one or more levels,
// "\." for a dot. Arrays are no level: their elements are looked through. Patterns with "-" before them exclude; the others,
// if there are any, include, and come first. Objects and arrays of which nothing is left go too, all but the root.
//
// Source: the engines' FilterPath and FilterPathBasedFilter over Jackson's FilteringGeneratorDelegate.
type PathFilter struct {
	Patterns []string
	// DropEmpty says what becomes of objects and arrays that were empty before anything was excluded, on the way to a pattern
	// that excludes: OpenSearch, and Elasticsearch before 8.16, drop them; later ones keep them.
	DropEmpty bool
}

// FilterPath applies the patterns as Elasticsearch does.
func FilterPath(doc []byte, patterns []string) ([]byte, error) {
	return PathFilter{Patterns: patterns}.Apply(doc)
}

// Apply returns what the filter leaves of doc, which must be an object: a new slice unless there is nothing to filter by.
func (p PathFilter) Apply(doc []byte) ([]byte, error) {
	include, exclude := pathFilter{inclusive: true}, pathFilter{keepEmpty: !p.DropEmpty}
	for _, pattern := range p.Patterns {
		f := &include
		pattern, excluding := strings.CutPrefix(strings.TrimSpace(pattern), "-")
		if excluding {
			f = &exclude
		}
		if pattern = strings.TrimSpace(pattern); pattern != "" {
			f.states = append(f.states, pathState{names: splitPattern(pattern)})
		}
	}
	for _, f := range []pathFilter{include, exclude} {
		if len(f.states) == 0 {
			continue
		}
		var err error
		if doc, err = f.apply(doc); err != nil {
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
	keepEmpty bool // of an exclusive filter
}

// at is the filter for what is below, where these states are reached.
func (f pathFilter) at(states []pathState) pathFilter {
	f.states = states
	return f
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
