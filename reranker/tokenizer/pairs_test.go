package tokenizer

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

// pairCase is a pair as Python's tokenizers encodes it; testdata/pairs.py wrote them.
type pairCase struct {
	Tokenizer, Query, Passage string
	Max                       int
	IDs, Types                []int32
	Refused                   string
}

func readPairs(t *testing.T) []pairCase {
	t.Helper()
	file, err := os.ReadFile("testdata/pairs.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []pairCase
	if err := json.Unmarshal(file, &cases); err != nil {
		t.Fatal(err)
	}
	return cases
}

// types spells passageStart as the token types it stands for.
func types(length, passageStart int) []int32 {
	types := make([]int32, length)
	for i := passageStart; i < length; i++ {
		types[i] = 1
	}
	return types
}

// TestPairsOfPython compares layout, types and truncation with Hugging Face's own pair encoding.
func TestPairsOfPython(t *testing.T) {
	opened := map[string][]Tokenizer{}
	for _, c := range readPairs(t) {
		if opened[c.Tokenizer] == nil {
			opened[c.Tokenizer] = openAll(t, filepath.Join("testdata", c.Tokenizer))
		}
		for _, tok := range opened[c.Tokenizer] {
			ids, start := tok.Pair(tok.Query(c.Query), c.Passage, c.Max, nil)
			name := fmt.Sprintf("%T %s, %q and %q in %d tokens", tok, c.Tokenizer, c.Query, c.Passage, c.Max)
			if c.Refused != "" {
				if len(ids) > c.Max {
					t.Errorf("%s: %d tokens", name, len(ids))
				}
				continue
			}
			if !slices.Equal(ids, c.IDs) || !slices.Equal(types(len(ids), start), c.Types) {
				t.Errorf("%s:\n got %v, types %v\nwant %v, types %v", name, ids, types(len(ids), start), c.IDs, c.Types)
			}
		}
	}
}

// openAll opens a directory as OpenDir does and, where that gives WordPiece, with Hugging Face's library too.
func openAll(t *testing.T, dir string) []Tokenizer {
	t.Helper()
	tok, err := OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := tok.(*WordPiece); !ok {
		return []Tokenizer{tok}
	}
	file, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewHuggingFace(file)
	if err != nil {
		t.Fatal(err)
	}
	return []Tokenizer{tok, h}
}

// TestLongQuery shares a pair's room where only_second has no answer.
func TestLongQuery(t *testing.T) {
	w, h := both(t, bertFixture())
	long := "the of and to in is a for that on" // one token a word
	tests := []struct {
		name               string
		query, passage     string
		maxTokens          int
		wantQuery, wantPas int
	}{
		{"fits", "the of", "and to", 10, 2, 2},
		{"passage cut", "the of", long, 10, 2, 5},
		{"one token left", "the of and to in is", long, 10, 6, 1},
		{"no token left", "the of and to in is a", long, 10, 3, 4},
		{"query past the model", long + " " + long, long, 10, 3, 4},
		{"short passage, query gets the rest", long + " " + long, "the", 10, 6, 1},
		{"empty passage", long, "", 10, 7, 0},
		{"query fills it, empty passage", "the of and to in is a", "", 10, 7, 0},
		{"room for one", long, long, 4, 0, 1},
		{"room for none", long, long, 3, 0, 0},
		{"less than the special tokens", long, long, 1, 0, 0},
		{"negative", long, long, -5, 0, 0},
	}
	for _, test := range tests {
		for _, tok := range []Tokenizer{w, h} {
			ids, start := tok.Pair(tok.Query(test.query), test.passage, test.maxTokens, nil)
			if start-2 != test.wantQuery || len(ids)-start-1 != test.wantPas {
				t.Errorf("%T %s: %d tokens of query, %d of passage; want %d, %d", tok, test.name, start-2, len(ids)-start-1, test.wantQuery, test.wantPas)
			}
		}
	}
}

// TestPairAllocates holds Pair to its promise: none with a dst that is long enough.
func TestPairAllocates(t *testing.T) {
	w, _ := both(t, bertFixture())
	q := w.Query("what is re-ranking?")
	dst := make([]int32, 0, 4096)
	for _, text := range append(slices.Clone(hardTexts), benchPassages()...) {
		if n := testing.AllocsPerRun(3, func() { w.Pair(q, text, 512, dst) }); n != 0 {
			t.Errorf("%q: %v allocations", text, n)
		}
	}
}

// TestReach holds that what Pair reads of a passage ends where Reach says: the same ids come of the passage up to there, and
// fewer of the passage before the word that is cut.
func TestReach(t *testing.T) {
	passages := []string{
		"", "the", "the of and to in is a ", "unaffable words, hyphen-ated; and more of the same", "  the\tof\x00 and \xff to  ",
		"naïve café 東京 タワー 🦊🦊 the of", "[SEP] the [MASK] of and", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa the of",
	}
	for name, tok := range windowTokenizers(t) {
		exact := name == "WordPiece" || name == "HuggingFace" // the others' offsets leave out tokens that are all space
		for _, query := range []string{"", "the", "what is the naïve fox of the of and to in"} {
			q := tok.Query(query)
			for _, passage := range passages {
				for maxTokens := range 24 {
					whole, _ := tok.Pair(q, passage, maxTokens, nil)
					end := tok.Reach(q, passage, maxTokens)
					if end < 0 || end > len(passage) {
						t.Fatalf("%s: %q and %q in %d tokens: byte %d", name, query, passage, maxTokens, end)
					}
					if ids, _ := tok.Pair(q, passage[:end], maxTokens, nil); !slices.Equal(ids, whole) && (exact || !strings.Contains(passage, "\t")) {
						t.Errorf("%s: %q and %q in %d tokens: up to byte %d there are %v, not %v", name, query, passage, maxTokens, end, ids, whole)
					}
					all, _ := tok.Pair(q, passage, 1000, nil)
					if cut := len(all) > len(whole); !cut && end != len(passage) {
						t.Errorf("%s: %q and %q in %d tokens: byte %d, and nothing is cut", name, query, passage, maxTokens, end)
					}
					before := strings.LastIndexAny(strings.TrimRight(passage[:end], " \t"), " \t")
					if end == len(passage) || before < 0 || query != "" || !utf8.ValidString(passage) {
						// A short passage leaves a query more room, and invalid bytes are no tokens.
						continue
					}
					if ids, _ := tok.Pair(q, passage[:before], maxTokens, nil); len(ids) >= len(whole) && name == "WordPiece" {
						t.Errorf("%s: %q and %q in %d tokens: byte %d is past what is read", name, query, passage, maxTokens, end)
					}
				}
			}
		}
	}
}
