package resift_test

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"
)

const module = "github.com/resift/resift/"

// thirdParty tells where a dependency may be imported; one that isn't here may be anywhere.
var thirdParty = map[string][]string{
	"github.com/elastic/":             {"searchclient"},
	"github.com/yalue/onnxruntime_go": {"reranker"},
	"github.com/daulet/tokenizers":    {"reranker"},
	"github.com/hashicorp/golang-lru": {"cache"},
	"github.com/prometheus/":          {"cmd"},
	"go.opentelemetry.io/":            {"proxy", "cmd"},
}

type goPackage struct {
	ImportPath string
	Imports    []string // of the files that aren't tests
}

func (p goPackage) folder() string { return strings.TrimPrefix(p.ImportPath, module) }

// TestLayout holds every import against the table of packages in docs/architecture.md.
func TestLayout(t *testing.T) {
	rows := readTable(t)
	seen := map[string]bool{}
	for _, p := range listPackages(t) {
		row := rowOf(rows, p.folder())
		if row == "" && len(p.Imports) == 0 {
			continue // tests alone
		}
		if row == "" {
			t.Errorf("%s has no row in docs/architecture.md", p.folder())
			continue
		}
		seen[row] = true
		for _, imported := range p.Imports {
			if folder, ours := strings.CutPrefix(imported, module); ours && !mayImport(row, rows[row], folder) {
				t.Errorf("%s imports %s; docs/architecture.md allows %v", p.folder(), folder, rows[row])
			}
		}
	}
	for row := range rows {
		if !seen[row] {
			t.Errorf("docs/architecture.md has a row for %s, which is no package", row)
		}
	}
}

// TestThirdPartyImports keeps each named dependency in the package that is about it.
func TestThirdPartyImports(t *testing.T) {
	for _, p := range listPackages(t) {
		for _, imported := range p.Imports {
			for prefix, folders := range thirdParty {
				if strings.HasPrefix(imported, prefix) && !belowAny(p.folder(), folders) {
					t.Errorf("%s imports %s, which is for %v alone", p.folder(), imported, folders)
				}
			}
		}
	}
}

// mayImport: a package may use its own folder and what is below it, and the folders that its row allows.
func mayImport(row string, allowed []string, folder string) bool {
	return belowAny(folder, append([]string{row}, allowed...))
}

// belowAny tells whether folder is one of roots or inside one; the root "*" holds all.
func belowAny(folder string, roots []string) bool {
	for _, root := range roots {
		if root == "*" || folder == root || strings.HasPrefix(folder, root+"/") {
			return true
		}
	}
	return false
}

// rowOf is the longest of the table's folders that holds folder, "" if none does.
func rowOf(rows map[string][]string, folder string) string {
	longest := ""
	for row := range rows {
		if len(row) > len(longest) && belowAny(folder, []string{row}) {
			longest = row
		}
	}
	return longest
}

var (
	tableRow = regexp.MustCompile("(?m)^\\| `([a-z0-9/]+)` \\|.*\\| (.*) \\|$")
	quoted   = regexp.MustCompile("`([a-z0-9/]+)`")
)

// readTable maps each folder of the table to the folders it may import: * for everything.
func readTable(t *testing.T) map[string][]string {
	t.Helper()
	page, err := os.ReadFile("docs/architecture.md")
	if err != nil {
		t.Fatal(err)
	}
	rows := map[string][]string{}
	for _, row := range tableRow.FindAllStringSubmatch(string(page), -1) {
		folder, imports := row[1], row[2]
		rows[folder] = []string{}
		switch imports {
		case "everything":
			rows[folder] = []string{"*"}
		case "none", "its own folders":
		default:
			for _, name := range quoted.FindAllStringSubmatch(imports, -1) {
				rows[folder] = append(rows[folder], name[1])
			}
			if len(rows[folder]) == 0 {
				t.Fatalf("docs/architecture.md: imports of %s are not understood: %q", folder, imports)
			}
		}
	}
	if len(rows["proxy"]) == 0 {
		t.Fatalf("docs/architecture.md: no table of packages in %d rows", len(rows))
	}
	return rows
}

func listPackages(t *testing.T) []goPackage {
	t.Helper()
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Env = append(os.Environ(), "GOWORK=off") // this module alone: test/clients/go is one of its own
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var packages []goPackage
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p goPackage
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return packages
		} else if err != nil {
			t.Fatal(err)
		}
		if p.folder() != p.ImportPath { // the root has tests alone
			packages = append(packages, p)
		}
	}
}

// TestLayoutRules holds the rules above to what they must refuse.
func TestLayoutRules(t *testing.T) {
	rows := map[string][]string{"cmd/app": {"*"}, "outer": {"inner"}, "inner": {}, "inner/part": {}}
	tests := []struct {
		from, to string
		want     bool
	}{
		{"cmd/app", "outer", true},
		{"outer", "inner", true},
		{"outer", "inner/part", true},
		{"outer", "cmd/app", false},
		{"inner", "inner/part", true},
		{"inner", "outer", false},
		{"inner/part", "inner", false},
		{"inner/other", "inner/part", true},
		{"inner", "innermost", false},
	}
	for _, test := range tests {
		row := rowOf(rows, test.from)
		if got := mayImport(row, rows[row], test.to); got != test.want {
			t.Errorf("%s imports %s: allowed %v, want %v", test.from, test.to, got, test.want)
		}
	}
}
