package proxy

import (
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// readClauses are the names that the code reads text from.
func readClauses(t *testing.T) map[string]bool {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "query_text.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	names := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		if fn, ok := n.(*ast.FuncDecl); ok && fn.Name.Name != "clause" {
			return false
		}
		if c, ok := n.(*ast.CaseClause); ok {
			for _, e := range c.List {
				name, _ := strconv.Unquote(e.(*ast.BasicLit).Value)
				names[name] = true
			}
		}
		return true
	})
	if len(names) < 20 {
		t.Fatalf("found only %d clauses in query_text.go", len(names))
	}
	return names
}

// documentedClauses are the names in the first column of docs/search.md's table, each with whether the second tells of a text.
func documentedClauses(t *testing.T) map[string]bool {
	t.Helper()
	content, err := os.ReadFile("../docs/search.md")
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(content), "| clause | text |\n|---|---|\n")
	table, _, closed := strings.Cut(table, "\n\n")
	if !ok || !closed {
		t.Fatal("docs/search.md has no table of clauses")
	}
	names := map[string]bool{}
	for row := range strings.Lines(table + "\n") {
		cells := strings.Split(row, "|")
		if len(cells) != 4 {
			t.Fatalf("not a row of two cells: %s", row)
		}
		first, _, _ := strings.Cut(cells[1], "(")
		for _, m := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(first, -1) {
			if _, twice := names[m[1]]; twice {
				t.Errorf("%s stands twice in docs/search.md", m[1])
			}
			names[m[1]] = !strings.HasPrefix(strings.TrimSpace(cells[2]), "none")
		}
	}
	return names
}

// TestTableOfClauses holds the table of docs/search.md against the code that reads them, both ways.
func TestTableOfClauses(t *testing.T) {
	documented, read := documentedClauses(t), readClauses(t)
	for name, text := range documented {
		if text != read[name] {
			t.Errorf("%s: docs/search.md says text %v, the code %v", name, text, read[name])
		}
	}
	for name := range read {
		if _, ok := documented[name]; !ok {
			t.Errorf("docs/search.md does not name the clause %s", name)
		}
	}
}
