package checkpoint

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
	"testing"
)

// array is a tensor of a checkpoint that a test makes.
type array struct {
	name   string
	shape  []int
	values []float32
}

// Sizes of the checkpoints that tests make.
const (
	vocabulary, positions, width, inner = 40, 24, 16, 24
)

// arraysOf makes the random weights of an architecture with two layers, in the order of their names.
func arraysOf(a architecture) []array {
	r := rand.New(rand.NewPCG(7, uint64(len(a.class))))
	var all []array
	add := func(name string, shape ...int) {
		n := 1
		for _, d := range shape {
			n *= d
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(r.IntN(255)-127) / 64 // exact in float16 and bfloat16
		}
		all = append(all, array{name, shape, values})
	}
	linear := func(name string, in, out int) { add(name+".weight", out, in); add(name+".bias", out) }
	norm := func(name string) { add(name+".weight", width); add(name+".bias", width) }
	n := a.naming
	add(a.prefix+n.word+".weight", vocabulary, width)
	add(a.prefix+n.position+".weight", positions, width)
	if n.types != "" {
		add(a.prefix+n.types+".weight", 2, width)
	}
	norm(a.prefix + n.norm)
	for i := range 2 {
		p := a.prefix + fmt.Sprintf(n.layer, i)
		for _, name := range []string{n.query, n.key, n.value, n.output} {
			linear(p+name, width, width)
		}
		linear(p+n.up, width, inner)
		linear(p+n.down, inner, width)
		norm(p + n.attentionNorm)
		norm(p + n.outputNorm)
	}
	if a.pooler != "" {
		linear(a.pooler, width, width)
	}
	linear(a.classifier, width, 1)
	return all
}

// folder writes a checkpoint of an architecture: configuration, vocabulary and, by write, weights.
func folder(t testing.TB, a architecture, write func(dir string, all []array)) string {
	t.Helper()
	dir := t.TempDir()
	config := map[string]any{"architectures": []string{a.class}, "num_attention_heads": 4, "layer_norm_eps": 1e-7, "pad_token_id": 0}
	if a.class == "BERT_Cat" {
		config = map[string]any{"architectures": []string{a.class}, "model_type": "BERT_Cat", "bert_model": "distilbert-base-uncased", "n_heads": 2}
	}
	text, err := json.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, configFile, text)
	put(t, dir, vocabularyFile, []byte(strings.Repeat("word\n", vocabulary-1)+"last"))
	write(dir, arraysOf(a))
	return dir
}

func put(t testing.TB, dir, name string, content []byte) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(dir, name), content, 0o644); err != nil {
		t.Fatal(err)
	}
}

// encode writes numbers in an element type that holds them exactly.
func encode(kind element, values []float32) []byte {
	var raw []byte
	for _, v := range values {
		switch kind {
		case float16s:
			raw = binary.LittleEndian.AppendUint16(raw, half(v))
		case int8s:
			raw = append(raw, byte(int8(v)))
		case bfloat16s:
			raw = binary.LittleEndian.AppendUint16(raw, uint16(math.Float32bits(v)>>16))
		default:
			raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(v))
		}
	}
	return raw
}

// half finds the float16 that halfToFloat widens to v: the search knows nothing of the format.
func half(v float32) uint16 {
	sign := uint16(0)
	if v < 0 {
		sign, v = 0x8000, -v
	}
	n := sort.Search(0x7c00, func(h int) bool { return halfToFloat(uint16(h)) >= v })
	return sign | uint16(n)
}

// safetensors makes a file of the format, with one element type for all.
func safetensors(kind string, all []array) []byte {
	return safetensorsOf(all, func(string) string { return kind })
}

// safetensorsOf makes a file whose tensors have each the element type that kindOf tells.
func safetensorsOf(all []array, kindOf func(name string) string) []byte {
	header := map[string]any{"__metadata__": map[string]string{"format": "pt"}}
	var data []byte
	for _, a := range all {
		kind := kindOf(a.name)
		raw := encode(safetensorsTypes[kind], a.values)
		header[a.name] = map[string]any{"dtype": kind, "shape": a.shape, "data_offsets": []int{len(data), len(data) + len(raw)}}
		data = append(data, raw...)
	}
	text, err := json.Marshal(header)
	if err != nil {
		panic(err)
	}
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(text))), text, data)
}

// program writes pickles as Python's pickler does, opcode by opcode.
type program struct{ bytes.Buffer }

func newProgram() *program {
	p := &program{}
	p.raw("\x80\x02")
	return p
}

func (p *program) raw(s string) *program { p.WriteString(s); return p }

func (p *program) global(module, name string) *program {
	return p.raw("c" + module + "\n" + name + "\n")
}

func (p *program) text(s string) *program {
	return p.raw("X" + string(binary.LittleEndian.AppendUint32(nil, uint32(len(s)))) + s)
}

func (p *program) int(n int) *program {
	return p.raw("J" + string(binary.LittleEndian.AppendUint32(nil, uint32(n))))
}

func (p *program) ints(list ...int) *program {
	p.raw("(")
	for _, n := range list {
		p.int(n)
	}
	return p.raw("t")
}

// tensor pushes a view of the storage key, which has count numbers.
func (p *program) tensor(class, key string, count, offset int, shape, strides []int) *program {
	p.global("torch._utils", "_rebuild_tensor_v2").raw("(")
	p.raw("(").text("storage").global("torch", class).text(key).text("cpu").int(count).raw("tQ")
	p.int(offset).ints(shape...).ints(strides...).raw("\x89")
	return p.global("collections", "OrderedDict").raw(")RtR")
}

// torchEntries are the entries of a file of torch.save: state_dict() with its _metadata.
func torchEntries(kind element, all []array) map[string][]byte {
	class := map[element]string{float32s: "FloatStorage", float16s: "HalfStorage", bfloat16s: "BFloat16Storage"}[kind]
	entries := map[string][]byte{"x/version": []byte("3\n"), "x/byteorder": []byte("little")}
	p := newProgram().global("collections", "OrderedDict").raw("q\x00)Rq\x01(")
	for i, a := range all {
		key := fmt.Sprint(i)
		p.text(a.name).tensor(class, key, len(a.values), 0, a.shape, rowMajor(a.shape))
		entries["x/data/"+key] = encode(kind, a.values)
	}
	p.raw("u}").text("_metadata").global("collections", "OrderedDict").raw(")Rsb.")
	entries["x/data.pkl"] = p.Bytes()
	return entries
}

// stored packs entries without compression.
func stored(entries map[string][]byte) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		f, err := w.CreateHeader(&zip.FileHeader{Name: name, Method: zip.Store})
		if err != nil {
			panic(err)
		}
		if _, err := f.Write(entries[name]); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return out.Bytes()
}
