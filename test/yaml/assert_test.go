package yaml

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"unicode"

	syntax "go.yaml.in/yaml/v3"
)

// holds tells whether an assertion is true of an answer. Steps that assert nothing hold.
func holds(s step, a answer, kept stash) (bool, error) {
	switch s.verb {
	case "is_true", "is_false":
		v, ok := kept.look(a.doc(), s.arg.Value)
		return (ok && truthy(v)) == (s.verb == "is_true"), nil
	case "match", "length", "gt", "gte", "lt", "lte", "contains":
		for key, value := range members(s.arg) {
			got, _ := kept.look(a.doc(), key.Value)
			want, err := kept.decode(value)
			if err != nil {
				return false, fmt.Errorf("line %d: %w", s.line, err)
			}
			if ok, err := compare(s.verb, got, want); !ok || err != nil {
				return false, err
			}
		}
	}
	return true, nil
}

// decode is a YAML value as a JSON document has it.
func (s stash) decode(n *syntax.Node) (any, error) { return decode(s.json(nil, n)) }

func compare(verb string, got, want any) (bool, error) {
	switch verb {
	case "match":
		return matches(got, want)
	case "contains":
		list, _ := got.([]any)
		for _, v := range list {
			if ok, err := includes(v, want); ok || err != nil {
				return ok, err
			}
		}
		return false, nil
	case "length":
		n, ok := number(want)
		return ok && float64(length(got)) == n, nil
	}
	g, ok := number(got)
	w, also := number(want)
	if !ok || !also {
		return false, nil
	}
	switch verb {
	case "gt":
		return g > w, nil
	case "gte":
		return g >= w, nil
	case "lt":
		return g < w, nil
	}
	return g <= w, nil
}

// matches: equal values, numbers as numbers, or a text that a /pattern/ finds something in.
func matches(got, want any) (bool, error) {
	if text, ok := want.(string); ok {
		text = strings.TrimSpace(text)
		if len(text) > 1 && text[0] == '/' && text[len(text)-1] == '/' {
			return find(text[1:len(text)-1], got)
		}
	}
	return reflect.DeepEqual(plain(got), plain(want)), nil
}

// includes tells whether an object has the members of another with their values; other values are compared whole.
func includes(got, want any) (bool, error) {
	inner, ok := want.(map[string]any)
	outer, also := got.(map[string]any)
	if !ok || !also {
		return matches(got, want)
	}
	for key, w := range inner {
		if ok, err := matches(outer[key], w); !ok || err != nil {
			return false, err
		}
	}
	return true, nil
}

// find looks for a pattern of Java's, in its COMMENTS mode.
func find(pattern string, in any) (bool, error) {
	re, err := regexp.Compile("(?s)" + uncommented(pattern))
	if err != nil {
		return false, fmt.Errorf("pattern: %w", err)
	}
	return re.MatchString(fmt.Sprint(in)), nil
}

// uncommented drops white space and what follows "#" in a line, neither of which is escaped or in a class.
func uncommented(pattern string) string {
	var b strings.Builder
	class, comment, escaped := false, false, false
	for _, r := range pattern {
		switch {
		case comment:
			comment = r != '\n'
			continue
		case escaped:
			escaped = false
			if r == ' ' || r == '#' || r == '\'' || r == '"' || r == '/' || r == ',' || r == '=' || r == ':' || r == '%' || r == '<' || r == '>' {
				b.WriteString(regexp.QuoteMeta(string(r)))
				continue
			}
			b.WriteString(`\` + string(r))
			continue
		case r == '\\':
			escaped = true
			continue
		case class:
			class = r != ']'
		case r == '[':
			class = true
		case unicode.IsSpace(r):
			continue
		case r == '#':
			comment = true
			continue
		}
		b.WriteRune(r)
	}
	return b.String()
}

func truthy(v any) bool {
	switch v := v.(type) {
	case nil:
		return false
	case bool:
		return v
	case string:
		return v != "" && v != "false" && v != "0"
	case json.Number:
		f, err := v.Float64()
		return err != nil || f != 0
	}
	return true
}

func length(v any) int {
	switch v := v.(type) {
	case []any:
		return len(v)
	case map[string]any:
		return len(v)
	case string:
		return len(v)
	}
	return -1
}

func number(v any) (float64, bool) {
	n, ok := v.(json.Number)
	if !ok {
		return 0, false
	}
	f, err := n.Float64()
	return f, err == nil
}

// plain is a value with its numbers as such: 1 and 1.0 are the same.
func plain(v any) any {
	switch v := v.(type) {
	case json.Number:
		if f, err := v.Float64(); err == nil {
			return f
		}
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	case map[string]any:
		all := make(map[string]any, len(v))
		for key := range v {
			all[key] = plain(v[key])
		}
		return all
	}
	return v
}

// caught tells whether an error is the one that a do step's catch expects; without a catch no error is.
func caught(catch string, a answer) (bool, error) {
	failed := a.status >= 400
	switch catch {
	case "":
		return !failed, nil
	case "bad_request":
		return a.status == 400, nil
	case "unauthorized":
		return a.status == 401, nil
	case "forbidden":
		return a.status == 403, nil
	case "missing":
		return a.status == 404, nil
	case "request_timeout":
		return a.status == 408, nil
	case "conflict":
		return a.status == 409, nil
	case "unavailable":
		return a.status == 503, nil
	case "request":
		return failed, nil
	}
	if len(catch) > 1 && catch[0] == '/' && catch[len(catch)-1] == '/' {
		found, err := find(catch[1:len(catch)-1], string(a.body))
		return failed && found, err
	}
	return false, fmt.Errorf("catch %q is unknown", catch)
}
