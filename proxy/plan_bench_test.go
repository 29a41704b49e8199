package proxy

import (
	"strings"
	"testing"
)

// BenchmarkPlan plans a plain search, one that needs fields added, and one with a body of 100 KB (a long terms filter).
func BenchmarkPlan(b *testing.B) {
	filter := `{"terms":{"id":[` + strings.Repeat(`"0123456789",`, 8000) + `"x"]}}`
	for _, c := range []struct{ name, body string }{
		{"plain", matchBody},
		{"fields added", `{"from":10,"_source":["price"],"query":{"bool":{"must":[{"multi_match":{"query":"quick fox","fields":["title^2","body"]}}],"filter":[{"term":{"open":true}}]}}}`},
		{"large filter", `{"query":{"bool":{"must":{"match":{"title":"quick fox"}},"filter":` + filter + `}}}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			r, rules := ask("POST /products/_search", c.body), testRules()
			b.ReportAllocs()
			b.SetBytes(int64(len(c.body)))
			for b.Loop() {
				if d := Plan(r, rules); d.Bypass != "" {
					b.Fatal(d.Bypass)
				}
			}
		})
	}
}
