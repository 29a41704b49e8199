package checkpoint

import (
	"bytes"
	"slices"
	"strings"
	"testing"
)

// readerOf reads arrays from a safetensors file: a.weight of codes, its scales in the element type scales, the rest in float32.
func readerOf(t *testing.T, scales string, all ...array) (*reader, error) {
	t.Helper()
	file := safetensorsOf(all, func(name string) string {
		switch name {
		case "a.weight":
			return "I8"
		case "a.weight_scale":
			return scales
		}
		return "F32"
	})
	list, err := readSafetensors(bytes.NewReader(file), int64(len(file)))
	if err != nil {
		t.Fatal(err)
	}
	tensors := map[string]*tensor{}
	for _, one := range list {
		tensors[one.name] = one
	}
	return newReader(tensors)
}

func TestEachRowOfCodesHasItsScale(t *testing.T) {
	r, err := readerOf(t, "F16",
		array{"a.weight", []int{2, 3}, []float32{1, -2, 127, -128, 0, 5}},
		array{"a.weight_scale", []int{2}, []float32{0.5, 0.25}},
		array{"a.bias", []int{2}, []float32{7, 8}},
	)
	if err != nil {
		t.Fatal(err)
	}
	want := []float32{0.5, -1, 63.5, -32, 0, 1.25}
	if m := r.table("a", 3); r.err != nil || !slices.Equal(m.Floats(), want) {
		t.Errorf("as a table %v (%v), want %v", m.Floats(), r.err, want)
	}
	l := r.linear("a", 3, 2)
	if r.err != nil || !slices.Equal(l.Weight.Codes, []int8{1, -128, -2, 0, 127, 5}) || !slices.Equal(l.Weight.Scales, []float32{0.5, 0.25}) {
		t.Errorf("as a product's weight %+v (%v)", l.Weight, r.err)
	}
	if got := l.Weight.Floats(); !slices.Equal(got, []float32{0.5, -32, -1, 0, 63.5, 1.25}) {
		t.Errorf("which is %v", got)
	}
}

func TestScalesRefused(t *testing.T) {
	codes := array{"a.weight", []int{2, 1}, []float32{1, 2}}
	scales := func(shape []int, values ...float32) array { return array{"a.weight_scale", shape, values} }
	for _, c := range []struct {
		name, kind string
		all        []array
		want       string
	}{
		{"none", "", []array{codes}, "without a.weight_scale"},
		{"too few", "F32", []array{codes, scales([]int{1}, 1)}, "want one scale a row"},
		{"a matrix of them", "F32", []array{codes, scales([]int{2, 1}, 1, 1)}, "want one scale a row"},
		{"zero", "F32", []array{codes, scales([]int{2}, 1, 0)}, "scale 0 of row 1 is not above zero"},
		{"negative", "F16", []array{codes, scales([]int{2}, -1, 1)}, "not above zero"},
		{"whole numbers", "I8", []array{codes, scales([]int{2}, 1, 1)}, "numbers of type int8"},
		{"of a vector", "F32", []array{{"a.weight", []int{2}, []float32{1, 2}}, scales([]int{2}, 1, 1)}, "want one scale a row"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, err := readerOf(t, c.kind, c.all...)
			if err == nil {
				r.table("a", 1)
				err = r.err
			}
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

func TestScalesWithoutCodesAreNoWeights(t *testing.T) {
	for _, a := range architectures() {
		extra := array{a.classifier + ".weight" + scaleSuffix, []int{1}, []float32{1}}
		_, err := Read(folder(t, a, func(dir string, all []array) {
			put(t, dir, safetensorsFile, safetensors("F32", append(all, extra)))
		}))
		if err == nil || !strings.Contains(err.Error(), extra.name) {
			t.Errorf("%s: error %v", a.class, err)
		}
	}
}
