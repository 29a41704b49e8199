package checkpoint

import (
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// Bounds on a safetensors header. The first is the format's own.
const (
	maxHeaderBytes = 100 << 20
	maxTensors     = 1 << 16
	maxEntryBytes  = 64 << 10
	metadataKey    = "__metadata__"
)

// safetensorsTypes are the format's element types that some checkpoint of ours may have.
var safetensorsTypes = map[string]element{
	"F64": "float64", "F32": float32s, "F16": float16s, "BF16": bfloat16s,
	"I64": "int64", "I32": "int32", "I16": "int16", "I8": "int8", "U8": "uint8", "BOOL": "bool",
}

// readSafetensors reads the header of a safetensors file: eight bytes with the length of a JSON object, the object, then
// the tensors' bytes without gap or overlap (https://github.com/huggingface/safetensors).
func readSafetensors(r io.ReaderAt, size int64) ([]*tensor, error) {
	var prefix [8]byte
	if size < int64(len(prefix)) {
		return nil, errors.New("not a safetensors file: too short")
	}
	if err := readAt(r, prefix[:], 0); err != nil {
		return nil, err
	}
	length := binary.LittleEndian.Uint64(prefix[:])
	if length > maxHeaderBytes || int64(length) > size-8 {
		return nil, fmt.Errorf("not a safetensors file, or cut off: its header would have %d bytes of %d", length, size-8)
	}
	start := 8 + int64(length)
	entries, err := decodeHeader(io.NewSectionReader(r, 8, int64(length)))
	if err != nil {
		return nil, fmt.Errorf("safetensors header: %w", err)
	}
	data := io.NewSectionReader(r, start, size-start)
	tensors := make([]*tensor, 0, len(entries))
	for _, e := range entries {
		t, err := e.tensor(data)
		if err != nil {
			return nil, fmt.Errorf("safetensors: %s: %w", e.name, err)
		}
		tensors = append(tensors, t)
	}
	return tensors, checkCover(entries, size-start)
}

// entry is a tensor in the header: its bytes are [begin, end) of the data.
type entry struct {
	name       string
	Type       string  `json:"dtype"`
	Shape      []int   `json:"shape"`
	Offsets    []int64 `json:"data_offsets"`
	begin, end int64
}

// decodeHeader reads the object member by member, so that a name that comes twice is seen.
func decodeHeader(r io.Reader) ([]*entry, error) {
	d := json.NewDecoder(r)
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return nil, fmt.Errorf("not a JSON object (%v)", err)
	}
	entries := map[string]*entry{}
	for d.More() {
		key, err := d.Token()
		if err != nil {
			return nil, err
		}
		name, _ := key.(string)
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return nil, err
		}
		if name == metadataKey {
			continue
		}
		if len(raw) > maxEntryBytes || len(name) > maxEntryBytes || len(entries) == maxTensors {
			return nil, fmt.Errorf("more than %d tensors, or one of more than %d bytes", maxTensors, maxEntryBytes)
		}
		e := &entry{name: name}
		if err := json.Unmarshal(raw, e); err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		if entries[name] != nil {
			return nil, fmt.Errorf("two tensors are named %s", name)
		}
		entries[name] = e
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	return slices.SortedFunc(maps.Values(entries), func(a, b *entry) int { return strings.Compare(a.name, b.name) }), nil
}

func (e *entry) tensor(data *io.SectionReader) (*tensor, error) {
	kind, ok := safetensorsTypes[e.Type]
	if !ok {
		return nil, fmt.Errorf("unknown element type %q", e.Type)
	}
	if len(e.Offsets) != 2 || e.Shape == nil {
		return nil, errors.New("shape or data_offsets missing")
	}
	e.begin, e.end = e.Offsets[0], e.Offsets[1]
	if e.begin < 0 || e.end < e.begin || e.end > data.Size() {
		return nil, fmt.Errorf("bytes %d to %d of %d", e.begin, e.end, data.Size())
	}
	held := (e.end - e.begin) / int64(kind.bytes())
	n, err := checkShape(e.Shape, held)
	if err != nil {
		return nil, err
	}
	if n*int64(kind.bytes()) != e.end-e.begin {
		return nil, fmt.Errorf("%d bytes for shape %v of %s", e.end-e.begin, e.Shape, kind)
	}
	return &tensor{name: e.name, kind: kind, shape: e.Shape, data: data, offset: e.begin}, nil
}

// checkCover sees that the tensors' bytes follow one another up to the end, as the format wants it.
func checkCover(entries []*entry, size int64) error {
	byPlace := slices.SortedFunc(slices.Values(entries), func(a, b *entry) int {
		return cmp.Or(cmp.Compare(a.begin, b.begin), cmp.Compare(a.end, b.end))
	})
	at := int64(0)
	for _, e := range byPlace {
		if e.begin != at {
			return fmt.Errorf("safetensors: %s starts at byte %d where the tensor before it ends at %d", e.name, e.begin, at)
		}
		at = e.end
	}
	if at != size {
		return fmt.Errorf("safetensors: %d bytes belong to no tensor", size-at)
	}
	return nil
}
