package checkpoint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/resift/resift/reranker/onnxgraph"
)

// naming is what a family of encoders calls its tensors, each without ".weight" and ".bias".
type naming struct {
	word, position, types, norm              string
	layer                                    string // with the layer's number
	query, key, value, output, attentionNorm string
	up, down, outputNorm                     string
}

func bertNaming() naming {
	return naming{
		word: "embeddings.word_embeddings", position: "embeddings.position_embeddings",
		types: "embeddings.token_type_embeddings", norm: "embeddings.LayerNorm",
		layer: "encoder.layer.%d.",
		query: "attention.self.query", key: "attention.self.key", value: "attention.self.value",
		output: "attention.output.dense", attentionNorm: "attention.output.LayerNorm",
		up: "intermediate.dense", down: "output.dense", outputNorm: "output.LayerNorm",
	}
}

func distilNaming() naming {
	return naming{
		word: "embeddings.word_embeddings", position: "embeddings.position_embeddings", norm: "embeddings.LayerNorm",
		layer: "transformer.layer.%d.",
		query: "attention.q_lin", key: "attention.k_lin", value: "attention.v_lin",
		output: "attention.out_lin", attentionNorm: "sa_layer_norm",
		up: "ffn.lin1", down: "ffn.lin2", outputNorm: "output_layer_norm",
	}
}

// architecture is a class of models: an encoder below a prefix, and the head on its first vector.
type architecture struct {
	class      string // in config.json's architectures
	modelType  string // in config.json's model_type, where architectures are missing
	prefix     string
	naming     naming
	pooler     string // "" if the classifier reads the vector itself
	activation onnxgraph.Activation
	classifier string
	epsilon    float64 // where the class fixes it; 0: as configured
}

func architectures() []architecture {
	return []architecture{
		{
			// github.com/sebastian-hofstaetter/neural-ranking-kd: DistilBERT, one Linear on the [CLS] vector.
			class: "BERT_Cat", modelType: "BERT_Cat", prefix: "bert_model.", naming: distilNaming(),
			classifier: "_classification_layer", epsilon: defaultEpsilon,
		},
		{
			class: "BertForSequenceClassification", modelType: "bert", prefix: "bert.", naming: bertNaming(),
			pooler: "bert.pooler.dense", activation: onnxgraph.Tanh, classifier: "classifier",
		},
		{
			class: "DistilBertForSequenceClassification", modelType: "distilbert", prefix: "distilbert.", naming: distilNaming(),
			pooler: "pre_classifier", activation: onnxgraph.Relu, classifier: "classifier", epsilon: defaultEpsilon,
		},
	}
}

// Known lists the architectures that Read understands, by their names in Transformers.
func Known() []string {
	var names []string
	for _, a := range architectures() {
		names = append(names, a.class)
	}
	return names
}

// architectureOf finds the class that a configuration names.
func architectureOf(c config) (architecture, error) {
	for _, a := range architectures() {
		if slices.Contains(c.Architectures, a.class) || len(c.Architectures) == 0 && c.ModelType == a.modelType {
			return a, nil
		}
	}
	name := strings.Join(c.Architectures, ", ")
	if name == "" {
		name = "of type " + c.ModelType
	}
	return architecture{}, fmt.Errorf("%s: architecture %.200q is not known; known are %s. Any other cross-encoder can be brought as ONNX: "+
		"export it (optimum-cli export onnx --task text-classification --model DIR OUT) and import that folder, which "+
		"holds model.onnx and tokenizer.json", configFile, name, strings.Join(Known(), ", "))
}
