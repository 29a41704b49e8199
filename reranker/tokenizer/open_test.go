package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// edit changes a part of the BERT fixture, given and returned as decoded JSON.
func edit(t *testing.T, change func(file map[string]any)) []byte {
	t.Helper()
	var file map[string]any
	if err := json.Unmarshal(bertFixture(), &file); err != nil {
		t.Fatal(err)
	}
	change(file)
	return raw(file)
}

func part(file map[string]any, name string) map[string]any { return file[name].(map[string]any) }

// TestChoice wants WordPiece for what is BERT, and Hugging Face's library, still working, for what is nearly BERT.
func TestChoice(t *testing.T) {
	token := func(more map[string]any) map[string]any {
		t := map[string]any{"id": 4, "content": "[MASK]", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true}
		for key, value := range more {
			t[key] = value
		}
		return t
	}
	add := func(more map[string]any) func(map[string]any) {
		return func(file map[string]any) {
			tokens := file["added_tokens"].([]any)
			file["added_tokens"] = append(tokens[:4:4], token(more))
		}
	}
	tests := []struct {
		name      string
		change    func(map[string]any)
		wordPiece bool
	}{
		{"as it is", func(map[string]any) {}, true},
		{"cased", func(f map[string]any) { part(f, "normalizer")["lowercase"] = false }, true},
		{"accents kept", func(f map[string]any) { part(f, "normalizer")["strip_accents"] = false }, true},
		{"short words", func(f map[string]any) { part(f, "model")["max_input_chars_per_word"] = 5 }, true},
		{"another prefix", func(f map[string]any) { part(f, "model")["continuing_subword_prefix"] = "un" }, true},
		{"no post-processor", func(f map[string]any) { f["post_processor"] = nil }, true},
		{"token with spaces beside it", add(map[string]any{"lstrip": true, "rstrip": true}), true},
		{"token in letters", add(map[string]any{"content": "Run", "special": false, "id": float64(idOf("Run"))}), true},
		{"token past the vocabulary", add(map[string]any{"content": "<extra>", "id": float64(idOf(""))}), true},
		{"tokens that begin alike", func(f map[string]any) {
			for i, text := range []string{"<extra>", "<extra>y", "[MA"} {
				add := token(map[string]any{"content": text, "id": float64(int(idOf("")) + i)})
				f["added_tokens"] = append(f["added_tokens"].([]any), add)
			}
		}, true},
		{"control characters kept", func(f map[string]any) { part(f, "normalizer")["clean_text"] = false }, false},
		{"huge words", func(f map[string]any) { part(f, "model")["max_input_chars_per_word"] = 200 }, false},
		{"another pre-tokenizer", func(f map[string]any) { f["pre_tokenizer"] = map[string]any{"type": "Whitespace"} }, false},
		{"no normalizer", func(f map[string]any) { f["normalizer"] = nil }, false},
		{"single word", add(map[string]any{"single_word": true}), false},
		{"normalised token", add(map[string]any{"content": "Run", "normalized": true, "id": float64(idOf("Run"))}), false},
		{"token with a space", add(map[string]any{"content": "a b", "id": float64(idOf(""))}), false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := edit(t, test.change)
			tok, err := Open(file)
			if err != nil {
				t.Fatal(err)
			}
			w, ok := tok.(*WordPiece)
			if ok != test.wordPiece {
				t.Fatalf("got %T", tok)
			}
			h, err := NewHuggingFace(file)
			if err != nil {
				t.Fatal(err)
			}
			if !ok {
				return
			}
			for _, text := range append(slices.Clone(hardTexts), "a Run b", "Running", " <extra> x", "<extra>yx", "[MA[MASK]", "unununder", "searched") {
				checkEqual(t, w, h, text, text, 64)
			}
		})
	}
}

// idOf is a piece's id in the BERT fixture; the first id past the vocabulary for one that it lacks.
func idOf(text string) int32 {
	spec, err := readBERT(bertFixture())
	if err != nil {
		panic(err)
	}
	if id, ok := spec.model.Vocab[text]; ok {
		return id
	}
	return int32(len(spec.model.Vocab))
}

// TestVocabTxt wants of a directory with a vocab.txt what its tokenizer.json gives.
func TestVocabTxt(t *testing.T) {
	vocab, err := os.ReadFile("testdata/vocab/vocab.txt")
	if err != nil {
		t.Fatal(err)
	}
	tests := []struct {
		name, config string
		change       func(n *bertNormalizer)
	}{
		{"no configuration", "", func(*bertNormalizer) {}},
		{"defaults", `{"tokenizer_class": "BertTokenizer"}`, func(*bertNormalizer) {}},
		{"cased", `{"do_lower_case": false, "tokenizer_class": "DistilBertTokenizerFast"}`, func(n *bertNormalizer) { n.Lowercase = false }},
		{"accents", `{"strip_accents": false}`, func(n *bertNormalizer) { n.StripAccents = new(bool) }},
		{"CJK not apart", `{"tokenize_chinese_chars": false}`, func(n *bertNormalizer) { n.HandleChineseChars = false }},
		{"tokens as objects", `{"mask_token": {"content": "[MASK]"}, "added_tokens_decoder": {"4": {"content": "[MASK]", "special": true}}}`, func(*bertNormalizer) {}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "vocab.txt", vocab)
			if test.config != "" {
				write(t, dir, "tokenizer_config.json", []byte(test.config))
			}
			tok, err := OpenDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			spec, err := readBERT(bertFixture())
			if err != nil {
				t.Fatal(err)
			}
			test.change(&spec.normalizer)
			h, err := NewHuggingFace(fixtureFile(spec.model.Vocab, specialTokens, spec.normalizer))
			if err != nil {
				t.Fatal(err)
			}
			for _, text := range hardTexts {
				checkEqual(t, tok.(*WordPiece), h, text, text, 64)
			}
		})
	}
}

func write(t *testing.T, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// TestBadDirectory wants an error that names the file and the matter.
func TestBadDirectory(t *testing.T) {
	good := bertFixture()
	tests := []struct {
		name, file string
		content    []byte
		want       string
	}{
		{"empty directory", "README", nil, "neither tokenizer.json nor vocab.txt"},
		{"empty file", "tokenizer.json", nil, "parse tokenizer.json: unexpected end of JSON input"},
		{"truncated", "tokenizer.json", good[:len(good)/2], "unexpected end of JSON input"},
		{"not JSON", "tokenizer.json", []byte("PK\x03\x04"), "invalid character"},
		{"another JSON", "tokenizer.json", []byte(`{"model_type": "bert"}`), "load tokenizer.json"},
		{"an array", "tokenizer.json", []byte(`[]`), "parse tokenizer.json"},
		{"unknown token missing", "tokenizer.json", bytes.Replace(good, []byte(`"unk_token": "[UNK]"`), []byte(`"unk_token": "<unk>"`), 1), `unknown token "<unk>"`},
		{"processor names no token", "tokenizer.json", edit(t, func(f map[string]any) { part(f, "post_processor")["special_tokens"] = map[string]any{} }), `unknown token "[CLS]"`},
		{"processor of unknown type", "tokenizer.json", edit(t, func(f map[string]any) { f["post_processor"] = map[string]any{"type": "Other"} }), `unknown type "Other"`},
		{"pair of one", "tokenizer.json", edit(t, func(f map[string]any) { part(f, "post_processor")["pair"] = part(f, "post_processor")["single"] }), "lacks its query or its passage"},
		{"empty vocabulary", "vocab.txt", nil, `lacks the token "[UNK]"`},
		{"binary vocabulary", "vocab.txt", []byte("\xff\xfe\x00\x01\n"), `lacks the token "[UNK]"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, test.file, test.content)
			tok, err := OpenDir(dir)
			if err == nil || !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), dir) {
				t.Errorf("got %v, %v; want an error with %q", tok, err, test.want)
			}
		})
	}
}

// TestBadVocabTxtConfiguration wants a class refused whose vocab.txt means something else.
func TestBadVocabTxtConfiguration(t *testing.T) {
	for config, want := range map[string]string{
		`{"tokenizer_class": "BertJapaneseTokenizer"}`: "vocab.txt is not enough for a BertJapaneseTokenizer",
		`{"do_basic_tokenize": false}`:                 "do_basic_tokenize",
		`{`:                                            "parse tokenizer_config.json",
		`{"cls_token": "<s>"}`:                         `lacks the token "<s>"`,
		`{"added_tokens_decoder": {"x": {"content": ""}}`: "parse tokenizer_config.json",
	} {
		dir := t.TempDir()
		write(t, dir, "vocab.txt", []byte("[UNK]\n[CLS]\n[SEP]\n"))
		write(t, dir, "tokenizer_config.json", []byte(config))
		if _, err := OpenDir(dir); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error with %q", config, err, want)
		}
	}
}

// TestTokenTypes wants layouts that passageStart can't say refused.
func TestTokenTypes(t *testing.T) {
	for _, test := range []struct {
		places []int
		at     int
		ok     bool
	}{
		{[]int{0, 0, 0, 1, 1}, 3, true}, {[]int{0, 0, 0, 0}, 4, true}, {[]int{1, 1}, 0, true}, {nil, 0, true},
		{[]int{0, 0, 1, 0}, 0, false}, {[]int{0, 2}, 0, false}, {[]int{0, 1, 2}, 0, false},
	} {
		at, err := typeBoundary(test.places)
		if at != test.at || (err == nil) != test.ok {
			t.Errorf("%v: %d, %v", test.places, at, err)
		}
	}
}

// TestNotBERT tells why a file isn't WordPiece's.
func TestNotBERT(t *testing.T) {
	file := edit(t, func(f map[string]any) { part(f, "normalizer")["type"] = "NFC" })
	if _, err := NewWordPiece(file); !errors.Is(err, errNotBERT) || !strings.Contains(err.Error(), `"NFC"`) {
		t.Error(err)
	}
}
