package e2e

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/resift/resift/test/rig"
)

// texts are what a model was given to read.
type texts struct {
	mu   sync.Mutex
	list []string
}

func (x *texts) score(i int, query, text string) float64 {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.list = append(x.list, text)
	return rig.KeepOrder(i, query, text)
}

func (x *texts) read() []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.list)
}

// TestTextsOfHits looks at what the model reads of documents with many values, nested objects and HTML, through _source and
// through fields.
func TestTextsOfHits(t *testing.T) {
	const query = `{"query":{"multi_match":{"query":"odd words","fields":["title","text"]}},"size":30`
	onBoth(t, func(t *testing.T, e *engine) {
		for name, more := range map[string]string{"from _source": "", "from fields": `,"_source":["key"]`} {
			t.Run(name, func(t *testing.T) {
				var read texts
				c := withScorer(e, rig.NewScorer(t, read.score))
				c.indices = `[{match: "*", fields: [title, text, people.name], window: 50, html: strip}]`
				p := start(t, c)
				if a := p.ask(post("/"+odd+"/_search", query+more+"}")); a.resiftStatus() != "reranked" {
					t.Fatal(a)
				}
				got := read.read()
				for _, want := range []string{
					"odd nested\nodd words about a parser nested\nAda Lovelace\nAlan Turing",
					"odd first\nodd second\nwords one\nwords two",
					"odd words without text",
					"odd words without a title",
				} {
					if !slices.Contains(got, want) {
						t.Errorf("no model read %q", want)
					}
				}
				if !slices.ContainsFunc(got, func(s string) bool { return strings.HasSuffix(s, "\nodd words about a parser é中😀 &") }) {
					t.Error("HTML was not stripped")
				}
				if t.Failed() {
					t.Logf("%.3000q", got)
				}
			})
		}
	})
}
