package checkpoint

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/resift/resift/reranker/onnxgraph"
)

// A trained model of twelve layers, dequantised into Hugging Face's names and element order, gives the graph that the
// rewriting of its int8 ONNX gives, byte for byte.
func TestDemoModelAsAHuggingFaceFolder(t *testing.T) {
	file, err := os.ReadFile(filepath.Join(packagedSource(t), onnxgraph.ModelFile))
	if err != nil {
		t.Fatal(err)
	}
	g, err := onnxgraph.Read(file)
	if err != nil {
		t.Fatal(err)
	}
	want, err := onnxgraph.Unquantize(g)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	config, err := json.Marshal(map[string]any{
		"architectures": []string{"BertForSequenceClassification"}, "model_type": "bert", "hidden_act": "gelu",
		"num_attention_heads": want.Heads, "num_hidden_layers": len(want.Layers), "layer_norm_eps": want.Epsilon,
	})
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, configFile, config)
	put(t, dir, vocabularyFile, bytes.Repeat([]byte("word\n"), want.Word.Rows))
	put(t, dir, safetensorsFile, safetensors("F32", published(want)))
	got, err := Read(dir)
	if err != nil {
		t.Fatal(err)
	}
	var rewritten, imported bytes.Buffer
	if err := onnxgraph.Write(&rewritten, want, onnxgraph.FP32); err != nil {
		t.Fatal(err)
	}
	if err := onnxgraph.Write(&imported, got.Encoder, onnxgraph.FP32); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(rewritten.Bytes(), imported.Bytes()) {
		t.Errorf("graphs of %d and %d bytes differ", rewritten.Len(), imported.Len())
	}
}

// published is an encoder as BertForSequenceClassification has it.
func published(c *onnxgraph.CrossEncoder) []array {
	var all []array
	vector := func(name string, values []float32) { all = append(all, array{name, []int{len(values)}, values}) }
	table := func(name string, m onnxgraph.Matrix) {
		all = append(all, array{name + ".weight", []int{m.Rows, m.Cols}, m.Floats()})
	}
	linear := func(name string, l onnxgraph.Linear) {
		w := l.Weight.Floats()
		turned := make([]float32, len(w))
		for i, v := range w {
			turned[i%l.Weight.Cols*l.Weight.Rows+i/l.Weight.Cols] = v
		}
		all = append(all, array{name + ".weight", []int{l.Weight.Cols, l.Weight.Rows}, turned})
		vector(name+".bias", l.Bias)
	}
	norm := func(name string, n onnxgraph.Norm) { vector(name+".weight", n.Weight); vector(name+".bias", n.Bias) }
	n := bertNaming()
	table("bert."+n.word, c.Word)
	table("bert."+n.position, c.Position)
	table("bert."+n.types, c.TokenType)
	norm("bert."+n.norm, c.Norm)
	for i, l := range c.Layers {
		p := "bert." + fmt.Sprintf(n.layer, i)
		linear(p+n.query, l.Query)
		linear(p+n.key, l.Key)
		linear(p+n.value, l.Value)
		linear(p+n.output, l.Output)
		norm(p+n.attentionNorm, l.AttentionNorm)
		linear(p+n.up, l.Up)
		linear(p+n.down, l.Down)
		norm(p+n.outputNorm, l.Norm)
	}
	linear("bert.pooler.dense", *c.Pooler)
	linear("classifier", c.Classifier)
	return slices.Clip(all)
}

// packagedSource is the folder of the packaged model; the test skips where it was not fetched.
func packagedSource(t *testing.T) string {
	folder := os.Getenv("RESIFT_TEST_MODEL_SOURCE")
	if folder == "" {
		cache, err := os.UserCacheDir()
		if err != nil {
			t.Fatal(err)
		}
		folder = filepath.Join(cache, "resift", "models", "ms-marco-MiniLM-L-12-v2-source")
	}
	if _, err := os.Stat(filepath.Join(folder, onnxgraph.ModelFile)); err != nil {
		t.Skip("the packaged model is not there: make model fetches it, or set RESIFT_TEST_MODEL_SOURCE")
	}
	return folder
}
