package proxy

import (
	"bytes"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/resift/resift/searchclient/rawjson"
)

// FuzzPlan: no request makes the planner panic; a bypass leaves what has no control in it as it came; what is sent instead is
// valid JSON without a trace of our controls; and a page always lies as the plan says.
func FuzzPlan(f *testing.F) {
	files, err := filepath.Glob("testdata/plan/*.txt")
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		content, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		request, _, _ := strings.Cut(string(content), split)
		head, body, _ := strings.Cut(request, "\n\n")
		line, _, _ := strings.Cut(head, "\n")
		method, target, _ := strings.Cut(line, " ")
		path, rawQuery, _ := strings.Cut(target, "?")
		f.Add(method, path, rawQuery, jsonType, "", []byte(body))
	}
	f.Add("GET", "/_search", "q=a -b AND (c OR \"d\"~2)^3 /x/ [1 TO 2]", "", "20", []byte(nil))
	f.Add("POST", "/<prod-{now/d}>,-x/_search", "sort=_score:asc", "application/yaml", "-1", []byte("a: b"))
	f.Add("POST", "/products/_search", "", jsonType, "", []byte(`{"query":{"match":{"a":"b"}},"ext":{"resift":{"model":"small"}}}`))
	rules := testRules()
	rules.models = []string{DefaultModel, "small"}
	rules.List = append(rules.List, Rule{Match: "*", Fields: []string{"a", "b.c"}, Window: 10, MaxWindow: 20, Timeout: 1})
	f.Fuzz(func(t *testing.T, method, path, rawQuery, contentType, window string, body []byte) {
		r := &Request{Method: method, Path: path, RawQuery: rawQuery, Header: http.Header{}, Body: body}
		if contentType != "" {
			r.Header.Set("Content-Type", contentType)
		}
		if window != "" {
			r.Header.Set(HeaderWindow, window)
		}
		before := bytes.Clone(body)
		d := Plan(r, rules)
		if !bytes.Equal(body, before) {
			t.Fatal("the request's body was changed")
		}
		switch {
		case d.Refusal != nil:
			if d.Refusal.Status != 400 || d.Refusal.Type == "" || d.Refusal.Reason == "" {
				t.Fatalf("refusal %+v", d.Refusal)
			}
			return
		case d.Bypass == ReasonInternal:
			t.Fatal("an edit failed")
		case d.Bypass != "":
			if !d.OwnEdited {
				wantVerbatim(t, r, d)
			}
		default:
			checkPlanned(t, d)
			checkOutgoing(t, d.First)
		}
		if d.OwnEdited {
			checkOutgoing(t, d.Own)
		}
	})
}

func checkPlanned(t *testing.T, d Decision) {
	t.Helper()
	if d.Query == "" || d.Rule == nil || len(d.Fields) == 0 {
		t.Fatalf("plan without query, rule or fields: %+v", d)
	}
	if d.Window < 1 || d.From < 0 || d.From >= d.Window || d.Size < 1 || d.Fetch < d.Window || d.Fetch < d.From+d.Size {
		t.Fatalf("from %d size %d window %d fetch %d", d.From, d.Size, d.Window, d.Fetch)
	}
	ps, ok := parseParams(d.First.RawQuery)
	if !ok {
		t.Fatalf("the rewritten query string is not plain: %q", d.First.RawQuery)
	}
	if ps.has("filter_path") {
		t.Fatal("filter_path reaches the engine")
	}
	s := searchRequest{params: ps}
	if source, ok := ps.get("source"); ok {
		s.setDoc([]byte(source))
	} else if len(d.First.Body) > 0 {
		s.setDoc(d.First.Body)
	}
	if pg, ok := readPage(ps, s.doc, s.top); !ok || pg.from != 0 || pg.size != d.Fetch {
		t.Fatalf("the first stage asks for from %d size %d, want 0 and %d", pg.from, pg.size, d.Fetch)
	}
}

func checkOutgoing(t *testing.T, out Outgoing) {
	t.Helper()
	ps, _ := parseParams(out.RawQuery)
	doc := out.Body
	if source, ok := ps.get("source"); ok {
		doc = []byte(source)
	}
	if len(doc) == 0 {
		return
	}
	if err := rawjson.Check(doc, rawjson.MaxDepth); err != nil {
		t.Fatalf("not JSON: %v: %s", err, doc)
	}
	if key, _, found := rawjson.Duplicate(doc); found {
		t.Fatalf("key %q twice: %s", key, doc)
	}
	if ext, ok := rawjson.Get(doc, rawjson.Root(doc), "ext"); ok {
		if _, ok := rawjson.Get(doc, ext, "resift"); ok {
			t.Fatalf("ext.resift reaches the engine: %s", doc)
		}
	}
}

// FuzzQueryString: no text makes the operator scanners panic, and they only ever take characters away.
func FuzzQueryString(f *testing.F) {
	for _, s := range []string{
		`title:(quick OR "brown fox"~2)^3 -dog`, `a && b || !c`, `[1 TO 2] {a TO b]`, `/re[g]ex\//^2 x`, `\`, `"`, `a:b:c:`, `((-(`, `~^~2^3`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, plain := range []func(string) string{plainQueryString, plainSimpleQueryString} {
			got := []rune(strings.ReplaceAll(plain(s), " ", ""))
			rest := []rune(s)
			for _, c := range got {
				i := 0
				for i < len(rest) && rest[i] != c {
					i++
				}
				if i == len(rest) {
					t.Fatalf("%q became %q", s, string(got))
				}
				rest = rest[i+1:]
			}
		}
	})
}
