package checkpoint

import (
	"encoding/json"
	"fmt"
)

// config is the part of config.json that weights do not tell. BERT's and DistilBERT's keys differ; a zero is an absent key.
type config struct {
	Architectures []string        `json:"architectures"`
	ModelType     string          `json:"model_type"`
	BaseModel     json.RawMessage `json:"bert_model"` // of DistilBERT-Cat: the model whose tokenizer it uses

	Heads       int     `json:"num_attention_heads"`
	DistilHeads int     `json:"n_heads"`
	Layers      int     `json:"num_hidden_layers"`
	DistilLayer int     `json:"n_layers"`
	Epsilon     float64 `json:"layer_norm_eps"`
	Pad         int     `json:"pad_token_id"`

	HiddenAct    string `json:"hidden_act"`
	Activation   string `json:"activation"`
	PositionType string `json:"position_embedding_type"`
}

// Known values of what a configuration may state.
const (
	defaultEpsilon = 1e-12
	headSize       = 64 // of every published BERT; DistilBERT-Cat's configuration tells no size at all
	maxHeads       = 1 << 10
	maxLayers      = 1 << 10
)

func parseConfig(text []byte) (config, error) {
	var c config
	if err := json.Unmarshal(text, &c); err != nil {
		return config{}, err
	}
	for _, name := range []string{c.HiddenAct, c.Activation} {
		if name != "" && name != "gelu" {
			return config{}, fmt.Errorf("activation %q is not supported: gelu is", name)
		}
	}
	if c.PositionType != "" && c.PositionType != "absolute" {
		return config{}, fmt.Errorf("position embeddings of type %q are not supported: absolute are", c.PositionType)
	}
	if c.Epsilon == 0 {
		c.Epsilon = defaultEpsilon
	}
	if !(c.Epsilon > 0 && c.Epsilon < 1) {
		return config{}, fmt.Errorf("layer_norm_eps %v is not between 0 and 1", c.Epsilon)
	}
	if c.Heads == 0 {
		c.Heads = c.DistilHeads
	}
	if c.Layers == 0 {
		c.Layers = c.DistilLayer
	}
	if c.Heads < 0 || c.Heads > maxHeads || c.Layers < 0 || c.Layers > maxLayers || c.Pad < 0 {
		return config{}, fmt.Errorf("%d heads, %d layers, padding token %d", c.Heads, c.Layers, c.Pad)
	}
	return c, nil
}

// heads are those of the configuration; where it tells none, heads have 64 numbers each.
func (c config) heads(width int) (int, error) {
	if c.Heads > 0 {
		if width%c.Heads != 0 {
			return 0, fmt.Errorf("width %d is not a multiple of %d heads", width, c.Heads)
		}
		return c.Heads, nil
	}
	if width%headSize != 0 {
		return 0, fmt.Errorf("%s tells no num_attention_heads or n_heads, and width %d is not a multiple of %d", configFile, width, headSize)
	}
	return width / headSize, nil
}

// baseModel is the name of the model that DistilBERT-Cat was made from, "" if the configuration does not tell it.
func (c config) baseModel() string {
	var name string
	if err := json.Unmarshal(c.BaseModel, &name); err != nil {
		return ""
	}
	return name
}
