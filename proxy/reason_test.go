package proxy

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// declaredReasons reads the constants of reason.go with their comments, in order.
func declaredReasons(t *testing.T) (values []Reason, meanings []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "reason.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || !strings.HasPrefix(spec.Names[0].Name, "Reason") {
			return true
		}
		value, err := strconv.Unquote(spec.Values[0].(*ast.BasicLit).Value)
		if err != nil {
			t.Fatal(err)
		}
		values = append(values, Reason(value))
		meanings = append(meanings, strings.TrimSpace(spec.Comment.Text()))
		return true
	})
	return values, meanings
}

func TestReasonsListsEveryReasonOnce(t *testing.T) {
	declared, meanings := declaredReasons(t)
	if !slices.Equal(declared, Reasons()) {
		t.Errorf("reason.go declares %v\nReasons() lists %v", declared, Reasons())
	}
	seen := map[Reason]bool{}
	for i, r := range declared {
		if seen[r] || r == "" || meanings[i] == "" {
			t.Errorf("reason %q is declared twice, empty or without a meaning", r)
		}
		seen[r] = true
	}
}

// TestReasonsAreDocumented holds the table of docs/search.md against reason.go; -update writes it.
func TestReasonsAreDocumented(t *testing.T) {
	const file, begin, end = "../docs/search.md", "<!-- reasons: written by go test ./proxy -run Reasons -update -->\n", "<!-- /reasons -->"
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(content), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no place for the reasons", file)
	}
	var want strings.Builder
	want.WriteString("| reason | status | meaning |\n|---|---|---|\n")
	values, meanings := declaredReasons(t)
	for i, r := range values {
		status := "bypassed"
		if i >= slices.Index(values, ReasonEngineStatus) {
			status = "fallback"
		}
		if r == ReasonDeadline || r == ReasonModel {
			status = "partial or fallback"
		}
		fmt.Fprintf(&want, "| `%s` | %s | %s |\n", r, status, meanings[i])
	}
	if *update {
		if err := os.WriteFile(file, []byte(before+begin+want.String()+end+after), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if got != want.String() {
		t.Errorf("the table of %s is not that of reason.go; run with -update", file)
	}
}
