package checkpoint

import (
	"archive/zip"
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

// withHeader is a safetensors file of the header's text and size bytes of data.
func withHeader(header string, size int) []byte {
	return slices.Concat(binary.LittleEndian.AppendUint64(nil, uint64(len(header))), []byte(header), make([]byte, size))
}

func TestSafetensorsRefuses(t *testing.T) {
	one := func(dtype, shape, offsets string) string {
		return fmt.Sprintf(`{"a": {"dtype": %q, "shape": %s, "data_offsets": %s}}`, dtype, shape, offsets)
	}
	cases := []struct {
		name string
		file []byte
		want string
	}{
		{"nothing", nil, "too short"},
		{"a header past the end", append(binary.LittleEndian.AppendUint64(nil, 1000), '{', '}'), "cut off"},
		{"a header of 2^63 bytes", append(binary.LittleEndian.AppendUint64(nil, 1<<63), '{', '}'), "cut off"},
		{"a header above the limit", withHeader(strings.Repeat(" ", maxHeaderBytes+1), 0), "cut off"},
		{"a list", withHeader(`[]`, 0), "not a JSON object"},
		{"half an object", withHeader(`{"a": {"dtype": "F32"`, 0), "EOF"},
		{"bytes past the end", withHeader(one("F32", "[2]", "[0, 8]"), 4), "bytes 0 to 8 of 4"},
		{"bytes backwards", withHeader(one("F32", "[0]", "[4, 0]"), 4), "bytes 4 to 0"},
		{"negative bytes", withHeader(one("F32", "[1]", "[-4, 0]"), 4), "bytes -4 to 0"},
		{"a shape of too much", withHeader(one("F32", "[2]", "[0, 4]"), 4), "more elements"},
		{"a shape of too little", withHeader(one("F32", "[1]", "[0, 8]"), 8), "8 bytes for shape [1]"},
		{"a shape that overflows", withHeader(one("F32", "[4294967296, 4294967296]", "[0, 4]"), 4), "more elements"},
		{"a shape that overflows to fit", withHeader(one("F32", "[9223372036854775807, 2, 3]", "[0, 4]"), 4), "more elements"},
		{"a negative shape", withHeader(one("F32", "[-1, -1]", "[0, 4]"), 4), "impossible shape"},
		{"too many dimensions", withHeader(one("F32", "[1,1,1,1,1,1,1,1,1]", "[0, 4]"), 4), "dimensions"},
		{"no shape", withHeader(`{"a": {"dtype": "F32", "data_offsets": [0, 4]}}`, 4), "missing"},
		{"three offsets", withHeader(one("F32", "[1]", "[0, 4, 4]"), 4), "missing"},
		{"fractions", withHeader(one("F32", "[1]", "[0, 4.5]"), 4), "cannot unmarshal"},
		{"an unknown type", withHeader(one("F8_E4M3", "[4]", "[0, 4]"), 4), `"F8_E4M3"`},
		{"a gap", withHeader(one("F32", "[1]", "[4, 8]"), 8), "starts at byte 4"},
		{"bytes of nobody", withHeader(one("F32", "[1]", "[0, 4]"), 8), "4 bytes belong to no tensor"},
		{"two of a name", withHeader(`{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}`, 8), "two tensors"},
		{"an overlap", withHeader(`{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}, "b": {"dtype": "F32", "shape": [2], "data_offsets": [4, 12]}}`, 12), "starts at byte 4"},
		{"a shape of a megabyte", withHeader(one("F32", "["+strings.Repeat("1,", 1<<19)+"1]", "[0, 4]"), 4), "bytes"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := readSafetensors(bytes.NewReader(c.file), int64(len(c.file)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %.300v, want %q", err, c.want)
			}
		})
	}
}

// storages finds every storage, 24 numbers each.
func storages(key string, kind element, count int64) (*storage, error) {
	if count != 24 {
		return nil, fmt.Errorf("%d numbers", count)
	}
	return &storage{kind: kind, count: count, data: bytes.NewReader(make([]byte, 24*8))}, nil
}

func TestPickleRefuses(t *testing.T) {
	dict := func() *program { return newProgram().raw("}(").text("w") }
	end := "u."
	view := func(offset int, shape, strides []int) []byte {
		return dict().tensor("FloatStorage", "0", 24, offset, shape, strides).raw(end).Bytes()
	}
	cases := []struct {
		name    string
		program []byte
		want    string
	}{
		{"nothing", nil, "no end"},
		{"another protocol", []byte("\x80\x04N."), "protocol 2"},
		{"no protocol", []byte("N."), "protocol 2"},
		{"os.system", newProgram().global("os", "system").text("id").raw("\x85R.").Bytes(), `"os.system"`},
		{"builtins.eval", newProgram().global("builtins", "eval").text("1").raw("\x85R.").Bytes(), `"builtins.eval"`},
		{"what the decoder would know", newProgram().global("copy_reg", "_reconstructor").raw(".").Bytes(), `"copy_reg._reconstructor"`},
		{"a module that looks right", newProgram().global("torch.", "FloatStorage").raw(".").Bytes(), "refused"},
		{"a global by the stack", newProgram().text("os").text("system").raw("\x93.").Bytes(), "0x93"},
		{"an instance", newProgram().raw("(ios\nsystem\n.").Bytes(), "0x69"},
		{"an object", newProgram().global("collections", "OrderedDict").raw(")\x81.").Bytes(), "0x81"},
		{"an extension", newProgram().raw("\x82\x01.").Bytes(), "0x82"},
		{"the opcode past the table", newProgram().raw("\xff.").Bytes(), "0xff"},
		{"a text of 4 GB", newProgram().raw("X\xff\xff\xff\xff.").Bytes(), "a text of"},
		{"a text past the end", newProgram().raw("X\x05\x00\x00\x00ab").Bytes(), "cut off"},
		{"an integer of no bytes", newProgram().raw("\x8a\x00.").Bytes(), "integer of 0"},
		{"an integer of 200 bytes", newProgram().raw("\x8a\xc8.").Bytes(), "integer of 200"},
		{"no end", newProgram().raw("N").Bytes(), "no end"},
		{"a second program", newProgram().raw("N.N.").Bytes(), "after its end"},
		{"marks without end", newProgram().raw(strings.Repeat("(", 1000)).Bytes(), "marks"},
		{"no mark", newProgram().raw("t.").Bytes(), "marks"},
		{"opcodes without end", newProgram().raw(strings.Repeat("N", maxOpcodes)).raw(".").Bytes(), "opcodes"},
		{"an empty stack", newProgram().raw("R.").Bytes(), "stack"},
		{"an odd dictionary", newProgram().raw("}(").text("a").raw("u.").Bytes(), "damaged"},
		{"a key that cannot be one", newProgram().global("collections", "OrderedDict").raw(")R(NNu.").Bytes(), "needed"},
		{"a number instead of a tensor", dict().int(5).raw(end).Bytes(), "a int named by a string \"w\""},
		{"a call of a tensor", newProgram().raw("}").tensor("FloatStorage", "0", 24, 0, []int{1}, []int{1}).raw(")R.").Bytes(), "Callable"},
		{"arguments for a dictionary", newProgram().global("collections", "OrderedDict").raw("N\x85R.").Bytes(), "not supported"},
		{"a tensor without storage", dict().global("torch._utils", "_rebuild_tensor_v2").raw("(NNNNt").raw("R" + end).Bytes(), "without storage"},
		{"a tensor of two arguments", dict().global("torch._utils", "_rebuild_tensor_v2").raw("NN\x86R" + end).Bytes(), "2 arguments"},
		{"a persistent text", dict().text("storage").raw("Q" + end).Bytes(), "no storage"},
		{"a storage of -1", dict().tensor("FloatStorage", "0", -1, 0, []int{1}, []int{1}).raw(end).Bytes(), "no storage"},
		{"a storage of other size", dict().tensor("FloatStorage", "0", 25, 0, []int{1}, []int{1}).raw(end).Bytes(), "25 numbers"},
		{"a view past the end", view(20, []int{5}, []int{1}), "leaves"},
		{"a view before the start", view(-1, []int{1}, []int{1}), "at -1"},
		{"a view of strides too long", view(0, []int{2, 2}, []int{23, 1}), "leaves"},
		{"a view backwards", view(23, []int{2}, []int{-1}), "leave"},
		{"a view that repeats itself", view(0, []int{1 << 20, 1 << 10}, []int{0, 0}), "more elements"},
		{"a view of a negative shape", view(0, []int{-2, -2}, []int{1, 1}), "impossible"},
		{"a view of other strides", view(0, []int{2, 2}, []int{1}), "without storage"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := unpickle(c.program, storages)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
}

// A tuple of itself twice, forty times over: printing it would never end.
func TestPickleNestedForLong(t *testing.T) {
	bomb := func(p *program) *program {
		p.raw("()q\x00")
		for range 40 {
			p.raw("h\x00h\x00\x86q\x00")
		}
		return p.raw("t")
	}
	for name, p := range map[string]*program{
		"value":     bomb(newProgram().raw("}").text("w")).raw("s."),
		"key":       bomb(newProgram().raw("}")).raw("Ns."),
		"top":       bomb(newProgram()).raw("."),
		"arguments": bomb(newProgram().global("collections", "OrderedDict")).raw("R."),
		"id":        bomb(newProgram()).raw("Q."),
		"shape":     bomb(newProgram().global("torch._utils", "_rebuild_tensor_v2")).raw("R."),
		"function":  bomb(newProgram()).raw(")R."),
		"state":     bomb(newProgram().raw("N")).raw("b."),
	} {
		if _, err := unpickle(p.Bytes(), storages); name != "state" && err == nil {
			t.Errorf("%s: no error", name)
		} else if err != nil && len(err.Error()) > 600 {
			t.Errorf("%s: an error of %d bytes", name, len(err.Error()))
		}
	}
}

func TestTorchFileRefuses(t *testing.T) {
	weights := []array{{"w", []int{2, 3}, make([]float32, 6)}}
	change := func(edit func(map[string][]byte)) []byte {
		entries := torchEntries(float32s, weights)
		edit(entries)
		return stored(entries)
	}
	sound := stored(torchEntries(float32s, weights))
	damaged := slices.Clone(sound)
	at := bytes.Index(damaged, []byte("x/data/0")) + len("x/data/0")
	damaged[at+8] ^= 1
	cases := []struct {
		name string
		file []byte
		want string
	}{
		{"something else", []byte("GGUF and so on"), "not a file of torch.save"},
		{"a zip cut off", sound[:len(sound)-30], "cut off"},
		{"another zip", stored(map[string][]byte{"a.txt": []byte("a")}), "no data.pkl"},
		{"a program deeper down", stored(map[string][]byte{"a/b/data.pkl": []byte("\x80\x02N.")}), "no data.pkl"},
		{"no storage", change(func(e map[string][]byte) { delete(e, "x/data/0") }), `no entry "x/data/0"`},
		{"a short storage", change(func(e map[string][]byte) { e["x/data/0"] = e["x/data/0"][:20] }), "20 bytes where 6 numbers"},
		{"another byte order", change(func(e map[string][]byte) { e["x/byteorder"] = []byte("big") }), `"big"`},
		{"a program of 9 MB", change(func(e map[string][]byte) { e["x/data.pkl"] = make([]byte, 9<<20) }), "more than"},
		{"a bit turned over", damaged, "checksum"},
		{"a bomb", deflated(torchEntries(float32s, weights)), "compressed"},
		{"entries of one name", twice(), "two entries"},
		{"entries that overlap", overlapping(t), "overlap"},
		{"a directory of 30 MB", crowded(), "directory has more than"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := readTorch(bytes.NewReader(c.file), int64(len(c.file)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if _, err := readTorch(bytes.NewReader(sound), int64(len(sound))); err != nil {
		t.Errorf("the sound file: %v", err)
	}
}

func deflated(entries map[string][]byte) []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for name, content := range entries {
		f, _ := w.Create(name)
		_, _ = f.Write(content)
	}
	_ = w.Close()
	return out.Bytes()
}

func twice() []byte {
	var out bytes.Buffer
	w := zip.NewWriter(&out)
	for range 2 {
		f, _ := w.CreateHeader(&zip.FileHeader{Name: "x/data.pkl", Method: zip.Store})
		_, _ = f.Write([]byte("\x80\x02N."))
	}
	_ = w.Close()
	return out.Bytes()
}

// crowded has no content, and a directory that is all of the file.
func crowded() []byte {
	one := make([]byte, 46)
	copy(one, "PK\x01\x02")
	directory := bytes.Repeat(one, 30<<20/len(one))
	end := make([]byte, 22)
	copy(end, "PK\x05\x06")
	binary.LittleEndian.PutUint16(end[8:], 0xfffe)
	binary.LittleEndian.PutUint16(end[10:], 0xfffe)
	binary.LittleEndian.PutUint32(end[12:], uint32(len(directory)))
	binary.LittleEndian.PutUint32(end[16:], 4)
	return slices.Concat([]byte("PK\x03\x04"), directory, end)
}

// overlapping makes the directory tell the same place for two storages.
func overlapping(t *testing.T) []byte {
	file := stored(torchEntries(float32s, []array{{"v", []int{3}, make([]float32, 3)}, {"w", []int{3}, make([]float32, 3)}}))
	first := bytes.Index(file, []byte("x/data/0")) - 30 // its local header
	directory := bytes.LastIndex(file, []byte("x/data/1")) - 4
	if first < 0 || directory < 0 {
		t.Fatal("the zip is not as expected")
	}
	binary.LittleEndian.PutUint32(file[directory:], uint32(first))
	return file
}

// Names may share a storage, but not so often that a small file takes much memory.
func TestSharedStorageIsBounded(t *testing.T) {
	values := make([]float32, 1000)
	p := newProgram().raw("}(")
	for i := range 100 {
		p.text(fmt.Sprint("w", i)).tensor("FloatStorage", "0", 1000, 0, []int{1000}, []int{1})
	}
	p.raw("u.")
	dir := t.TempDir()
	put(t, dir, torchFile, stored(map[string][]byte{"x/data.pkl": p.Bytes(), "x/data/0": encode(float32s, values)}))
	if _, err := openWeights(os.DirFS(dir)); err == nil || !strings.Contains(err.Error(), "more numbers than the file has bytes") {
		t.Errorf("error %v", err)
	}
}
