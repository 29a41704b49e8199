package yaml

import (
	"archive/zip"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"slices"
	"strings"
)

// An api is one of the engine's, as rest-api-spec/api describes it.
type api struct {
	URL struct {
		Paths []struct {
			Path    string
			Methods []string
			Parts   map[string]any
		}
	}
	Params map[string]any
	Body   *struct{ Serialize string }
}

// lines tells whether the body is one JSON value a line.
func (a api) lines() bool { return a.Body != nil && a.Body.Serialize == "bulk" }

// reads tells whether the API changes nothing, which is what a GET or HEAD promises.
func (a api) reads() bool {
	for _, p := range a.URL.Paths {
		if slices.Contains(p.Methods, "GET") || slices.Contains(p.Methods, "HEAD") {
			return true
		}
	}
	return false
}

// readAPIs reads the APIs from the suite's jar, by name.
func readAPIs(jar *zip.Reader) (map[string]api, error) {
	all := map[string]api{}
	for _, f := range jar.File {
		dir, file := path.Split(f.Name)
		name, ok := strings.CutSuffix(file, ".json")
		if dir != "rest-api-spec/api/" || !ok || name == "_common" {
			continue
		}
		text, err := readFile(f)
		if err != nil {
			return nil, err
		}
		var one map[string]api
		if err := json.Unmarshal(text, &one); err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		all[name] = one[name]
	}
	return all, nil
}

func readFile(f *zip.File) ([]byte, error) {
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(r)
}

// errNoPath tells that a part of the path is missing: a client would not send this.
var errNoPath = errors.New("no path takes these parts")

// target chooses method and path for the arguments of a call, values by name, and puts the rest into the query.
func (a api) target(args map[string]string, body bool) (method, target string, err error) {
	best := -1
	for i, p := range a.URL.Paths {
		fits := true
		for part := range p.Parts {
			fits = fits && args[part] != ""
		}
		if fits && (best < 0 || len(p.Parts) > len(a.URL.Paths[best].Parts)) {
			best = i
		}
	}
	if best < 0 {
		return "", "", errNoPath
	}
	chosen := a.URL.Paths[best]
	target = chosen.Path
	query := url.Values{}
	for name, value := range args {
		_, inPath := chosen.Parts[name]
		switch {
		case inPath:
			target = strings.ReplaceAll(target, "{"+name+"}", escapePart(value))
		case a.isPart(name) && a.Params[name] == nil && value == "":
			return "", "", errNoPath
		default:
			query.Set(name, value)
		}
	}
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	return chooseMethod(chosen.Methods, body), target, nil
}

func (a api) isPart(name string) bool {
	for _, p := range a.URL.Paths {
		if _, ok := p.Parts[name]; ok {
			return true
		}
	}
	return false
}

// chooseMethod takes the first method, but POST for a body where GET would do too.
func chooseMethod(methods []string, body bool) string {
	switch {
	case body && methods[0] == "GET" && slices.Contains(methods, "POST"):
		return "POST"
	case !body && slices.Contains(methods, "GET"):
		return "GET"
	}
	return methods[0]
}

// escapePart escapes a part of a path and keeps the commas of lists.
func escapePart(value string) string {
	return strings.ReplaceAll(url.PathEscape(value), "%2C", ",")
}
