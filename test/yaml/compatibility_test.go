package yaml

import (
	"bytes"
	"os"
	"testing"
)

const page = "../../docs/compatibility.md"

// The table stands between these lines of the page.
const (
	tableBegins = "<!-- suite: written by make yamltest UPDATE=-update -->\n"
	tableEnds   = "<!-- /suite -->"
)

// writeTable puts the table of a whole run into the page.
func writeTable(t *testing.T, all []*tally) {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := bytes.Cut(text, []byte(tableBegins))
	_, after, also := bytes.Cut(rest, []byte(tableEnds))
	if !ok || !also {
		t.Fatalf("%s has no place for the table", page)
	}
	written := bytes.Join([][]byte{before, []byte(tableBegins), []byte(table(all)), []byte(tableEnds), after}, nil)
	if err := os.WriteFile(page, written, 0o644); err != nil {
		t.Fatal(err)
	}
}
