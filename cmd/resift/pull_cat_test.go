package main

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/resift/resift/reranker"
	"github.com/resift/resift/reranker/hub/hubtest"
)

// TestPullOfDistilBERTCat: weights whose configuration tells neither sizes nor a tokenizer, only the base model's name.
func TestPullOfDistilBERTCat(t *testing.T) {
	const vocabulary = 30
	words := "[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\n"
	for i := range vocabulary - 5 {
		words += fmt.Sprintf("word%d\n", i)
	}
	h, home := hubtest.New(t), t.TempDir()
	base := h.Add("distilbert-base-uncased", map[string]hubtest.File{
		"config.json": {Content: []byte(`{"model_type":"distilbert"}`)}, "model.safetensors": {Content: []byte("not asked for"), LFS: true},
		"vocab.txt": {Content: []byte(words)}, "tokenizer_config.json": {Content: []byte(`{"do_lower_case":true,"model_max_length":512}`)},
	})
	commit := h.Add("someone/cat", map[string]hubtest.File{
		"config.json":       {Content: []byte(`{"model_type":"BERT_Cat","architectures":["BERT_Cat"],"bert_model":"distilbert-base-uncased","trainable":true}`)},
		"model.safetensors": {Content: catWeights(t, vocabulary), LFS: true},
		"README.md":         {Content: []byte("# A DistilBERT-Cat\n")},
	})
	code, stdout, stderr := callPull(t.Context(), home, h, "someone/cat")
	if code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, stdout, stderr)
	}
	d, err := reranker.ReadDirectory(filepath.Join(home, ".cache/resift/models/someone--cat"))
	if err != nil {
		t.Fatal(err)
	}
	if want := "someone/cat@" + commit + ", tokenizer of distilbert-base-uncased@" + base; d.Source != want || d.Architecture != "BERT_Cat" || d.Files["vocab.txt"] == "" {
		t.Errorf("%+v\nwant source %s", d.Metadata, want)
	}
	if code, stdout, stderr = callPull(t.Context(), home, h, "someone/cat"); code != 0 || !strings.Contains(stdout, "already") {
		t.Errorf("again: %d\n%s%s", code, stdout, stderr)
	}
	if code, _, stderr = callPull(t.Context(), home, h, "someone/cat", "--precision", "int8"); code != 1 || !strings.Contains(stderr, "exists already, in fp32 from someone/cat@") {
		t.Errorf("in another precision: %d\n%s", code, stderr)
	}
}

// catWeights are one layer of width 64 in the safetensors format: the length of a JSON header, the header, the numbers.
func catWeights(t *testing.T, vocabulary int) []byte {
	t.Helper()
	const width, inner = 64, 128
	const layer = "bert_model.transformer.layer.0."
	shapes := map[string][]int{
		"bert_model.embeddings.word_embeddings.weight":     {vocabulary, width},
		"bert_model.embeddings.position_embeddings.weight": {32, width},
		layer + "ffn.lin1.weight":                          {inner, width}, layer + "ffn.lin1.bias": {inner},
		layer + "ffn.lin2.weight": {width, inner}, layer + "ffn.lin2.bias": {width},
		"_classification_layer.weight": {1, width}, "_classification_layer.bias": {1},
	}
	for _, name := range []string{"q_lin", "k_lin", "v_lin", "out_lin"} {
		shapes[layer+"attention."+name+".weight"], shapes[layer+"attention."+name+".bias"] = []int{width, width}, []int{width}
	}
	for _, name := range []string{"bert_model.embeddings.LayerNorm", layer + "sa_layer_norm", layer + "output_layer_norm"} {
		shapes[name+".weight"], shapes[name+".bias"] = []int{width}, []int{width}
	}
	header, numbers := map[string]any{}, []byte{}
	for name, shape := range shapes {
		n := 1
		for _, d := range shape {
			n *= d
		}
		start := len(numbers)
		for i := range n {
			numbers = binary.LittleEndian.AppendUint32(numbers, math.Float32bits(float32(i%13-6)/32))
		}
		header[name] = map[string]any{"dtype": "F32", "shape": shape, "data_offsets": []int{start, len(numbers)}}
	}
	text, err := json.Marshal(header)
	if err != nil {
		t.Fatal(err)
	}
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text, numbers)
}
