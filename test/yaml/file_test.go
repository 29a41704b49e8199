package yaml

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"

	syntax "go.yaml.in/yaml/v3"
)

// A suiteFile is one YAML file: a document a section.
type suiteFile struct {
	name            string // search/10_source_filtering
	setup, teardown []step
	tests           []suiteTest
}

type suiteTest struct {
	name  string
	steps []step
}

// A step is one element of a section: a verb such as do, set or match, and what it is about.
type step struct {
	verb string
	arg  *syntax.Node
	line int
}

// A call is what a do step does.
type call struct {
	api     string
	args    *syntax.Node // a mapping, or nil
	headers *syntax.Node // a mapping, or nil
	catch   string
}

// readFiles reads the test files from the suite's jar, in its order.
func readFiles(jar *zip.Reader) ([]suiteFile, error) {
	var files []suiteFile
	for _, f := range jar.File {
		name, ok := strings.CutPrefix(f.Name, "rest-api-spec/test/")
		if !ok || path.Ext(name) != ".yml" {
			continue
		}
		text, err := readFile(f)
		if err != nil {
			return nil, err
		}
		file, err := parseFile(strings.TrimSuffix(name, ".yml"), text)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		files = append(files, file)
	}
	return files, nil
}

func parseFile(name string, text []byte) (suiteFile, error) {
	file := suiteFile{name: name}
	for in := syntax.NewDecoder(bytes.NewReader(text)); ; {
		var doc syntax.Node
		switch err := in.Decode(&doc); {
		case errors.Is(err, io.EOF):
			return file, nil
		case err != nil:
			return file, err
		}
		if len(doc.Content) == 0 || doc.Content[0].Kind != syntax.MappingNode {
			continue
		}
		for key, value := range members(doc.Content[0]) {
			steps, err := parseSteps(value)
			if err != nil {
				return file, err
			}
			switch key.Value {
			case "setup":
				file.setup = steps
			case "teardown":
				file.teardown = steps
			default:
				file.tests = append(file.tests, suiteTest{key.Value, steps})
			}
		}
	}
}

func parseSteps(list *syntax.Node) ([]step, error) {
	var steps []step
	for _, n := range list.Content {
		if n.Kind != syntax.MappingNode || len(n.Content) < 2 {
			return nil, fmt.Errorf("line %d is no step", n.Line)
		}
		for key, value := range members(n) {
			steps = append(steps, step{key.Value, value, key.Line})
		}
	}
	return steps, nil
}

// members are the keys and values of a mapping, in order.
func members(n *syntax.Node) func(yield func(key, value *syntax.Node) bool) {
	return func(yield func(key, value *syntax.Node) bool) {
		if n == nil || n.Kind != syntax.MappingNode {
			return
		}
		for i := 0; i+1 < len(n.Content); i += 2 {
			if !yield(n.Content[i], resolve(n.Content[i+1])) {
				return
			}
		}
	}
}

// resolve follows an alias to what it stands for.
func resolve(n *syntax.Node) *syntax.Node {
	if n.Kind == syntax.AliasNode {
		return n.Alias
	}
	return n
}

// member is the value of a key in a mapping, or nil.
func member(n *syntax.Node, name string) *syntax.Node {
	for key, value := range members(n) {
		if key.Value == name {
			return value
		}
	}
	return nil
}

// parseCall reads a do step.
func parseCall(s step) (call, error) {
	var c call
	for key, value := range members(s.arg) {
		switch key.Value {
		case "catch":
			c.catch = value.Value
		case "headers":
			c.headers = value
		case "warnings", "allowed_warnings", "node_selector": // one node; what it warns of is compared with every header
		default:
			c.api, c.args = key.Value, value
		}
	}
	if c.api == "" {
		return c, fmt.Errorf("line %d calls nothing", s.line)
	}
	return c, nil
}
