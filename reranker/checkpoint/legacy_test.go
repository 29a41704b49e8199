package checkpoint

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"
	"strings"
	"testing"
)

// legacySystem is what PyTorch 1.5 wrote about the machine.
func legacySystem(little string) *program {
	return newProgram().raw("}q\x00(").text("protocol_version").raw("M\xe9\x03").text("little_endian").raw(little).
		text("type_sizes").raw("}(").text("short").raw("K\x02").text("int").raw("K\x04").text("long").raw("K\x04uu.")
}

// legacyKeysOf is a list of keys.
func legacyKeysOf(keys ...string) *program {
	p := newProgram().raw("]q\x00(")
	for _, key := range keys {
		p.text(key)
	}
	return p.raw("e.")
}

// legacyStorage is one storage with its count.
func legacyStorage(values []float32) []byte {
	return append(binary.LittleEndian.AppendUint64(nil, uint64(len(values))), encode(float32s, values)...)
}

// legacy is a file of torch.save before PyTorch 1.6. Keys were addresses, sorted as text.
func legacy(all []array) []byte {
	dict := newProgram().global("collections", "OrderedDict").raw(")R(")
	var keys []string
	var data []byte
	for i, a := range all {
		key := fmt.Sprintf("9400%04d", i)
		keys = append(keys, key)
		dict.text(a.name).global("torch._utils", "_rebuild_tensor_v2").raw("((").text("storage").global("torch", "FloatStorage").
			text(key).text("cpu").int(len(a.values)).raw("NtQ").int(0).ints(a.shape...).ints(rowMajor(a.shape)...).raw("\x89").
			global("collections", "OrderedDict").raw(")RtR")
		data = append(data, legacyStorage(a.values)...)
	}
	dict.raw("u.")
	return slices.Concat([]byte(legacyStart), legacySystem("\x88").Bytes(), dict.Bytes(), legacyKeysOf(keys...).Bytes(), data)
}

func TestLegacyFileRefuses(t *testing.T) {
	one := []array{{"w", []int{2}, []float32{1, 2}}}
	sound := legacy(one)
	dict := newProgram().raw("}").text("w").tensor("FloatStorage", "k", 2, 0, []int{2}, []int{1}).raw("s.").Bytes()
	file := func(system, dict, keys []byte, storages ...[]byte) []byte {
		return slices.Concat([]byte(legacyStart), system, dict, keys, slices.Concat(storages...))
	}
	system, storage := legacySystem("\x88").Bytes(), legacyStorage(one[0].values)
	cases := []struct {
		name string
		file []byte
		want string
	}{
		{"nothing after the start", []byte(legacyStart), "no end"},
		{"no dictionary", file(system, nil, nil), "no end"},
		{"another byte order", file(legacySystem("\x89").Bytes(), dict, legacyKeysOf("k").Bytes(), storage), "little-endian"},
		{"a system that is none", file(newProgram().raw("N.").Bytes(), dict, legacyKeysOf("k").Bytes(), storage), "system"},
		{"a system that calls", file(newProgram().global("os", "system").raw(".").Bytes(), dict, nil), `"os.system"`},
		{"no keys", file(system, dict, legacyKeysOf().Bytes(), storage), "1 storages are missing"},
		{"keys that are no list", file(system, dict, newProgram().raw("N.").Bytes(), storage), "no list"},
		{"keys that are no text", file(system, dict, newProgram().raw("]Na.").Bytes(), storage), "no text"},
		{"a key of nobody", file(system, dict, legacyKeysOf("k", "l").Bytes(), storage, storage), "belongs to no tensor"},
		{"a key that comes twice", file(system, dict, legacyKeysOf("k", "k").Bytes(), storage, storage), "twice"},
		{"a count that differs", file(system, dict, legacyKeysOf("k").Bytes(), legacyStorage(make([]float32, 3))), "3 numbers where 2"},
		{"a storage cut off", sound[:len(sound)-1], "goes past the end"},
		{"a count cut off", sound[:len(sound)-9], "cut off"},
		{"more after the end", append(slices.Clone(sound), 0), "1 bytes after the last storage"},
		{"a view of a storage", file(system, newProgram().raw("}").text("w").raw("(").text("storage").global("torch", "FloatStorage").
			text("k").text("cpu").int(2).text("view").raw("tQs.").Bytes(), legacyKeysOf("k").Bytes(), storage), "no storage"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := readTorch(bytes.NewReader(c.file), int64(len(c.file)))
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("error %v, want %q", err, c.want)
			}
		})
	}
	if tensors, err := readTorch(bytes.NewReader(sound), int64(len(sound))); err != nil || len(tensors) != 1 {
		t.Errorf("the sound file: %v", err)
	}
}
