package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// bertClasses are the tokenizer classes whose vocab.txt means BERT's pipeline.
var bertClasses = []string{"Bert", "DistilBert", "Electra", "MobileBert", "SqueezeBert", "ConvBert"}

// legacyConfig is the part of tokenizer_config.json that says how to use a vocab.txt.
type legacyConfig struct {
	Class              string                     `json:"tokenizer_class"`
	Lowercase          *bool                      `json:"do_lower_case"`
	BasicTokenize      *bool                      `json:"do_basic_tokenize"`
	StripAccents       *bool                      `json:"strip_accents"`
	HandleChineseChars *bool                      `json:"tokenize_chinese_chars"`
	Unk                *tokenText                 `json:"unk_token"`
	Sep                *tokenText                 `json:"sep_token"`
	Pad                *tokenText                 `json:"pad_token"`
	Cls                *tokenText                 `json:"cls_token"`
	Mask               *tokenText                 `json:"mask_token"`
	Added              map[string]json.RawMessage `json:"added_tokens_decoder"`
}

// tokenText is a token written as a string or as an object with a content.
type tokenText string

func (t *tokenText) UnmarshalJSON(raw []byte) error {
	var object struct {
		Content string `json:"content"`
	}
	if err := json.Unmarshal(raw, &object); err == nil {
		*t = tokenText(object.Content)
		return nil
	}
	return json.Unmarshal(raw, (*string)(t))
}

// fileFromVocabulary makes the tokenizer.json that transformers makes from a vocab.txt and its tokenizer_config.json.
func fileFromVocabulary(folder fs.FS) ([]byte, error) {
	text, err := fs.ReadFile(folder, "vocab.txt")
	if err != nil {
		return nil, err
	}
	var c legacyConfig
	raw, err := fs.ReadFile(folder, "tokenizer_config.json")
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	if err == nil {
		if err := json.Unmarshal(raw, &c); err != nil {
			return nil, fmt.Errorf("parse tokenizer_config.json: %w", err)
		}
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	return c.file(readVocabulary(text))
}

// readVocabulary numbers the lines; the last of equal ones counts.
func readVocabulary(text []byte) map[string]int32 {
	vocab := map[string]int32{}
	id := int32(0)
	for line := range bytes.Lines(text) {
		piece := strings.TrimRightFunc(string(bytes.ToValidUTF8(line, []byte("\uFFFD"))), unicode.IsSpace)
		vocab[piece] = id
		id++
	}
	return vocab
}

func (c *legacyConfig) check() error {
	class := strings.TrimSuffix(strings.TrimSuffix(c.Class, "Fast"), "Tokenizer")
	if c.Class != "" && !slices.Contains(bertClasses, class) {
		return fmt.Errorf("vocab.txt is not enough for a %s: tokenizer.json is missing", c.Class)
	}
	if c.BasicTokenize != nil && !*c.BasicTokenize {
		return errors.New("tokenizer_config.json: do_basic_tokenize: false is not supported")
	}
	return nil
}

func (c *legacyConfig) file(vocab map[string]int32) ([]byte, error) {
	unk, sep, cls := c.Unk.or("[UNK]"), c.Sep.or("[SEP]"), c.Cls.or("[CLS]")
	for _, token := range []string{unk, sep, cls} {
		if _, ok := vocab[token]; !ok {
			return nil, fmt.Errorf("vocab.txt lacks the token %q", token)
		}
	}
	added, err := c.added(vocab, []string{unk, sep, c.Pad.or("[PAD]"), cls, c.Mask.or("[MASK]")})
	if err != nil {
		return nil, err
	}
	normalizer := bertNormalizer{
		Type: "BertNormalizer", CleanText: true, StripAccents: c.StripAccents,
		HandleChineseChars: orTrue(c.HandleChineseChars), Lowercase: orTrue(c.Lowercase),
	}
	model := wordPieceModel{
		Type: "WordPiece", UnkToken: unk, ContinuingSubwordPrefix: "##", MaxInputCharsPerWord: maxWordChars, Vocab: vocab,
	}
	return json.Marshal(map[string]any{
		"version":        "1.0",
		"added_tokens":   added,
		"normalizer":     normalizer,
		"pre_tokenizer":  map[string]string{"type": "BertPreTokenizer"},
		"post_processor": map[string]any{"type": "BertProcessing", "sep": []any{sep, vocab[sep]}, "cls": []any{cls, vocab[cls]}},
		"decoder":        nil,
		"model":          model,
	})
}

// added are the tokens of tokenizer_config.json and the special ones, in the order of their ids.
func (c *legacyConfig) added(vocab map[string]int32, special []string) ([]addedToken, error) {
	var tokens []addedToken
	for id, raw := range c.Added {
		var t addedToken
		n, err := strconv.ParseInt(id, 10, 32)
		if err == nil {
			err = json.Unmarshal(raw, &t)
		}
		if err != nil {
			return nil, fmt.Errorf("tokenizer_config.json: added token %s: %w", id, err)
		}
		t.ID = int32(n)
		tokens = append(tokens, t)
	}
	for _, text := range special {
		known := slices.ContainsFunc(tokens, func(t addedToken) bool { return t.Content == text })
		if id, ok := vocab[text]; ok && !known {
			tokens = append(tokens, addedToken{ID: id, Content: text, Special: true})
		}
	}
	slices.SortFunc(tokens, func(a, b addedToken) int { return int(a.ID) - int(b.ID) })
	return tokens, nil
}

func (t *tokenText) or(text string) string {
	if t == nil || *t == "" {
		return text
	}
	return string(*t)
}

func orTrue(b *bool) bool { return b == nil || *b }
