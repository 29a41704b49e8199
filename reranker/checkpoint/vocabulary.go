package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
)

// Files that a tokenizer is made of, the first that is there.
const (
	tokenizerFile   = "tokenizer.json"
	vocabularyFile  = "vocab.txt"
	tokenizerConfig = "tokenizer_config.json"
)

// vocabularySize counts the tokens of the folder's tokenizer.
func vocabularySize(folder fs.FS, c config) (int, error) {
	text, err := readText(folder, tokenizerFile)
	if err == nil {
		n, err := tokensOf(text)
		if err != nil {
			return 0, fmt.Errorf("%s: %w", tokenizerFile, err)
		}
		return n, nil
	}
	if errors.Is(err, fs.ErrNotExist) {
		text, err = readText(folder, vocabularyFile)
	}
	if errors.Is(err, fs.ErrNotExist) {
		return 0, missingVocabulary(c)
	}
	if err != nil {
		return 0, err
	}
	n := bytes.Count(text, []byte("\n"))
	if len(text) > 0 && text[len(text)-1] != '\n' {
		n++
	}
	return n, nil
}

// missingVocabulary tells where the vocabulary is: DistilBERT-Cat is published without one.
func missingVocabulary(c config) error {
	text := fmt.Sprintf("it has neither %s nor %s", tokenizerFile, vocabularyFile)
	if base := c.baseModel(); base != "" {
		return fmt.Errorf("%s: the model uses the tokenizer of %.200q (bert_model in %s); put that model's %s there",
			text, base, configFile, vocabularyFile)
	}
	return errors.New(text)
}

// tokensOf is one more than the largest id in a tokenizer.json, or the number of pieces where they are a list.
func tokensOf(text []byte) (int, error) {
	var file struct {
		Model struct {
			Vocab json.RawMessage `json:"vocab"`
		} `json:"model"`
		Added []struct {
			ID int `json:"id"`
		} `json:"added_tokens"`
	}
	if err := json.Unmarshal(text, &file); err != nil {
		return 0, err
	}
	n := 0
	var ids map[string]int
	var pieces []json.RawMessage
	if json.Unmarshal(file.Model.Vocab, &ids) == nil {
		for _, id := range ids {
			n = max(n, id+1)
		}
	} else if json.Unmarshal(file.Model.Vocab, &pieces) == nil {
		n = len(pieces)
	}
	for _, a := range file.Added {
		n = max(n, a.ID+1)
	}
	if n == 0 {
		return 0, errors.New("it has no vocabulary")
	}
	return n, nil
}

// maxTokens is the longest pair: what the position table holds, or less where the tokenizer's configuration says so.
func maxTokens(folder fs.FS, positions int) (int, error) {
	text, err := readText(folder, tokenizerConfig)
	if errors.Is(err, fs.ErrNotExist) {
		return positions, nil
	}
	if err != nil {
		return 0, err
	}
	var c struct {
		MaxLength float64 `json:"model_max_length"` // Transformers writes 1e30 for "unknown"
	}
	if err := json.Unmarshal(text, &c); err != nil {
		return 0, fmt.Errorf("%s: %w", tokenizerConfig, err)
	}
	if c.MaxLength >= 1 && c.MaxLength < float64(positions) {
		return int(c.MaxLength), nil
	}
	return positions, nil
}
