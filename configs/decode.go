package configs

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// A Problem is one thing wrong with a configuration.
type Problem struct {
	Path string // such as indices[0].window; empty for the file as a whole
	Line int    // in the file; 0 where there is none (a default, a variable)
	Text string
}

func (p Problem) String() string {
	s := p.Text
	if p.Path != "" {
		s = p.Path + ": " + s
	}
	if p.Line > 0 {
		s = fmt.Sprintf("line %d: %s", p.Line, s)
	}
	return s
}

// Problems is every Problem of a configuration; as an error it is a line each.
type Problems []Problem

func (p Problems) Error() string {
	lines := make([]string, len(p))
	for i, one := range p {
		lines[i] = one.String()
	}
	return strings.Join(lines, "\n")
}

// decoder fills structs from YAML nodes and collects what is wrong. yaml.v3's own strict mode names Go types instead of
// paths and stops at the first kind of error.
type decoder struct {
	problems Problems
	lines    map[string]int // path → line, for validation's messages
}

func (d *decoder) problem(path string, n *yaml.Node, format string, args ...any) {
	p := Problem{Path: path, Text: fmt.Sprintf(format, args...)}
	if n != nil {
		p.Line = n.Line
	}
	d.problems = append(d.problems, p)
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// fields are the yaml names of a struct, in order.
func fields(t reflect.Type) []string {
	names := make([]string, t.NumField())
	for i := range names {
		names[i] = t.Field(i).Tag.Get("yaml")
	}
	return names
}

func (d *decoder) value(path string, n *yaml.Node, v reflect.Value) {
	for n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	d.lines[path] = n.Line
	if n.Kind == yaml.ScalarNode && n.Tag == "!!null" {
		return // an empty key keeps its default
	}
	switch v.Kind() {
	case reflect.Struct:
		d.mapping(path, n, v)
	case reflect.Slice:
		d.sequence(path, n, v)
	case reflect.Map:
		d.named(path, n, v)
	default:
		if n.Kind != yaml.ScalarNode {
			d.problem(path, n, "want %s, found a %s", wanted(v.Type()), kindName(n.Kind))
			return
		}
		if err := setScalar(v, n.Value, n.Tag); err != nil {
			d.problem(path, n, "%v", err)
		}
	}
}

func (d *decoder) mapping(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.problem(path, n, "want keys and values, found a %s", kindName(n.Kind))
		return
	}
	names := fields(v.Type())
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, val := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		index := slices.Index(names, key.Value)
		switch {
		case index < 0:
			d.problem(at, key, "unknown key%s", suggestion(key.Value, names))
		case seen[key.Value]:
			d.problem(at, key, "given twice")
		default:
			d.value(at, val, v.Field(index))
		}
		seen[key.Value] = true
	}
}

// named fills a map of structs by the names that the file gives them.
func (d *decoder) named(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.MappingNode {
		d.problem(path, n, "want names, and keys and values under each, found a %s", kindName(n.Kind))
		return
	}
	out := reflect.MakeMap(v.Type())
	for i := 0; i+1 < len(n.Content); i += 2 {
		name, at := reflect.ValueOf(n.Content[i].Value), join(path, n.Content[i].Value)
		if out.MapIndex(name).IsValid() {
			d.problem(at, n.Content[i], "given twice")
			continue
		}
		item := reflect.New(v.Type().Elem()).Elem()
		setDefaults(item)
		d.value(at, n.Content[i+1], item)
		out.SetMapIndex(name, item)
	}
	v.Set(out)
}

// setDefaults fills an element of a list or a map with what it has where the file says nothing.
func setDefaults(v reflect.Value) {
	switch item := v.Addr().Interface().(type) {
	case *Index:
		*item = DefaultIndex()
	case *Arm:
		*item = Arm{Weight: 1}
	case *Reranker:
		*item = DefaultReranker()
	}
}

func (d *decoder) sequence(path string, n *yaml.Node, v reflect.Value) {
	if n.Kind != yaml.SequenceNode {
		d.problem(path, n, "want a list, found a %s", kindName(n.Kind))
		return
	}
	out := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
	for i, item := range n.Content {
		setDefaults(out.Index(i))
		d.value(fmt.Sprintf("%s[%d]", path, i), item, out.Index(i))
	}
	v.Set(out)
}

// setScalar parses s into v. tag is the YAML type of s, or empty for a variable's text.
func setScalar(v reflect.Value, s, tag string) error {
	switch p := v.Addr().Interface().(type) {
	case *Duration:
		d, err := parseDuration(s)
		if err == nil {
			*p = d
		}
		return err
	case *Bytes:
		b, err := parseBytes(s)
		if err == nil {
			*p = b
		}
		return err
	}
	switch v.Kind() {
	case reflect.String:
		if tag != "" && tag != "!!str" && tag != "!!timestamp" {
			return fmt.Errorf("want a text, found %s; put it in quotes", s)
		}
		v.SetString(s)
	case reflect.Int:
		n, err := strconv.Atoi(s)
		if err != nil {
			return fmt.Errorf("want a whole number, found %q", s)
		}
		v.SetInt(int64(n))
	case reflect.Bool:
		if s != "true" && s != "false" {
			return fmt.Errorf("want true or false, found %q", s)
		}
		v.SetBool(s == "true")
	default:
		return fmt.Errorf("cannot be set from a text")
	}
	return nil
}

func wanted(t reflect.Type) string {
	switch {
	case t == reflect.TypeFor[Duration]():
		return "a duration"
	case t == reflect.TypeFor[Bytes]():
		return "a size"
	case t.Kind() == reflect.Int:
		return "a whole number"
	case t.Kind() == reflect.Bool:
		return "true or false"
	}
	return "a text"
}

func kindName(k yaml.Kind) string {
	switch k {
	case yaml.MappingNode:
		return "mapping"
	case yaml.SequenceNode:
		return "list"
	}
	return "single value"
}

// suggestion names the key that was probably meant: the one that is one edit away, or shares its beginning.
func suggestion(got string, names []string) string {
	for _, name := range names {
		if oneEdit(got, name) || len(got) >= 4 && (strings.HasPrefix(name, got) || strings.HasPrefix(got, name)) {
			return fmt.Sprintf("; did you mean %s?", name)
		}
	}
	return "; known here: " + strings.Join(names, ", ")
}

// oneEdit tells whether one insertion, deletion, substitution or swap of neighbours turns a into b.
func oneEdit(a, b string) bool {
	i := 0
	for i < len(a) && i < len(b) && a[i] == b[i] {
		i++
	}
	x, y := a[i:], b[i:]
	switch {
	case len(x) == len(y)+1:
		return x[1:] == y
	case len(y) == len(x)+1:
		return y[1:] == x
	case len(x) == len(y) && len(x) > 0:
		return x[1:] == y[1:] || len(x) > 1 && x[0] == y[1] && x[1] == y[0] && x[2:] == y[2:]
	}
	return false
}
