package reranker

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// defaultMaxTokens is assumed for a ready ONNX whose files do not tell: what BERT's position table holds.
const defaultMaxTokens = 512

// inferMetadata describes a ready ONNX, a directory without resift.json: inputs by their usual names, the only output,
// max_tokens and pad_token from tokenizer_config.json and config.json.
func inferMetadata(dir string, s signature) (Metadata, error) {
	m := Metadata{Inputs: map[string]string{}, Layout: LayoutPadded, Precision: s.precision, MaxTokens: defaultMaxTokens}
	if s.operators["PackedAttention"]+s.operators["PackedMultiHeadAttention"] > 0 {
		m.Layout = LayoutPacked
	}
	for _, in := range s.inputs {
		if slices.Contains(layoutInputs(m.Layout), in.name) {
			m.Inputs[in.name] = in.name
		}
	}
	m.Output = s.outputs[0].name
	if len(s.outputs) > 1 {
		return Metadata{}, fmt.Errorf("it has %d outputs; name the one to use in %s", len(s.outputs), MetadataFile)
	}
	var config struct {
		Architectures         []string `json:"architectures"`
		MaxPositionEmbeddings int      `json:"max_position_embeddings"`
		PadTokenID            int      `json:"pad_token_id"`
		ModelType             string   `json:"model_type"`
	}
	var tokenizer struct {
		ModelMaxLength float64 `json:"model_max_length"` // transformers writes 1e30 for "unknown"
	}
	if err := readJSON(filepath.Join(dir, "config.json"), &config); err != nil {
		return Metadata{}, err
	}
	if err := readJSON(filepath.Join(dir, "tokenizer_config.json"), &tokenizer); err != nil {
		return Metadata{}, err
	}
	if len(config.Architectures) > 0 {
		m.Architecture = config.Architectures[0]
	}
	m.PadToken = max(0, config.PadTokenID)
	if positions := config.MaxPositionEmbeddings; positions > 0 {
		switch config.ModelType {
		case "roberta", "xlm-roberta", "camembert": // their positions start after the pad token's
			positions -= m.PadToken + 1
		}
		m.MaxTokens = positions
	}
	if n := tokenizer.ModelMaxLength; n >= minMaxTokens && n < float64(m.MaxTokens) {
		m.MaxTokens = int(n)
	}
	if m.MaxTokens < minMaxTokens || m.MaxTokens > maxTokensLimit {
		return Metadata{}, fmt.Errorf("config.json gives %d tokens; state max_tokens in %s", m.MaxTokens, MetadataFile)
	}
	return m, nil
}

// readJSON reads a file into v; a missing file leaves v as it is.
func readJSON(path string, v any) error {
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(text, v); err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	return nil
}
