package tokenizer

import (
	"bytes"
	"encoding/json"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

var update = flag.Bool("update", false, "write the fixtures and golden files anew")

// fixtureWords and fixtureEnds give the fixture words that are one piece, or several, or none.
const (
	fixtureWords = `the of and to in is a for that on as with by it from are this be or an at was which can not have
has data system used program computer language software network file user information memory code time one two three
first second new also more other some only such when where how what who why all any each into over under between query
search engine index document passage text score rank model train learn deep neural graph vector token word piece hit
window source envelope stage pair budget cross encoder base large small fast slow read write open close start stop run
ran running house home world hello people work year day night long short high low right left good best better bad worst
un re in dis pre post non anti auto micro multi inter trans super sub semi go rust java python elastic café naïve
straße größe señor él où быть время привет мир ελλάδα λόγος ישראל שלום العربية سلام हिन्दी नमस्ते ไทย ありがとう カタカナ`
	fixtureEnds = `s ed ing er est ly ness ment tion able ible al ous ful less ize ise ist ism ity ive ant ent ance ence
ed's able un believ ab ility ation ational ization ше ого ами ος ων ים ות ने के ました です`
	fixtureChars = `abcdefghijklmnopqrstuvwxyz0123456789àáâãäåæçèéêëìíîïñòóôõöøùúûüýÿßœšžłđ` +
		`абвгдежзийклмнопрстуфхцчшщъыьэюяёαβγδεζηθικλμνξοπρστυφχψωςאבגדהוזחטיךכלםמןנסעףפץצקרשת` +
		`ابتثجحخدذرزسشصضطظعغفقكلمنهويकखगघचछजझटठडढणतथदधनपफबभमयरलवशषसहािीुूेैोौ` +
		"กขคงจชดตถทนบปพมยรลวสหอ가각한국어ᄒᆞᆫᄀᆨ어ᄅ日本語中文字你好世界東京北大学人工智能検索ひらがなカタカナ"
	fixtureMarks = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~¡¿«»–—‘’“”…€£¥©®™°±×÷·•†‡§¶′″、。〈〉《》「」【】！？，：；（）～😀🎉❤👍🏽"
)

var specialTokens = []addedToken{
	{ID: 0, Content: "[PAD]", Special: true}, {ID: 1, Content: "[UNK]", Special: true}, {ID: 2, Content: "[CLS]", Special: true},
	{ID: 3, Content: "[SEP]", Special: true}, {ID: 4, Content: "[MASK]", Special: true},
}

// bertFixture is a tokenizer.json of BERT's kind with some two thousand pieces. Truncation and padding are set, as many
// published files have them, and must have no effect.
func bertFixture() []byte {
	pieces := []string{"[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"}
	for _, c := range fixtureChars {
		pieces = append(pieces, string(c), "##"+string(c))
	}
	for _, c := range fixtureMarks {
		pieces = append(pieces, string(c))
	}
	for word := range strings.FieldsSeq(fixtureWords) {
		first, size := utf8.DecodeRuneInString(word)
		pieces = append(pieces, word, string(unicode.ToTitle(first))+word[size:])
	}
	for end := range strings.FieldsSeq(fixtureEnds) {
		pieces = append(pieces, "##"+end)
	}
	vocab := map[string]int32{}
	for _, piece := range pieces {
		if _, ok := vocab[piece]; !ok {
			vocab[piece] = int32(len(vocab))
		}
	}
	return fixtureFile(vocab, specialTokens, bertNormalizer{Type: "BertNormalizer", CleanText: true, HandleChineseChars: true, Lowercase: true})
}

func fixtureFile(vocab map[string]int32, added []addedToken, n bertNormalizer) []byte {
	s := spec{
		Version:      "1.0",
		Truncation:   json.RawMessage(`{"direction":"Right","max_length":8,"strategy":"LongestFirst","stride":0}`),
		Padding:      json.RawMessage(`{"strategy":{"Fixed":16},"direction":"Right","pad_to_multiple_of":null,"pad_id":0,"pad_type_id":0,"pad_token":"[PAD]"}`),
		AddedTokens:  added,
		Normalizer:   raw(n),
		PreTokenizer: json.RawMessage(`{"type":"BertPreTokenizer"}`),
		PostProcessor: json.RawMessage(`{"type":"TemplateProcessing",
			"single":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}}],
			"pair":[{"SpecialToken":{"id":"[CLS]","type_id":0}},{"Sequence":{"id":"A","type_id":0}},{"SpecialToken":{"id":"[SEP]","type_id":0}},
				{"Sequence":{"id":"B","type_id":1}},{"SpecialToken":{"id":"[SEP]","type_id":1}}],
			"special_tokens":{"[CLS]":{"id":"[CLS]","ids":[2],"tokens":["[CLS]"]},"[SEP]":{"id":"[SEP]","ids":[3],"tokens":["[SEP]"]}}}`),
		Decoder: json.RawMessage(`{"type":"WordPiece","prefix":"##","cleanup":true}`),
		Model:   raw(wordPieceModel{Type: "WordPiece", UnkToken: "[UNK]", ContinuingSubwordPrefix: "##", MaxInputCharsPerWord: 100, Vocab: vocab}),
	}
	return raw(s)
}

func raw(v any) []byte {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	if err := encoder.Encode(v); err != nil {
		panic(err)
	}
	return b.Bytes()
}

const fixtureDir = "testdata/bert"

// TestFixture holds the committed fixture to the code above. Its vocab.txt says the same in the older form.
func TestFixture(t *testing.T) {
	file := bertFixture()
	spec, err := readBERT(file)
	if err != nil {
		t.Fatal(err)
	}
	vocab := spec.model.Vocab
	lines := slices.SortedFunc(maps.Keys(vocab), func(a, b string) int { return int(vocab[a] - vocab[b]) })
	golden(t, filepath.Join(fixtureDir, "tokenizer.json"), file)
	golden(t, "testdata/vocab/vocab.txt", []byte(strings.Join(lines, "\n")+"\n"))
}

// golden compares a file with what it should be, or writes it.
func golden(t *testing.T, path string, want []byte) {
	t.Helper()
	if *update {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, want, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not what the test makes; run it with -update and look at the difference", path)
	}
}

// modelFiles are the tokenizer.json files to test with: the fixture, and that of a real model where there is one.
func modelFiles(t testing.TB) map[string][]byte {
	t.Helper()
	files := map[string][]byte{"fixture": bertFixture()}
	dir := os.Getenv("RESIFT_TEST_MODEL")
	if dir == "" {
		dir = cachedModel()
	}
	if dir == "" {
		t.Log("no real vocabulary: RESIFT_TEST_MODEL is unset and no model is in resift's cache (make test fetches one)")
		return files
	}
	file, err := os.ReadFile(filepath.Join(dir, "tokenizer.json"))
	if err != nil {
		t.Fatalf("RESIFT_TEST_MODEL: %v", err)
	}
	files["model"] = file
	return files
}

// cachedModel is a model directory in resift's cache, "" if there is none.
func cachedModel() string {
	cache := os.Getenv("RESIFT_CACHE")
	if cache == "" {
		root, err := os.UserCacheDir()
		if err != nil {
			return ""
		}
		cache = filepath.Join(root, "resift")
	}
	found, err := filepath.Glob(filepath.Join(cache, "models", "*", "tokenizer.json"))
	if err != nil || len(found) == 0 {
		return ""
	}
	return filepath.Dir(found[0])
}

// both loads a file into the two implementations.
func both(t testing.TB, file []byte) (*WordPiece, *HuggingFace) {
	t.Helper()
	w, err := NewWordPiece(file)
	if err != nil {
		t.Fatal(err)
	}
	h, err := NewHuggingFace(file)
	if err != nil {
		t.Fatal(err)
	}
	return w, h
}
