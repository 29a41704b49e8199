package tokenizer

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"unicode"
)

// errNotBERT tells that a tokenizer.json is not provably BERT's pipeline, so only Hugging Face's library can read it.
var errNotBERT = errors.New("not the BERT pipeline")

func notBERT(format string, args ...any) error {
	return fmt.Errorf("%w: "+format, append([]any{errNotBERT}, args...)...)
}

// spec is a tokenizer.json. The parts that differ by type stay raw until a reader knows the type.
type spec struct {
	Version       string          `json:"version"`
	Truncation    json.RawMessage `json:"truncation"`
	Padding       json.RawMessage `json:"padding"`
	AddedTokens   []addedToken    `json:"added_tokens"`
	Normalizer    json.RawMessage `json:"normalizer"`
	PreTokenizer  json.RawMessage `json:"pre_tokenizer"`
	PostProcessor json.RawMessage `json:"post_processor"`
	Decoder       json.RawMessage `json:"decoder"`
	Model         json.RawMessage `json:"model"`
}

type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"`
	LStrip     bool   `json:"lstrip"`
	RStrip     bool   `json:"rstrip"`
	Normalized bool   `json:"normalized"`
	Special    bool   `json:"special"`
}

type bertNormalizer struct {
	Type               string `json:"type"`
	CleanText          bool   `json:"clean_text"`
	HandleChineseChars bool   `json:"handle_chinese_chars"`
	StripAccents       *bool  `json:"strip_accents"`
	Lowercase          bool   `json:"lowercase"`
}

type wordPieceModel struct {
	Type                    string           `json:"type"`
	UnkToken                string           `json:"unk_token"`
	ContinuingSubwordPrefix string           `json:"continuing_subword_prefix"`
	MaxInputCharsPerWord    int              `json:"max_input_chars_per_word"`
	Vocab                   map[string]int32 `json:"vocab"`
}

// bertSpec is what a provably BERT-like tokenizer.json says.
type bertSpec struct {
	normalizer bertNormalizer
	model      wordPieceModel
	added      []addedToken
	template   pairTemplate
}

// stripAccents follows lowercase where the file doesn't say.
func (n bertNormalizer) stripAccents() bool {
	if n.StripAccents == nil {
		return n.Lowercase
	}
	return *n.StripAccents
}

// readBERT accepts a tokenizer.json whose every part is one that WordPiece follows to the letter; errNotBERT otherwise.
func readBERT(file []byte) (*bertSpec, error) {
	var s spec
	if err := json.Unmarshal(file, &s); err != nil {
		return nil, fmt.Errorf("parse tokenizer.json: %w", err)
	}
	var b bertSpec
	if err := readPart(s.Normalizer, "BertNormalizer", &b.normalizer); err != nil {
		return nil, err
	}
	if !b.normalizer.CleanText {
		return nil, notBERT("control characters are kept")
	}
	if err := readPart(s.PreTokenizer, "BertPreTokenizer", &struct{}{}); err != nil {
		return nil, err
	}
	if err := readPart(s.Model, "WordPiece", &b.model); err != nil {
		return nil, err
	}
	if err := b.model.check(); err != nil {
		return nil, err
	}
	b.added = s.AddedTokens
	if err := checkAdded(b.added, b.model.Vocab); err != nil {
		return nil, err
	}
	var err error
	b.template, err = readTemplate(s.PostProcessor)
	return &b, err
}

// readPart decodes a part of a tokenizer.json if it is of the type.
func readPart(raw json.RawMessage, wantType string, into any) error {
	var head struct {
		Type string `json:"type"`
	}
	if len(raw) == 0 || bytes.Equal(raw, []byte("null")) {
		return notBERT("no %s", wantType)
	}
	if err := json.Unmarshal(raw, &head); err != nil || head.Type != wantType {
		return notBERT("%q where %s was looked for", head.Type, wantType)
	}
	if err := json.Unmarshal(raw, into); err != nil {
		return notBERT("%s: %w", wantType, err)
	}
	return nil
}

const (
	maxWordChars  = 100     // bounds the buffer for a word; BERT's own limit is the same
	maxVocabBytes = 1 << 22 // keeps the trie's offsets within 24 bits; BERT's multilingual vocabulary has a quarter
)

func (m *wordPieceModel) check() error {
	if _, ok := m.Vocab[m.UnkToken]; !ok {
		return fmt.Errorf("unknown token %q is not in the vocabulary", m.UnkToken)
	}
	if m.MaxInputCharsPerWord < 1 || m.MaxInputCharsPerWord > maxWordChars {
		return notBERT("words of up to %d characters", m.MaxInputCharsPerWord)
	}
	size := 0
	for piece, id := range m.Vocab {
		size += len(piece)
		if id < 0 {
			return fmt.Errorf("piece %q has the id %d", piece, id)
		}
		if strings.IndexByte(piece, 0) >= 0 {
			return notBERT("piece %q has a NUL", piece)
		}
	}
	if size > maxVocabBytes {
		return notBERT("a vocabulary of %d bytes", size)
	}
	return nil
}

// checkAdded holds the added tokens to those whose every occurrence in raw text is the token, so that the flags that
// swallow space beside it change nothing: BERT drops space anyway.
func checkAdded(added []addedToken, vocab map[string]int32) error {
	next := int32(len(vocab))
	for _, t := range added {
		if t.Content == "" || t.SingleWord || t.Normalized || strings.IndexByte(t.Content, 0) >= 0 || strings.ContainsFunc(t.Content, unicode.IsSpace) {
			return notBERT("added token %q needs rules of its own", t.Content)
		}
		id, known := vocab[t.Content]
		if !known {
			id = next
			next++
		}
		if id != t.ID {
			return notBERT("added token %q has the id %d, not %d", t.Content, t.ID, id)
		}
	}
	return nil
}
