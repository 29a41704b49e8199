package corpus

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"
)

// What make.py prints for dict-foldoc 20230119-1.
const (
	packedSHA256   = "9727203f2f9c81ecbf18fd2682bcbe872be2d43bc23853f226be087e2e957ea4"
	unpackedSHA256 = "b87eac84f11256ecb4636946f71162166189ba7cc4f12309b04ede2e697988e4"
	entries        = 12014 // the package's 15,247 headwords share them
	most           = 3 << 20
)

func TestCorpusIsWhatMakePrints(t *testing.T) {
	if len(packed) > most {
		t.Errorf("foldoc.jsonl.gz has %d bytes, more than %d", len(packed), most)
	}
	if got := fmt.Sprintf("%x", sha256.Sum256(packed)); got != packedSHA256 {
		t.Errorf("sha256 of foldoc.jsonl.gz = %s, want %s", got, packedSHA256)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	if !z.ModTime.IsZero() || z.Name != "" {
		t.Errorf("gzip header carries time %v, name %q: the file would differ from run to run", z.ModTime, z.Name)
	}
	unpacked := sha256.New()
	if _, err := io.Copy(unpacked, z); err != nil {
		t.Fatal(err)
	}
	if got := fmt.Sprintf("%x", unpacked.Sum(nil)); got != unpackedSHA256 {
		t.Errorf("sha256 of foldoc.jsonl = %s, want %s", got, unpackedSHA256)
	}
}

func TestDocuments(t *testing.T) {
	slug := regexp.MustCompile(`^[a-z0-9]+(-[a-z0-9]+)*$`)
	seen := map[string]bool{}
	for d, err := range Documents() {
		if err != nil {
			t.Fatal(err)
		}
		if seen[d.ID] || !slug.MatchString(d.ID) {
			t.Errorf("identifier %q is used twice or is no slug", d.ID)
		}
		seen[d.ID] = true
		if strings.TrimSpace(d.Title) == "" || strings.TrimSpace(d.Text) == "" {
			t.Errorf("%s: title %q, text %q", d.ID, d.Title, d.Text)
		}
		if !utf8.ValidString(d.Title + d.Text) {
			t.Errorf("%s is not UTF-8", d.ID)
		}
		if d.Updated != "" && !isDate(d.Updated) {
			t.Errorf("%s: updated %q", d.ID, d.Updated)
		}
	}
	if len(seen) != entries || Count() != entries {
		t.Errorf("%d identifiers, Count() = %d, want %d", len(seen), Count(), entries)
	}
}

func isDate(s string) bool {
	for _, layout := range []string{"2006", "2006-01", "2006-01-02"} {
		if _, err := time.Parse(layout, s); err == nil {
			return true
		}
	}
	return false
}

func TestEntriesAreClean(t *testing.T) {
	texts := map[string]string{}
	for d, err := range Documents() {
		if err != nil {
			t.Fatal(err)
		}
		texts[d.ID] = d.Text
	}
	for _, tt := range []struct{ what, id, holds, lacks string }{
		{"wrapped lines joined, cross-references plain", "link-rot", "on a web page became unusable as the pages", "\n"},
		{"subject mark in parentheses", "optical-mouse", "(hardware) Any kind of mouse that", "<"},
		{"date taken off the end", "link-rot", "are removed.", "1997"},
		{"program text keeps lines and braces", "semaphore", "{\n  while (s == 0) ;", "{busy-waits}"},
		{"paragraphs kept", "binary", "Boolean algebra.\n\n2. (file format) binary file.\n\n3.", "{"},
		{"further headwords that the text lacks", "c-sharp", "Also: C-sharp.", "{"},
	} {
		t.Run(tt.what, func(t *testing.T) {
			if text := texts[tt.id]; !strings.Contains(text, tt.holds) || strings.Contains(text, tt.lacks) {
				t.Errorf("%s: want %q in it and %q not:\n%s", tt.id, tt.holds, tt.lacks, text)
			}
		})
	}
}

func TestTitle(t *testing.T) {
	for id, want := range map[string]string{"c": "C", "c-plus-plus": "C++", "heisenbug": "heisenbug", "no-such-entry": ""} {
		if got := Title(id); got != want {
			t.Errorf("Title(%q) = %q, want %q", id, got, want)
		}
	}
}

func TestQuestionsAndJudgments(t *testing.T) {
	asked := map[string]string{}
	for line := range strings.Lines(Queries()) {
		id, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
		if !ok || strings.TrimSpace(text) != text || text == "" || asked[id] != "" {
			t.Errorf("queries.tsv: %q", line)
		}
		asked[id] = text
	}
	if len(asked) < 60 {
		t.Errorf("%d questions, want at least 60", len(asked))
	}
	best := map[string]int{}
	judged := map[[2]string]bool{}
	for line := range strings.Lines(Qrels()) {
		f := strings.Fields(line)
		if len(f) != 4 || f[1] != "0" {
			t.Fatalf("qrels.txt: %q", line)
		}
		grade, err := strconv.Atoi(f[3])
		if err != nil || grade < 0 || grade > 3 {
			t.Errorf("qrels.txt: grade of %q", line)
		}
		if asked[f[0]] == "" || Title(f[2]) == "" {
			t.Errorf("qrels.txt: no such question or document: %q", line)
		}
		if pair := [2]string{f[0], f[2]}; judged[pair] {
			t.Errorf("qrels.txt: judged twice: %q", line)
		} else {
			judged[pair] = true
		}
		best[f[0]] = max(best[f[0]], grade)
	}
	for id, text := range asked {
		if best[id] < 2 {
			t.Errorf("%s %q has no entry that answers it (best grade %d)", id, text, best[id])
		}
	}
}

func TestLicenceGoesWithTheCorpus(t *testing.T) {
	for _, want := range []string{
		"Editor Denis Howe", "Copyright 1985 by Denis Howe", "Modified Version", "no Invariant Sections",
		"Version 1.1, March 2000", "0. PREAMBLE", "4. MODIFICATIONS", "10. FUTURE REVISIONS OF THIS LICENSE",
	} {
		if !strings.Contains(Licence(), want) {
			t.Errorf("LICENSE.FOLDOC lacks %q", want)
		}
	}
}
