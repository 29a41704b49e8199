package proxy

import (
	"bytes"
	"net/http"
	"testing"
)

// FuzzSplitMulti holds the splitter to three promises: every line has one place, what is composed of the lines as they came is
// the body as it came, and whatever is planned and rewritten is taken apart again into as many searches.
func FuzzSplitMulti(f *testing.F) {
	for _, seed := range []string{
		notes + "\n{" + query + "}\n", "{}\r\n{\"size\":0}\r\n", "{}\n{}\n\n{}\n{}\n", "\n{}\n", "{}\n{}", "x\ny\n", "{\"index\":[\"a\",\"b\"]}\n{}\n{}\n",
		notes + "\n{" + query + `,"ext":{"resift":{"window":7}}}` + "\n", `{"index":null}` + "\n{" + query + "\n", "\r\n\r\n\r\n",
	} {
		f.Add([]byte(seed), "a,b")
	}
	rules := &Rules{List: []Rule{testRule()}, Allow: AllowAll()}
	f.Fuzz(func(t *testing.T, content []byte, index string) {
		m, ok := splitMulti(content, index)
		if !ok {
			return
		}
		p := requestPlan{multi: &m}
		if same := p.compose(nil, func(i int) []byte { return m.items[i].body.Of(content) }); !bytes.Equal(same, content) {
			t.Fatalf("%q became %q", content, same)
		}
		decisions, refusal := planMulti(&m, nil, http.Header{}, "", rules, nil)
		if refusal != nil {
			return
		}
		for _, search := range []func(i int) []byte{
			func(i int) []byte { return decisions[i].Own.Body },
			func(i int) []byte {
				if decisions[i].Bypass == "" {
					return decisions[i].First.Body
				}
				return decisions[i].Own.Body
			},
		} {
			again, ok := splitMulti(p.compose(nil, search), index)
			if !ok || len(again.items) != len(m.items) {
				t.Fatalf("%q: %d searches, of %d", again.content, len(again.items), len(m.items))
			}
			for i := range m.items {
				if !bytes.Equal(again.items[i].header.Of(again.content), m.items[i].header.Of(content)) || again.items[i].index != m.items[i].index {
					t.Fatalf("header %d of %q is not that of %q", i, again.content, content)
				}
			}
		}
		if tail := m.content[m.tail:]; bytes.Count(tail, []byte("\n")) > 1 {
			t.Fatalf("%q is left over", tail)
		}
	})
}
