package yaml

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	syntax "go.yaml.in/yaml/v3"
)

// A stash is what set steps have kept of answers, by name; numbers are json.Number.
type stash map[string]any

var embedded = regexp.MustCompile(`\$\{([^}]+)\}`)

// fill replaces what stands for a kept value: a whole text "$name", or "${name}" inside one.
func (s stash) fill(text string) any {
	if name, ok := strings.CutPrefix(text, "$"); ok {
		if v, ok := s[strings.Trim(name, "{}")]; ok {
			return v
		}
	}
	return embedded.ReplaceAllStringFunc(text, func(found string) string {
		if v, ok := s[found[2:len(found)-1]]; ok {
			return fmt.Sprint(v)
		}
		return found
	})
}

// value is a YAML value as the argument of a path or a query has it; lists with commas.
func (s stash) value(n *syntax.Node) string {
	if n.Kind == syntax.SequenceNode {
		var list []string
		for _, c := range n.Content {
			list = append(list, s.value(resolve(c)))
		}
		return strings.Join(list, ",")
	}
	if n.ShortTag() == "!!null" {
		return ""
	}
	return fmt.Sprint(s.fill(n.Value))
}

// json appends a YAML value as JSON, keys in their order.
func (s stash) json(dst []byte, n *syntax.Node) []byte {
	switch n = resolve(n); n.Kind {
	case syntax.MappingNode:
		dst = append(dst, '{')
		for i := 0; i+1 < len(n.Content); i += 2 {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = appendValue(dst, fmt.Sprint(s.fill(n.Content[i].Value)))
			dst = s.json(append(dst, ':'), n.Content[i+1])
		}
		return append(dst, '}')
	case syntax.SequenceNode:
		dst = append(dst, '[')
		for i, c := range n.Content {
			if i > 0 {
				dst = append(dst, ',')
			}
			dst = s.json(dst, c)
		}
		return append(dst, ']')
	}
	return s.scalar(dst, n)
}

func (s stash) scalar(dst []byte, n *syntax.Node) []byte {
	switch n.ShortTag() {
	case "!!null":
		return append(dst, "null"...)
	case "!!bool":
		return strconv.AppendBool(dst, strings.EqualFold(n.Value, "true"))
	case "!!int", "!!float":
		if json.Valid([]byte(n.Value)) {
			return append(dst, n.Value...)
		}
		if f, err := strconv.ParseFloat(n.Value, 64); err == nil {
			return appendValue(dst, f)
		}
	}
	return appendValue(dst, s.fill(n.Value))
}

func appendValue(dst []byte, v any) []byte {
	text, err := json.Marshal(v)
	if err != nil { // only of strings, of numbers, and of what came out of a JSON document
		panic(err)
	}
	return append(dst, text...)
}

// body is the body of a call: JSON, JSON lines, or a text as it is.
func (s stash) body(n *syntax.Node, lines bool) []byte {
	switch {
	case n == nil:
		return nil
	case n.Kind == syntax.ScalarNode && n.ShortTag() == "!!str":
		text := fmt.Sprint(s.fill(n.Value))
		if lines && !strings.HasSuffix(text, "\n") {
			text += "\n"
		}
		return []byte(text)
	case !lines:
		return s.json(nil, n)
	case n.Kind != syntax.SequenceNode:
		return append(s.json(nil, n), '\n')
	}
	var b []byte
	for _, c := range n.Content {
		if c = resolve(c); c.Kind == syntax.ScalarNode {
			b = append(append(b, strings.TrimRight(fmt.Sprint(s.fill(c.Value)), "\n")...), '\n')
			continue
		}
		b = append(s.json(b, c), '\n')
	}
	return b
}

// look finds the value at a dotted path of a document: members by name, elements by number, any member as
// _arbitrary_key_, kept values by $name, a dot inside a name as "\.".
func (s stash) look(doc any, path string) (any, bool) {
	if path == "" || path == "$body" {
		return doc, true
	}
	for _, part := range splitPath(path) {
		part = fmt.Sprint(s.fill(part))
		switch in := doc.(type) {
		case map[string]any:
			if part == "_arbitrary_key_" {
				if len(in) == 0 {
					return nil, false
				}
				return slices.Min(slices.Collect(maps.Keys(in))), true
			}
			v, ok := in[part]
			if !ok {
				return nil, false
			}
			doc = v
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(in) {
				return nil, false
			}
			doc = in[i]
		default:
			return nil, false
		}
	}
	return doc, true
}

func splitPath(path string) []string {
	const dot = "\x00"
	parts := strings.Split(strings.ReplaceAll(path, `\.`, dot), ".")
	for i := range parts {
		parts[i] = strings.ReplaceAll(parts[i], dot, ".")
	}
	return slices.DeleteFunc(parts, func(p string) bool { return p == "" })
}
