package tokenizer

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
	"unsafe"
)

// windowTokenizers are one of each kind: WordPiece, and Hugging Face's library with BERT's, byte-level and ▁ pieces.
func windowTokenizers(t testing.TB) map[string]Tokenizer {
	t.Helper()
	w, h := both(t, bertFixture())
	toks := map[string]Tokenizer{"WordPiece": w, "HuggingFace": h}
	for _, name := range []string{"roberta", "xlmr"} {
		tok, err := OpenDir("testdata/" + name)
		if err != nil {
			t.Fatal(err)
		}
		toks[name] = tok
	}
	return toks
}

// checkWindows holds windows to what Windows promises. What two windows share may have more tokens alone than in its
// place, but not with WordPiece.
func checkWindows(t *testing.T, tok Tokenizer, text string, maxTokens, overlap int) {
	t.Helper()
	windows := tok.Windows(text, maxTokens, overlap)
	if tok.Query(text).Len() <= maxTokens && (len(windows) != 1 || windows[0] != text) {
		t.Fatalf("%q fits %d tokens and became %q", text, maxTokens, windows)
	}
	_, exact := tok.(*WordPiece)
	covered, start := 0, 0
	for i, window := range windows {
		at := offsetIn(text, window)
		if at < start || at > covered || at+len(window) <= covered && text != "" {
			t.Fatalf("%q in %d tokens: window %d of %q isn't where the text goes on at byte %d", text, maxTokens, i, windows, covered)
		}
		if tokens := tok.Query(window).Len(); tokens > maxTokens && utf8.RuneCountInString(window) > 1 {
			t.Fatalf("%q: window %q has %d tokens, not %d", text, window, tokens, maxTokens)
		}
		if utf8.ValidString(text) && !utf8.ValidString(window) {
			t.Fatalf("%q: window %q cuts a character", text, window)
		}
		if shared := tok.Query(text[at:covered]).Len(); exact && shared > min(max(overlap, 0), maxTokens/2) {
			t.Fatalf("%q: window %q shares %d tokens, not %d", text, window, shared, overlap)
		}
		covered, start = at+len(window), at+1
	}
	if covered != len(text) {
		t.Fatalf("%q in %d tokens: %q ends at byte %d", text, maxTokens, windows, covered)
	}
}

// offsetIn is where part, a substring of text, starts in it; -1 if it isn't one.
func offsetIn(text, part string) int {
	at := int(uintptr(unsafe.Pointer(unsafe.StringData(part))) - uintptr(unsafe.Pointer(unsafe.StringData(text))))
	if at < 0 || at+len(part) > len(text) {
		return -1
	}
	return at
}

func TestWindows(t *testing.T) {
	w := windowTokenizers(t)["WordPiece"]
	tests := []struct {
		name, text         string
		maxTokens, overlap int
		want               []string
	}{
		{"empty", "", 4, 0, []string{""}},
		{"fits", " the of and ", 3, 0, []string{" the of and "}},
		{"one too many", "the of and to", 3, 0, []string{"the of and ", "to"}},
		{"overlap", "the of and to in is a", 4, 2, []string{"the of and to ", "and to in is ", "in is a"}},
		{"overlap of half at most", "the of and to in", 4, 9, []string{"the of and to ", "and to in"}},
		{"negative overlap", "the of and", 2, -1, []string{"the of ", "and"}},
		{"no tokens at all", "the of", 0, 0, []string{"the ", "of"}},
		{"words stay whole", "the unability of", 3, 0, []string{"the ", "unability ", "of"}},
		{"a word too long", "unabilitys", 2, 0, []string{"un", "ab", "il", "it", "ys"}},
		{"ideographs", "日本語中文", 2, 0, []string{"日本", "語中", "文"}},
		{"added tokens", "the[MASK]of", 1, 0, []string{"the", "[MASK]", "of"}},
		{"long word of unknown", strings.Repeat("x", 200) + " the", 1, 0, []string{strings.Repeat("x", 200) + " ", "the"}},
		{"spaces", "  the   of  ", 1, 0, []string{"  the   ", "of  "}},
	}
	for _, test := range tests {
		if got := w.Windows(test.text, test.maxTokens, test.overlap); !slices.Equal(got, test.want) {
			t.Errorf("%s: %q, want %q", test.name, got, test.want)
		}
	}
}

// TestWindowsPromise checks every promise on hard and on random texts.
func TestWindowsPromise(t *testing.T) {
	for name, tok := range windowTokenizers(t) {
		t.Run(name, func(t *testing.T) {
			random := rand.New(rand.NewPCG(5, 6))
			for _, text := range hardTexts {
				for _, maxTokens := range []int{1, 2, 3, 8, 40} {
					checkWindows(t, tok, text, maxTokens, maxTokens/3)
				}
			}
			for range 150 {
				var text strings.Builder
				for range random.IntN(12) {
					text.WriteString(hardTexts[random.IntN(len(hardTexts))])
					text.WriteString([]string{"", " ", " the quick search engine ", "\n\n"}[random.IntN(4)])
				}
				checkWindows(t, tok, text.String(), 4+random.IntN(60), random.IntN(30))
			}
		})
	}
}

// FuzzWindows looks for a text whose windows break a promise.
func FuzzWindows(f *testing.F) {
	for i, text := range hardTexts {
		f.Add(text, i%9, i%4)
	}
	w, _ := both(f, bertFixture())
	f.Fuzz(func(t *testing.T, text string, maxTokens, overlap int) {
		checkWindows(t, w, text, 1+max(maxTokens%100, 0), overlap%100)
	})
}
