package onnxgraph

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
)

// tinySource is a folder like the packaged model's.
func tinySource(t *testing.T) string {
	dir := t.TempDir()
	write(t, dir, ModelFile, readFile(t, "testdata/tiny.onnx"))
	write(t, dir, TokenizerFile, []byte(`{"version": "1.0"}`))
	write(t, dir, NoticeFile, []byte("Copyright of the source\n"))
	write(t, dir, LicenseFile, []byte("Apache License\n"))
	return dir
}

func TestConvertWritesADirectory(t *testing.T) {
	source, dst := tinySource(t), filepath.Join(t.TempDir(), "new", "model")
	m, err := Convert(source, dst, Options{Source: "a package", License: "Apache-2.0"})
	if err != nil {
		t.Fatal(err)
	}
	if m.Precision != "fp32" || m.MaxTokens != 40 || m.Output != Logits || len(m.Inputs) != 3 || m.Source != "a package" {
		t.Errorf("metadata %+v", m)
	}
	entries, err := os.ReadDir(dst)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, e := range entries {
		names = append(names, e.Name())
	}
	if got := strings.Join(names, " "); got != "LICENSE NOTICE model.onnx tokenizer.json" {
		t.Errorf("wrote %s", got)
	}
	notice := string(readFile(t, filepath.Join(dst, NoticeFile)))
	for _, want := range []string{"a package", "Apache-2.0", "changed by resift", "Copyright of the source"} {
		if !strings.Contains(notice, want) {
			t.Errorf("the NOTICE lacks %q:\n%s", want, notice)
		}
	}
	again := t.TempDir()
	if _, err := Convert(source, again, Options{}); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(readFile(t, filepath.Join(dst, ModelFile)), readFile(t, filepath.Join(again, ModelFile))) {
		t.Error("two conversions differ")
	}
}

func TestConvertRefuses(t *testing.T) {
	tiny := readFile(t, "testdata/tiny.onnx")
	cases := []struct {
		name, want string
		change     func(dir string)
		o          Options
	}{
		{name: "no model", want: ModelFile, change: func(dir string) { os.Remove(filepath.Join(dir, ModelFile)) }},
		{name: "no tokenizer", want: TokenizerFile, change: func(dir string) { os.Remove(filepath.Join(dir, TokenizerFile)) }},
		{name: "a truncated model", want: "cut off", change: func(dir string) { write(t, dir, ModelFile, tiny[:len(tiny)/3]) }},
		{name: "a converted model", want: "not a dynamically quantised", change: func(dir string) {
			write(t, dir, ModelFile, mustMarshal(t, randomEncoder(1, 1, 8, 2), FP32))
		}},
		{name: "an unknown precision", want: "fp8", change: func(string) {}, o: Options{Precision: "fp8"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			source, dst := tinySource(t), filepath.Join(t.TempDir(), "dst")
			c.change(source)
			if _, err := Convert(source, dst, c.o); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
			if _, err := os.Stat(dst); err == nil {
				t.Error("a failed conversion left a folder")
			}
		})
	}
}

func TestBuildRefusesWeightsThatDoNotFit(t *testing.T) {
	cases := []struct {
		name, want string
		change     func(*CrossEncoder)
	}{
		{"no layers", "at least one layer", func(c *CrossEncoder) { c.Layers = nil }},
		{"heads", "multiple of 3 heads", func(c *CrossEncoder) { c.Heads = 3 }},
		{"epsilon", "epsilon", func(c *CrossEncoder) { c.Epsilon = 0 }},
		{"activation", "activation", func(c *CrossEncoder) { c.Activation = "Gelu" }},
		{"classes", "classifier", func(c *CrossEncoder) {
			c.Classifier = Linear{Weight: Matrix{Rows: 8, Cols: 2, Values: make([]float32, 16)}, Bias: make([]float32, 2)}
		}},
		{"transposed", "layer 0: up: [24, 8]", func(c *CrossEncoder) {
			up := &c.Layers[0].Up.Weight
			up.Rows, up.Cols = up.Cols, up.Rows
			c.Layers[0].Up.Bias = make([]float32, 8)
		}},
		{"bias", "layer 0: key: bias of 7", func(c *CrossEncoder) { c.Layers[0].Key.Bias = c.Layers[0].Key.Bias[1:] }},
		{"numbers", "64 numbers", func(c *CrossEncoder) { c.TokenType.Values = make([]float32, 64) }},
		{"scales", "scales", func(c *CrossEncoder) {
			q := c.Layers[0].Query.Weight.Quantized()
			q.Scales = q.Scales[1:]
			c.Layers[0].Query.Weight = q
		}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			encoder := randomEncoder(1, 1, 8, 2)
			c.change(encoder)
			if _, err := Build(encoder, FP32); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want one with %q", err, c.want)
			}
		})
	}
}

// BenchmarkConvert prints the time and the allocated bytes of a conversion beside the size of what is written.
func BenchmarkConvert(b *testing.B) {
	source := packagedSource(b)
	file := readFile(b, filepath.Join(source, ModelFile))
	for _, p := range []Precision{FP32, Int8} {
		b.Run(string(p), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				g, err := Read(file)
				if err != nil {
					b.Fatal(err)
				}
				c, err := Unquantize(g)
				if err != nil {
					b.Fatal(err)
				}
				m, err := Build(c, p)
				if err != nil {
					b.Fatal(err)
				}
				b.ReportMetric(float64(proto.Size(m)), "written-B")
			}
		})
	}
}

func write(t *testing.T, dir, name string, content []byte) {
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
}
