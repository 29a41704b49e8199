package searchclient

import (
	"slices"
	"strings"
	"testing"
)

func TestHitText(t *testing.T) {
	const source = `{"title":"A \"title\" \u00e9","tags":["x","y",["z"]],"n":12345678901234567890,"ok":true,"none":null,"empty":"",` +
		`"a":{"b":"nested","b.c":"dot below","b":{"c":"deep"}},"a.b":"literal","a.b.c":"all literal","nul":"a\u0000b","lone":"\ud800x",` +
		`"comments":[{"text":"one","by":"ann"},{"by":"bob"},{"text":["two","three"]},[{"text":"four"}],"stray"],"\u0065sc":"escaped key"}`
	const fields = `{"title":["fetched"],"comments":[{"text":["c1"]},{"text":["c2"],"re":[{"text":["c3"]}]}],"a.b":["flat"],"geo":[{"type":"Point"}]}`
	tests := []struct {
		name   string
		fields []Field
		want   string
	}{
		{"one", []Field{{Path: "title"}}, `A "title" é`},
		{"in the order asked for", []Field{{Path: "tags"}, {Path: "title"}}, "x\ny\nz\nA \"title\" é"},
		{"number, boolean, null, empty", []Field{{Path: "n"}, {Path: "none"}, {Path: "empty"}, {Path: "ok"}}, "12345678901234567890\ntrue"},
		{"nested and literal dots, in the document's order", []Field{{Path: "a.b"}}, "nested\nliteral"},
		{"every split of the path", []Field{{Path: "a.b.c"}}, "dot below\ndeep\nall literal"},
		{"array of objects", []Field{{Path: "comments.text"}}, "one\ntwo\nthree\nfour"},
		{"an object is no text", []Field{{Path: "a"}}, ""},
		{"missing", []Field{{Path: "x"}, {Path: "title.x"}, {Path: "titl"}}, ""},
		{"NUL and lone surrogate", []Field{{Path: "nul"}, {Path: "lone"}}, "a\x00b\n\ufffdx"},
		{"escaped key", []Field{{Path: "esc"}}, "escaped key"},
		{"from fields", []Field{{Path: "title", Fetched: true}, {Path: "a.b", Fetched: true}}, "fetched\nflat"},
		{"nested fields", []Field{{Path: "comments.text", Fetched: true}, {Path: "comments.re.text", Fetched: true}}, "c1\nc2\nc3"},
		{"an object in fields", []Field{{Path: "geo", Fetched: true}}, ""},
		{"both", []Field{{Path: "title", Fetched: true}, {Path: "ok"}}, "fetched\ntrue"},
	}
	hit := split1(t, `{"hits":{"hits":[{"_source":`+source+`,"fields":`+fields+`}]}}`).Hits()[0]
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := hit.Text(tt.fields); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	bare := split1(t, `{"hits":{"hits":[{"_id":"a"}]}}`).Hits()[0]
	if got := bare.Text([]Field{{Path: "title"}, {Path: "title", Fetched: true}}); got != "" {
		t.Errorf("a hit without _source and fields has the text %q", got)
	}
}

func TestHitTextOfRealAnswers(t *testing.T) {
	for file, body := range recorded(t) {
		if !strings.HasSuffix(file, "-compact-everything.json") {
			continue
		}
		a, err := Split(body)
		if err != nil {
			t.Fatal(err)
		}
		for i, h := range a.Hits() {
			got := h.Text([]Field{{Path: "title", Fetched: true}, {Path: "comments.text", Fetched: true}})
			lines := strings.Split(got, "\n")
			if len(lines) < 2 || strings.ContainsAny(got, "{[") {
				t.Errorf("%s: hit %d has the text %q", file, i, got)
			}
			if fragments := h.Fragments([]string{"none", "title"}); len(fragments) != 1 || !strings.Contains(fragments[0], "<em>") {
				t.Errorf("%s: hit %d has the fragments %q", file, i, fragments)
			}
		}
		// What stood in fields alone was added for the text: without it nothing of it may be left.
		out := split1(t, write(t, a, Page{Order: identity(a), DropFields: []string{"title", "comments.text"}}))
		for i, h := range out.Hits() {
			if h.Fields() != nil {
				t.Errorf("%s: hit %d still has fields %s", file, i, h.Fields())
			}
		}
	}
}

func TestFragments(t *testing.T) {
	hit := split1(t, `{"hits":{"hits":[{"highlight":{"b":["<em>x<\/em>","y"],"a":["z"],"odd":"w"}}]}}`).Hits()[0]
	if got := hit.Fragments([]string{"a", "b", "c", "odd"}); !slices.Equal(got, []string{"z", "<em>x</em>", "y"}) {
		t.Errorf("fragments %q", got)
	}
}
