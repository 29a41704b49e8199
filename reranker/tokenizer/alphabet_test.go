package tokenizer

import (
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"
)

// TestCharactersAndBytes holds what Windows relies on: no character becomes more characters than it has bytes.
func TestCharactersAndBytes(t *testing.T) {
	props, err := readProperties(propertiesText)
	if err != nil {
		t.Fatal(err)
	}
	for name, n := range normalizers() {
		a := newAlphabet(props, n)
		for c := range rune(unicode.MaxRune + 1) {
			if utf8.ValidRune(c) && a.chars(c) > utf8.RuneLen(c) {
				t.Errorf("%s: %U becomes %d characters", name, c, a.chars(c))
			}
		}
	}
}

func TestBadProperties(t *testing.T) {
	for _, text := range []string{"space 20", "space 20 x", "space 20 110000", "nonsense 20 20", "class300 20 20"} {
		if _, err := readProperties(text); err == nil || !strings.Contains(err.Error(), text) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// TestConcurrentUse is for the race detector: one tokenizer, many goroutines, equal answers.
func TestConcurrentUse(t *testing.T) {
	for name, tok := range windowTokenizers(t) {
		text := strings.Join(hardTexts, " ")
		want := tok.Query(text).Len()
		var group sync.WaitGroup
		for range 4 {
			group.Go(func() {
				for range 20 {
					ids, _ := tok.Pair(tok.Query(text), text, 1<<20, nil)
					if windows := tok.Windows(text, 64, 8); len(windows) < 2 || len(ids) < 2*want {
						t.Errorf("%s: %d tokens, %d windows", name, len(ids), len(windows))
					}
				}
			})
		}
		group.Wait()
	}
}
