package tokenizer

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// checkEqual holds WordPiece's pair to Hugging Face's.
func checkEqual(t *testing.T, w *WordPiece, h *HuggingFace, query, passage string, maxTokens int) {
	t.Helper()
	prefix := []int32{-7}
	got, gotStart := w.Pair(w.Query(query), passage, maxTokens, slices.Clone(prefix))
	want, wantStart := h.Pair(h.Query(query), passage, maxTokens, slices.Clone(prefix))
	if !slices.Equal(got, want) || gotStart != wantStart {
		t.Errorf("query %q, passage %q, %d tokens:\n got %v, passage at %d\nwant %v, passage at %d",
			query, passage, maxTokens, got, gotStart, want, wantStart)
	}
}

var hardTexts = []string{
	"", " ", "\t\n\r\v\f", "a", "Hello, World!", "hello  world ", "don't", "state-of-the-art", "[MASK]", "x[MASK]y", "[mask]",
	"[CLS] a [SEP] b [PAD][UNK]", "[[MASK]]", "[MAS", "[MASK", "[MASK][SE", "[SEP]]", "a[SEP]\u0301b", "\u1ABB[MASK]\u1DFB\u0315",
	"NUL\x00in\x00text\x00", "\x00", "bad\xffbytes\xc3", "\xe2\x82", "\xf0\x9f\x98", "\xed\xa0\x80", "\xc0\x80", "a\xffb",
	"\uFFFD", "a\uFFFDb", "soft\u00ADhyphen", "zero\u200Bwidth\u200Djoin\uFEFFer", "rtl\u202Eover", "private\uE000use", "unassigned\u0378",
	"nbsp\u00A0here", "line\u2028para\u2029end", "nel\u0085x", "ideo\u3000space", "ogham\u1680space", "mongolian\u180Eseparator",
	"É È Ê Ë", "e\u0301", "e\u0301\u0300\u0323", "\u0301", "a \u0301 b", "İstanbul ıI", "Straße STRASSE ẞ", "ΣΊΣΥΦΟΣ ς", "ǅ ǆ Ǆ", "ﬁ ﬂ Ⅷ",
	"ÅÅÅ", "ệ Ệ", "Ǖ ǖ", "ậ\u0308", "Ω Ω K K", "\u212A\u212B\u2126", "\u1FEF\u037E\u0387", "\u2000\u2001", "\u2329x\u232A",
	"日本語", "日本 語", "中文English混合", "東京、大阪。", "豈更車", "\U00020000\U0002A6DF\U0002B820\U0002CEB0", "ひらがなカタカナ", "가각힣한국어", "한국어", "\u1112\u1161\u11AB",
	"हिन्दी नमस्ते", "ไทยภาษา", "العربية سَلَام", "עִבְרִית", "\u0958\u09CB\u0DDA",
	"emoji😀🎉❤️👍🏽👨‍👩‍👧‍👦🇩🇪", "½ ² ₂ ①", "$100 €5 £ ^ ` | ~ + < = >", "¡¿«»–—‘’“”…", "a_b#c@d", "##ing", "# #ing",
	"\U0001D160\U0001D165\U0001D16E", "x\u302E\u302Fy\u302F\u302E", "\U0001E000\u0323\U0001E001\u1DFB", "\u08D4\u0334\u1B44\u302E",
	"a\u302E\u0901\U00011446", "a\u302E\u0301\U00011446", "a\u302E\u200B\U00011446", "a\u302E\u0BC0\u1B44 \u302E\u1B44",
	strings.Repeat("a", 99), strings.Repeat("a", 100), strings.Repeat("a", 101), strings.Repeat("é", 100), strings.Repeat("é", 101),
	strings.Repeat("😀", 100), strings.Repeat("😀", 101), strings.Repeat("가", 33) + "각", strings.Repeat("가", 51), strings.Repeat("x", 5000),
	strings.Repeat("a\u0301", 100), strings.Repeat("a\u0301", 101), strings.Repeat("\u302E", 100), strings.Repeat("\u302F", 60) + strings.Repeat("\u302E", 40),
	strings.Repeat("a\u200B", 100), strings.Repeat("İ", 50) + "x", strings.Repeat("日", 200), strings.Repeat("!", 300), strings.Repeat("[", 300),
	"antidisestablishmentarianism unbelievability", "UN RE PRE running RUNNER houses",
}

// TestHardTexts takes each hard text as query and as passage, whole and cut to few tokens.
func TestHardTexts(t *testing.T) {
	for name, file := range testFiles(t) {
		t.Run(name, func(t *testing.T) {
			w, h := both(t, file)
			for _, text := range hardTexts {
				for _, maxTokens := range []int{0, 3, 4, 5, 7, 12, 512} {
					checkEqual(t, w, h, "what is re-ranking?", text, maxTokens)
					checkEqual(t, w, h, text, "some passage about it", maxTokens)
					checkEqual(t, w, h, text, text, maxTokens)
				}
			}
		})
	}
}

// TestRandomTexts mixes hard pieces, and characters of every kind, to texts.
func TestRandomTexts(t *testing.T) {
	var hard []rune
	w, _ := both(t, bertFixture())
	for c := range rune(0x20000) {
		if act := w.alphabet.action(c); act != keep && act != hangul && !(0xE000 <= c && c <= 0xF8FF) {
			hard = append(hard, c)
		}
	}
	var attached []rune
	for c := range w.alphabet.class {
		attached = append(attached, c)
	}
	slices.Sort(attached)
	for name, file := range testFiles(t) {
		t.Run(name, func(t *testing.T) {
			w, h := both(t, file)
			random := rand.New(rand.NewPCG(3, 4))
			for range 1500 {
				checkEqual(t, w, h, randomText(random, hard, attached), randomText(random, hard, attached), 3+random.IntN(60))
			}
		})
	}
}

func randomText(random *rand.Rand, hard, attached []rune) string {
	var b strings.Builder
	for range random.IntN(30) {
		switch random.IntN(8) {
		case 0:
			b.WriteString(hardTexts[random.IntN(len(hardTexts))])
		case 1, 2:
			b.WriteRune(hard[random.IntN(len(hard))])
		case 3:
			for range random.IntN(5) {
				b.WriteRune(attached[random.IntN(len(attached))])
			}
		case 4:
			b.WriteRune(rune(random.IntN(0x300)))
		case 5:
			b.WriteByte(byte(random.IntN(256)))
		case 6:
			b.WriteByte(' ')
		default:
			b.WriteString([]string{"the", "Running", "searched", "ability", "х", "日", "über"}[random.IntN(7)])
		}
	}
	return b.String()
}

// normalizers are the settings that change what a character becomes.
func normalizers() map[string]bertNormalizer {
	yes, no := true, false
	plain := bertNormalizer{Type: "BertNormalizer", CleanText: true, HandleChineseChars: true}
	uncased, cased, accented, stripped, joined := plain, plain, plain, plain, plain
	uncased.Lowercase = true
	accented.Lowercase, accented.StripAccents = true, &no
	stripped.StripAccents = &yes
	joined.Lowercase, joined.HandleChineseChars = true, false
	return map[string]bertNormalizer{
		"uncased": uncased, "cased": cased, "accented": accented, "stripped": stripped, "CJK not apart": joined,
	}
}

// everyCharacter is a vocabulary that tells apart the characters that have a property, and their neighbours. Of the
// others it shows by the pieces beside them whether one stays in its word.
func everyCharacter(props *properties) map[string]int32 {
	vocab := map[string]int32{"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4}
	for c := rune(1); c <= unicode.MaxRune; c++ {
		telling := props.sets[c]&^isOther != 0 || props.class[c] != 0 || c < 0x3000
		if utf8.ValidRune(c) && telling {
			vocab[string(c)] = int32(len(vocab))
			vocab["##"+string(c)] = int32(len(vocab))
		}
	}
	return vocab
}

// testFiles adds to the models' files one a setting whose vocabulary tells the characters apart.
func testFiles(t *testing.T) map[string][]byte {
	t.Helper()
	props, err := readProperties(propertiesText)
	if err != nil {
		t.Fatal(err)
	}
	files := modelFiles(t)
	vocab := everyCharacter(props)
	for name, n := range normalizers() {
		files[name] = fixtureFile(vocab, specialTokens, n)
	}
	return files
}

// TestEveryCharacter compares every code point, alone and between letters, with a vocabulary that tells all of them
// apart. Code points without any property are the same for all settings, so one setting goes through all of them.
func TestEveryCharacter(t *testing.T) {
	props, err := readProperties(propertiesText)
	if err != nil {
		t.Fatal(err)
	}
	vocab := everyCharacter(props)
	for name, n := range normalizers() {
		t.Run(name, func(t *testing.T) {
			w, h := both(t, fixtureFile(vocab, []addedToken{}, n))
			var chars []rune
			for c := range rune(unicode.MaxRune + 1) {
				plain := props.sets[c]&^isOther == 0 && props.class[c] == 0
				if !utf8.ValidRune(c) || plain && c > 0x1100 && (name != "uncased" || testing.Short()) && c%61 != 0 {
					continue
				}
				if !(unicode.Is(unicode.Cn, c) && props.lower[c] != nil) {
					chars = append(chars, c)
				}
			}
			for chunk := range slices.Chunk(chars, 128) {
				compareChars(t, w, h, chunk)
			}
		})
	}
}

// compareChars compares all characters in one call, and one by one only where that differs.
func compareChars(t *testing.T, w *WordPiece, h *HuggingFace, chars []rune) {
	t.Helper()
	const pattern = "%[1]c a%[1]cb A%[1]c%[1]c "
	var text strings.Builder
	for _, c := range chars {
		fmt.Fprintf(&text, pattern, c)
	}
	if slices.Equal(w.Query(text.String()).ids, h.Query(text.String()).ids) {
		return
	}
	for _, c := range chars {
		one := fmt.Sprintf(pattern, c)
		if got, want := w.Query(one).ids, h.Query(one).ids; !slices.Equal(got, want) {
			t.Errorf("%U: %v, not %v; run unicodegen if libtokenizers.a was built by a newer compiler", c, got, want)
		}
	}
}

// FuzzPairEqualsHuggingFace looks for a pair that the two tokenize differently.
func FuzzPairEqualsHuggingFace(f *testing.F) {
	for i, text := range hardTexts {
		f.Add("what is re-ranking?", text, 512)
		f.Add(text, hardTexts[(i*7+3)%len(hardTexts)], i)
	}
	w, h := both(f, bertFixture())
	f.Fuzz(func(t *testing.T, query, passage string, maxTokens int) {
		checkEqual(t, w, h, query, passage, max(maxTokens%1024, 0))
	})
}
