package checkpoint

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
)

// The files of testdata are PyTorch's own, by make_golden.py. The scores of what is read from them are held against
// PyTorch's in cmd/resift.
func TestFilesOfPyTorchHoldTheSameWeights(t *testing.T) {
	for _, name := range []string{"cat", "bert", "distilbert"} {
		t.Run(name, func(t *testing.T) {
			all, err := Read(filepath.Join("testdata", name))
			if err != nil {
				t.Fatal(err)
			}
			dir := t.TempDir()
			for _, file := range []string{configFile, vocabularyFile, tokenizerFile, torchFile} {
				content, err := os.ReadFile(filepath.Join("testdata", name, file))
				if err == nil {
					put(t, dir, file, content)
				}
			}
			pickled, err := Read(dir)
			if err != nil {
				t.Fatal(err)
			}
			if !reflect.DeepEqual(all, pickled) {
				t.Error("model.safetensors and pytorch_model.bin give different weights")
			}
			if c := all.Encoder; len(c.Layers) != 2 || c.Width() != 32 || c.Heads != 4 || all.MaxTokens != 64 {
				t.Errorf("%d layers of width %d, %d heads, %d tokens", len(c.Layers), c.Width(), c.Heads, all.MaxTokens)
			}
		})
	}
}

func TestViewsOfPyTorch(t *testing.T) {
	w := &weights{tensors: map[string]*tensor{}}
	defer w.close()
	if _, err := w.open(os.DirFS("testdata"), "views.bin"); err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string][]float32{
		"whole":      {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23},
		"transposed": {0, 6, 12, 18, 1, 7, 13, 19, 2, 8, 14, 20, 3, 9, 15, 21, 4, 10, 16, 22, 5, 11, 17, 23},
		"rows":       {6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17},
		"columns":    {2, 3, 4, 8, 9, 10, 14, 15, 16, 20, 21, 22},
		"parameter":  {1.5, -2},
		"half":       {0.5, 3},
		"scalar":     {7},
	} {
		got, err := w.tensors[name].values()
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v (%v), want %v", name, got, err, want)
		}
	}
}
