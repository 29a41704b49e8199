package checkpoint

import (
	"bytes"
	"encoding/binary"
	"testing"
)

// Whatever the header says, a tensor that is let through lies in the file.
func FuzzSafetensors(f *testing.F) {
	f.Add(safetensors("F32", arraysOf(architectures()[0])[:3]))
	f.Add(withHeader(`{"a": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}, "__metadata__": {}}`, 8))
	f.Add(withHeader(`{"a": {"dtype": "F32", "shape": [0, 4294967296], "data_offsets": [0, 0]}}`, 0))
	f.Add(compact(arraysOf(architectures()[0])[:3], func(string) bool { return true }))
	f.Add(withHeader(`{"a": {"dtype": "I8", "shape": [0, 2], "data_offsets": [0, 0]}, "a_scale": {"dtype": "F16", "shape": [0], "data_offsets": [0, 0]}}`, 0))
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, err := readSafetensors(bytes.NewReader(file), int64(len(file)))
		if err != nil {
			return
		}
		checkTensors(t, tensors, len(file))
		byName := map[string]*tensor{}
		for _, one := range tensors {
			byName[one.name] = one
		}
		if r, err := newReader(byName); err == nil {
			for _, one := range r.tensors {
				if values, err := one.values(); err == nil && len(values) != one.count() {
					t.Errorf("%s: %d numbers of %d", one.name, len(values), one.count())
				}
			}
		}
	})
}

// Whatever the program does, a tensor that is let through lies in its storage.
func FuzzPickle(f *testing.F) {
	f.Add(newProgram().raw("}(").text("w").tensor("FloatStorage", "0", 24, 2, []int{2, 3}, []int{1, 4}).raw("u.").Bytes())
	f.Add(newProgram().raw("}").text("p").global("torch._utils", "_rebuild_parameter").
		tensor("HalfStorage", "0", 24, 0, []int{24}, []int{1}).raw("\x89N\x87Rs.").Bytes())
	f.Add(torchEntries(float32s, arraysOf(architectures()[0])[:2])["x/data.pkl"])
	f.Fuzz(func(t *testing.T, program []byte) {
		tensors, err := unpickle(program, storages)
		if err == nil {
			checkTensors(t, tensors, 24*8)
		}
	})
}

// The containers, zip and legacy: what is let through lies in the file.
func FuzzTorchFile(f *testing.F) {
	f.Add(stored(torchEntries(float16s, arraysOf(architectures()[0])[:2])))
	f.Add(twice())
	f.Add(legacy(arraysOf(architectures()[0])[:2]))
	f.Fuzz(func(t *testing.T, file []byte) {
		tensors, err := readTorch(bytes.NewReader(file), int64(len(file)))
		if err == nil {
			checkTensors(t, tensors, len(file))
		}
	})
}

func FuzzConfig(f *testing.F) {
	f.Add([]byte(`{"architectures": ["BERT_Cat"], "bert_model": "distilbert-base-uncased"}`), uint16(768))
	f.Add([]byte(`{"model_type": "bert", "num_attention_heads": 12, "layer_norm_eps": 1e-7, "hidden_act": "gelu"}`), uint16(384))
	f.Add([]byte(`{"bert_model": {}, "n_heads": 1, "n_layers": 2}`), uint16(1))
	f.Fuzz(func(t *testing.T, text []byte, width uint16) {
		c, err := parseConfig(text)
		if err != nil {
			return
		}
		if !(c.Epsilon > 0 && c.Epsilon < 1) || c.Heads < 0 || c.Layers < 0 || c.Pad < 0 {
			t.Errorf("%+v", c)
		}
		if heads, err := c.heads(int(width)); err == nil && width > 0 && (heads < 1 || int(width)%heads != 0) {
			t.Errorf("%d heads of width %d", heads, width)
		}
		c.baseModel()
		if a, err := architectureOf(c); err == nil && a.class == "" {
			t.Error("a class without a name")
		}
	})
}

// checkTensors reads every tensor: an error may be of its content, not of its place.
func checkTensors(t *testing.T, tensors []*tensor, size int) {
	t.Helper()
	for _, one := range tensors {
		n := one.count()
		if n < 0 || n > size {
			t.Fatalf("%d numbers from %d bytes", n, size)
		}
		if one.readable() != nil {
			continue
		}
		visited := 0
		err := one.each(func(i int, _ float32) {
			if i != visited {
				t.Fatalf("number %d after %d", i, visited)
			}
			visited++
		})
		if visited != n {
			t.Errorf("%d of %d numbers read: %v", visited, n, err)
		}
	}
}

// The seeds must be what they look like: else the fuzzer starts from nothing.
func TestSeedsAreSound(t *testing.T) {
	file := withHeader(`{"a": {"dtype": "BF16", "shape": [2, 2], "data_offsets": [0, 8]}, "__metadata__": {}}`, 8)
	if _, err := readSafetensors(bytes.NewReader(file), int64(len(file))); err != nil {
		t.Error(err)
	}
	program := newProgram().raw("}").text("p").global("torch._utils", "_rebuild_parameter").raw("(").
		tensor("HalfStorage", "0", 24, 1, []int{2, 3}, []int{1, 4}).raw("\x89NtRs.").Bytes()
	numbers := make([]byte, 48)
	for i := range 24 {
		binary.LittleEndian.PutUint16(numbers[2*i:], half(float32(i)))
	}
	tensors, err := unpickle(program, func(_ string, kind element, count int64) (*storage, error) {
		return &storage{kind: kind, count: count, data: bytes.NewReader(numbers)}, nil
	})
	if err != nil {
		t.Fatal(err)
	}
	got, err := tensors[0].values()
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []float32{1, 5, 9, 2, 6, 10} {
		if got[i] != want {
			t.Fatalf("a strided view reads %v", got)
		}
	}
}
