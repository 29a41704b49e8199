package checkpoint

import (
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/resift/resift/reranker/onnxgraph"
)

// writers are the ways in which the same weights can lie in a folder.
func writers(t *testing.T) map[string]func(dir string, all []array) {
	write := func(name string, content func(all []array) []byte) func(string, []array) {
		return func(dir string, all []array) { put(t, dir, name, content(all)) }
	}
	return map[string]func(string, []array){
		"float32":  write(safetensorsFile, func(all []array) []byte { return safetensors("F32", all) }),
		"float16":  write(safetensorsFile, func(all []array) []byte { return safetensors("F16", all) }),
		"bfloat16": write(safetensorsFile, func(all []array) []byte { return safetensors("BF16", all) }),
		"int8 words": write(safetensorsFile, func(all []array) []byte {
			return compact(all, func(name string) bool { return strings.HasSuffix(name, "word_embeddings.weight") })
		}),
		"int8":  write(safetensorsFile, func(all []array) []byte { return compact(all, func(string) bool { return true }) }),
		"torch": write(torchFile, func(all []array) []byte { return stored(torchEntries(float32s, all)) }),
		"half":  write(torchFile, func(all []array) []byte { return stored(torchEntries(float16s, all)) }),
		"old names": write(torchFile, func(all []array) []byte {
			return stored(torchEntries(bfloat16s, oldNames(all)))
		}),
		"legacy": write(torchFile, legacy),
		"shards": func(dir string, all []array) {
			index := map[string]string{}
			for i, shard := range [][]array{all[:5], all[5:]} {
				name := fmt.Sprintf("model-0000%d-of-00002.safetensors", i+1)
				put(t, dir, name, safetensors("F32", shard))
				for _, a := range shard {
					index[a.name] = name
				}
			}
			text, err := json.Marshal(map[string]any{"metadata": map[string]int{"total_size": 1}, "weight_map": index})
			if err != nil {
				t.Fatal(err)
			}
			put(t, dir, safetensorsIndex, text)
		},
	}
}

// compact writes the matrices that are wanted as int8 codes and scales, without rounding: weights are multiples of 1/64.
func compact(all []array, wanted func(name string) bool) []byte {
	kinds, out := map[string]string{}, slices.Clone(all)
	for i, a := range all {
		kinds[a.name] = "F16"
		if len(a.shape) != 2 || !wanted(a.name) {
			continue
		}
		kinds[a.name], kinds[a.name+scaleSuffix] = "I8", "F32"
		out[i].values = nil
		for _, v := range a.values {
			out[i].values = append(out[i].values, 64*v)
		}
		out = append(out, array{a.name + scaleSuffix, a.shape[:1], slices.Repeat([]float32{1.0 / 64}, a.shape[0])})
	}
	return safetensorsOf(out, func(name string) string { return kinds[name] })
}

func oldNames(all []array) []array {
	old := slices.Clone(all)
	for i, a := range old {
		if strings.Contains(strings.ToLower(a.name), "norm") {
			old[i].name = strings.NewReplacer(".weight", ".gamma", ".bias", ".beta").Replace(a.name)
		}
	}
	return old
}

func TestEveryArchitectureFromEveryFile(t *testing.T) {
	for _, a := range architectures() {
		for name, write := range writers(t) {
			t.Run(a.class+"/"+name, func(t *testing.T) {
				c, err := Read(folder(t, a, write))
				if err != nil {
					t.Fatal(err)
				}
				checkEncoder(t, a, c.Encoder)
				if c.Architecture != a.class || c.Vocabulary != vocabulary || c.MaxTokens != positions || c.PadToken != 0 {
					t.Errorf("read %+v", c)
				}
				if want := map[bool]string{true: "distilbert-base-uncased"}[a.class == "BERT_Cat"]; c.BaseModel != want {
					t.Errorf("base model %q, want %q", c.BaseModel, want)
				}
			})
		}
	}
}

// checkEncoder compares the encoder with the arrays that were written, number by number.
func checkEncoder(t *testing.T, a architecture, c *onnxgraph.CrossEncoder) {
	t.Helper()
	arrays := map[string]array{}
	for _, one := range arraysOf(a) {
		arrays[one.name] = one
	}
	vector := func(name string, got []float32) {
		if !slices.Equal(got, arrays[name].values) {
			t.Errorf("%s differs", name)
		}
		delete(arrays, name)
	}
	linear := func(name string, l onnxgraph.Linear) {
		want, got := arrays[name+".weight"], l.Weight.Floats()
		for i, v := range want.values {
			out, in := i/want.shape[1], i%want.shape[1]
			if l.Weight.Rows != want.shape[1] || l.Weight.Cols != want.shape[0] || got[in*l.Weight.Cols+out] != v {
				t.Errorf("%s differs at %d", name, i)
				break
			}
		}
		delete(arrays, name+".weight")
		vector(name+".bias", l.Bias)
	}
	norm := func(name string, n onnxgraph.Norm) { vector(name+".weight", n.Weight); vector(name+".bias", n.Bias) }
	n := a.naming
	vector(a.prefix+n.word+".weight", c.Word.Values)
	vector(a.prefix+n.position+".weight", c.Position.Values)
	if n.types != "" {
		vector(a.prefix+n.types+".weight", c.TokenType.Values)
	}
	norm(a.prefix+n.norm, c.Norm)
	for i, l := range c.Layers {
		p := a.prefix + fmt.Sprintf(n.layer, i)
		linear(p+n.query, l.Query)
		linear(p+n.key, l.Key)
		linear(p+n.value, l.Value)
		linear(p+n.output, l.Output)
		linear(p+n.up, l.Up)
		linear(p+n.down, l.Down)
		norm(p+n.attentionNorm, l.AttentionNorm)
		norm(p+n.outputNorm, l.Norm)
	}
	if a.pooler != "" {
		linear(a.pooler, *c.Pooler)
	}
	linear(a.classifier, c.Classifier)
	if len(arrays) > 0 {
		t.Errorf("never read: %v", arrays)
	}
	wantHeads, wantEpsilon := 4, float32(1e-12)
	switch a.class {
	case "BERT_Cat":
		wantHeads = 2
	case "BertForSequenceClassification":
		wantEpsilon = 1e-7
	}
	if c.Heads != wantHeads || c.Epsilon != wantEpsilon || c.Activation != a.activation {
		t.Errorf("%d heads, epsilon %v, activation %q", c.Heads, c.Epsilon, c.Activation)
	}
}

func TestHeadsWithoutAConfiguration(t *testing.T) {
	for width, want := range map[int]int{768: 12, 384: 6, 64: 1, 32: 0} {
		got, err := config{}.heads(width)
		if (err == nil) != (want > 0) || got != want {
			t.Errorf("width %d: %d heads (%v), want %d", width, got, err, want)
		}
	}
}

func TestReadRefuses(t *testing.T) {
	cat, bert := architectures()[0], architectures()[1]
	// change edits the folder of a sound checkpoint.
	cases := []struct {
		name   string
		a      architecture
		arrays func([]array) []array
		change func(dir string)
		want   string
	}{
		{name: "a tensor is missing", a: cat, arrays: func(all []array) []array { return all[:len(all)-1] }, want: "missing tensors: _classification_layer.bias"},
		{name: "a tensor too many", a: cat, want: "tensors that the architecture has not: bert_model.adapter",
			arrays: func(all []array) []array {
				return append(all, array{"bert_model.adapter", []int{1}, []float32{1}})
			}},
		{name: "a gap between layers", a: bert, want: "bert.encoder.layer.5.", arrays: func(all []array) []array {
			for i := range all {
				all[i].name = strings.Replace(all[i].name, "layer.1.", "layer.5.", 1)
			}
			return all
		}},
		{name: "two labels", a: bert, want: "gives 2 labels", arrays: func(all []array) []array {
			all[len(all)-2] = array{"classifier.weight", []int{2, width}, make([]float32, 2*width)}
			return all
		}},
		{name: "another shape", a: bert, want: "bert.embeddings.LayerNorm.bias: shape [3]", arrays: func(all []array) []array {
			all[4].shape, all[4].values = []int{3}, all[4].values[:3]
			return all
		}},
		{name: "a number that is none", a: bert, want: "bert.embeddings.word_embeddings.weight: number 5 is not finite", arrays: func(all []array) []array {
			all[0].values[5] = float32(math.NaN())
			return all
		}},
		{name: "old and new names", a: bert, want: "both bert.embeddings.LayerNorm.weight", arrays: func(all []array) []array {
			return append(all, array{"bert.embeddings.LayerNorm.gamma", []int{width}, all[3].values})
		}},
		{name: "an unknown architecture", a: bert, want: `"RobertaForSequenceClassification" is not known; known are BERT_Cat, BertForSequenceClassification, DistilBertForSequenceClassification`,
			change: func(dir string) {
				put(t, dir, configFile, []byte(`{"architectures": ["RobertaForSequenceClassification"]}`))
			}},
		{name: "another activation", a: bert, want: `activation "relu"`, change: func(dir string) {
			put(t, dir, configFile, []byte(`{"architectures": ["BertForSequenceClassification"], "hidden_act": "relu"}`))
		}},
		{name: "relative positions", a: bert, want: `"relative_key"`, change: func(dir string) {
			put(t, dir, configFile, []byte(`{"architectures": ["BertForSequenceClassification"], "position_embedding_type": "relative_key"}`))
		}},
		{name: "heads that do not divide", a: bert, want: "not a multiple of 5 heads", change: func(dir string) {
			put(t, dir, configFile, []byte(`{"architectures": ["BertForSequenceClassification"], "num_attention_heads": 5}`))
		}},
		{name: "no heads", a: bert, want: "no num_attention_heads", change: func(dir string) {
			put(t, dir, configFile, []byte(`{"architectures": ["BertForSequenceClassification"]}`))
		}},
		{name: "other layers", a: bert, want: "tells of 12 layers, the weights have 2", change: func(dir string) {
			put(t, dir, configFile, []byte(`{"architectures": ["BertForSequenceClassification"], "num_attention_heads": 4, "num_hidden_layers": 12}`))
		}},
		{name: "no tokenizer", a: cat, want: "uses the tokenizer of \"distilbert-base-uncased\"", change: func(dir string) { drop(t, dir, vocabularyFile) }},
		{name: "a tokenizer of another model", a: cat, want: "a tokenizer of 41 tokens", change: func(dir string) {
			put(t, dir, vocabularyFile, []byte(strings.Repeat("word\n", 41)))
		}},
		{name: "no weights", a: cat, want: "has no weights", change: func(dir string) { drop(t, dir, safetensorsFile) }},
		{name: "a pointer", a: cat, want: "Git LFS pointer", change: func(dir string) {
			put(t, dir, safetensorsFile, []byte("version https://git-lfs.github.com/spec/v1\noid sha256:00\n"))
		}},
		{name: "an empty file", a: cat, want: "is empty", change: func(dir string) { put(t, dir, safetensorsFile, nil) }},
		{name: "a shard elsewhere", a: cat, want: "no name of a file beside it", change: func(dir string) {
			drop(t, dir, safetensorsFile)
			put(t, dir, safetensorsIndex, []byte(`{"weight_map": {"a": "../model.safetensors"}}`))
		}},
		{name: "a shard that differs from the index", a: cat, want: "differ in the tensors", change: func(dir string) {
			if err := os.Rename(filepath.Join(dir, safetensorsFile), filepath.Join(dir, "one.safetensors")); err != nil {
				t.Fatal(err)
			}
			put(t, dir, safetensorsIndex, []byte(`{"weight_map": {"a": "one.safetensors"}}`))
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			dir := folder(t, c.a, func(dir string, all []array) {
				if c.arrays != nil {
					all = c.arrays(all)
				}
				put(t, dir, safetensorsFile, safetensors("F32", all))
			})
			if c.change != nil {
				c.change(dir)
			}
			_, err := Read(dir)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestTokenizerFileTellsTheVocabulary(t *testing.T) {
	for text, want := range map[string]int{
		`{"model": {"vocab": {"a": 0, "b": 7}}, "added_tokens": [{"id": 3}]}`: 8,
		`{"model": {"vocab": {"a": 0}}, "added_tokens": [{"id": 9}]}`:         10,
		`{"model": {"vocab": [["a", 0.5], ["b", 0.25]]}}`:                     2,
		`{"model": {}}`: 0,
		`[]`:            0,
	} {
		n, err := tokensOf([]byte(text))
		if n != want || (err == nil) != (want > 0) {
			t.Errorf("%s: %d tokens (%v), want %d", text, n, err, want)
		}
	}
}

func TestTheTokenizerMayAllowLess(t *testing.T) {
	dir := folder(t, architectures()[0], writers(t)["float32"])
	for text, want := range map[string]int{`{"model_max_length": 12}`: 12, `{"model_max_length": 1e30}`: positions, `{}`: positions} {
		put(t, dir, tokenizerConfig, []byte(text))
		c, err := Read(dir)
		if err != nil {
			t.Fatal(err)
		}
		if c.MaxTokens != want {
			t.Errorf("%s: %d tokens, want %d", text, c.MaxTokens, want)
		}
	}
}

func drop(t testing.TB, dir, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(dir, name)); err != nil {
		t.Fatal(err)
	}
}
