package yaml

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	syntax "go.yaml.in/yaml/v3"
)

// How often, and where, a call is sent.
type manner int

const (
	once   manner = iota // it changes something, or waits for something: through resift alone
	read                 // to the engine, through resift, and to the engine again
	search               // the same, and through the resift that turns windows around
	cursor               // with an id of its own to each, once
)

func (a api) manner(name string, args *syntax.Node) manner {
	switch name {
	case "search", "msearch", "search_template", "msearch_template":
		return search
	case "scroll", "clear_scroll":
		return cursor
	case "indices.refresh", "indices.flush", "indices.flush_synced":
		return once
	}
	for key := range members(args) {
		if strings.HasPrefix(key.Value, "wait_for") {
			return once
		}
	}
	if a.reads() {
		return read
	}
	return once
}

// request is what a call sends; statuses that it is told to bear come with it.
func (a api) request(c call, kept stash) (r request, ignore []string, err error) {
	args := map[string]string{}
	for key, value := range members(c.args) {
		switch key.Value {
		case "body":
			r.body = kept.body(value, a.lines())
		case "ignore":
			ignore = words(value)
		default:
			args[key.Value] = kept.value(value)
		}
	}
	r.header = http.Header{}
	switch {
	case r.body == nil:
	case a.lines():
		r.header.Set("Content-Type", "application/x-ndjson")
	default:
		r.header.Set("Content-Type", "application/json")
	}
	for key, value := range members(c.headers) {
		r.header.Set(key.Value, kept.value(value))
	}
	r.method, r.target, err = a.target(args, r.body != nil)
	return r, ignore, err
}

// maxWindow is the largest window that the configuration of the tests allows.
const maxWindow = 10_000

// window is the window that makes a page of the whole of it, 0 where there is none for all searches of the request, and
// how like the reordered page then is.
func (r request) window() (int, likeness) {
	_, query, _ := strings.Cut(r.target, "?")
	params, _ := url.ParseQuery(query)
	searches := [][]byte{r.body}
	if strings.Contains(r.target, "_msearch") {
		searches = nil
		for i, line := range bytes.Split(bytes.TrimSpace(r.body), []byte("\n")) {
			if i%2 == 1 {
				searches = append(searches, line)
			}
		}
	}
	var ends []int
	for _, text := range searches {
		var page struct{ From, Size json.RawMessage }
		_ = json.Unmarshal(text, &page) // of what is no JSON object no window is turned around
		from, ok := count(params.Get("from"), page.From, 0)
		size, also := count(params.Get("size"), page.Size, 10)
		if !ok || !also || from > 0 {
			return 0, repaged
		}
		ends = append(ends, size)
	}
	if len(ends) == 0 || slices.Min(ends) != slices.Max(ends) || ends[0] == 0 || ends[0] > maxWindow {
		return 0, repaged
	}
	return ends[0], reordered
}

func count(param string, member json.RawMessage, otherwise int) (int, bool) {
	text := param
	if text == "" {
		text = strings.Trim(string(member), `"`)
	}
	if text == "" {
		return otherwise, true
	}
	n, err := strconv.Atoi(text)
	return n, err == nil && n >= 0
}

// textFields are the paths of all members of the documents that the files index: what a rule makes texts of.
func textFields(files []suiteFile, apis map[string]api) []string {
	seen := map[string]bool{}
	for _, f := range files {
		sections := [][]step{f.setup}
		for _, t := range f.tests {
			sections = append(sections, t.steps)
		}
		for _, s := range slices.Concat(sections...) {
			if s.verb == "do" {
				documentFields(s, apis, seen)
			}
		}
	}
	var list []string
	for path := range seen {
		list = append(list, path)
	}
	slices.Sort(list)
	return list
}

func documentFields(s step, apis map[string]api, seen map[string]bool) {
	c, err := parseCall(s)
	if err != nil || c.api != "index" && c.api != "create" && c.api != "bulk" {
		return
	}
	body := stash{}.body(member(c.args, "body"), apis[c.api].lines())
	for line := range bytes.SplitSeq(body, []byte("\n")) {
		doc, err := decode(line)
		if err != nil {
			continue
		}
		leaves(doc, "", func(path string) {
			if !strings.HasPrefix(path, "index._") && !strings.HasPrefix(path, "create._") {
				seen[path] = true
			}
		})
	}
}

// leaves calls visit with the path of every text and number of a document.
func leaves(v any, path string, visit func(path string)) {
	switch v := v.(type) {
	case map[string]any:
		for key, inner := range v {
			leaves(inner, strings.TrimPrefix(path+"."+key, "."), visit)
		}
	case []any:
		for _, inner := range v {
			leaves(inner, path, visit)
		}
	case string, json.Number:
		if path != "" {
			visit(path)
		}
	}
}
