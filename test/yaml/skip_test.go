package yaml

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	syntax "go.yaml.in/yaml/v3"
)

// known are the features of a runner that this one has.
var known = []string{
	"allowed_warnings", "arbitrary_key", "contains", "default_shards", "embedded_stash_key", "headers", "no_xpack", "node_selector",
	"stash_in_key", "stash_in_path", "stash_path_replacement", "warnings", "yaml",
}

// skipped tells why a section does not apply to the engine of this version, "" if it does.
func skipped(steps []step, version [3]int) (string, error) {
	for _, s := range steps {
		if s.verb != "skip" {
			continue
		}
		if v := member(s.arg, "version"); v != nil {
			in, err := inRanges(v.Value, version)
			if err != nil {
				return "", fmt.Errorf("line %d: %w", s.line, err)
			}
			if in {
				return "version", nil
			}
		}
		if f := member(s.arg, "features"); f != nil {
			for _, name := range words(f) {
				if !slices.Contains(known, name) {
					return "feature " + name, nil
				}
			}
		}
	}
	return "", nil
}

// words are the names of a list, which may also be written as one string with commas.
func words(n *syntax.Node) []string {
	list := []string{n.Value}
	if n.Kind == syntax.SequenceNode {
		list = nil
		for _, c := range n.Content {
			list = append(list, c.Value)
		}
	}
	var all []string
	for _, entry := range list {
		for name := range strings.SplitSeq(entry, ",") {
			all = append(all, strings.TrimSpace(name))
		}
	}
	return all
}

// inRanges tells whether a version lies in one of "FROM - TO, …", where either end may be left out; "all" has every version.
func inRanges(ranges string, version [3]int) (bool, error) {
	for r := range strings.SplitSeq(ranges, ",") {
		if strings.TrimSpace(r) == "all" {
			return true, nil
		}
		from, to, ok := strings.Cut(r, "-")
		if !ok {
			return false, fmt.Errorf("%q is no range of versions", r)
		}
		low, err := parseVersion(from, [3]int{})
		if err != nil {
			return false, err
		}
		high, err := parseVersion(to, [3]int{1 << 20})
		if err != nil {
			return false, err
		}
		if slices.Compare(low[:], version[:]) <= 0 && slices.Compare(version[:], high[:]) <= 0 {
			return true, nil
		}
	}
	return false, nil
}

func parseVersion(text string, otherwise [3]int) ([3]int, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return otherwise, nil
	}
	parts := strings.Split(text, ".")
	if len(parts) > 3 {
		return [3]int{}, fmt.Errorf("%q is no version", text)
	}
	var v [3]int
	for i, part := range parts {
		n, err := strconv.Atoi(part)
		if err != nil {
			return [3]int{}, fmt.Errorf("%q is no version", text)
		}
		v[i] = n
	}
	return v, nil
}
