package checkpoint

import (
	"bytes"
	"errors"
	"fmt"
	"io"

	"github.com/nlpodyssey/gopickle/pickle"
	"github.com/nlpodyssey/gopickle/types"
)

// storage is a run of numbers that tensors look at.
type storage struct {
	kind  element
	count int64
	data  io.ReaderAt
}

// storageType is PyTorch's class of a storage, such as torch.FloatStorage.
type storageType struct{ kind element }

// findStorage looks a storage up by its key.
type findStorage func(key string, kind element, count int64) (*storage, error)

// globalOf is the closed list of what a pickle may name. None of it is Python: each stands for a value or call of ours.
func globalOf(module, name string) (any, bool) {
	switch module + "." + name {
	case "collections.OrderedDict":
		return nil, true // which the decoder has itself
	case "torch._utils._rebuild_tensor_v2":
		return rebuildTensor{}, true
	case "torch._utils._rebuild_parameter":
		return rebuildParameter{}, true
	}
	kinds := map[string]element{
		"DoubleStorage": "float64", "FloatStorage": float32s, "HalfStorage": float16s, "BFloat16Storage": bfloat16s,
		"LongStorage": "int64", "IntStorage": "int32", "ShortStorage": "int16", "CharStorage": "int8",
		"ByteStorage": "uint8", "BoolStorage": "bool",
	}
	if kind, ok := kinds[name]; ok && module == "torch" {
		return storageType{kind}, true
	}
	return nil, false
}

// unpickle decodes a program that is a dictionary of tensors and no more.
func unpickle(program []byte, find findStorage) ([]*tensor, error) {
	n, err := programLength(program)
	if err != nil {
		return nil, fmt.Errorf("pickle: %w", err)
	}
	if n < len(program) {
		return nil, fmt.Errorf("pickle: %d bytes after its end", len(program)-n)
	}
	value, err := load(program, find)
	if err != nil {
		return nil, err
	}
	return named(value)
}

// load decodes a program that programLength let through. The decoder runs no Python.
func load(program []byte, find findStorage) (value any, err error) {
	// The decoder indexes and hashes what a damaged program leaves on its stack.
	defer func() {
		if r := recover(); r != nil {
			value, err = nil, fmt.Errorf("pickle: damaged: %v", r)
		}
	}()
	u := pickle.NewUnpickler(bytes.NewReader(program))
	u.FindClass = func(module, name string) (any, error) {
		value, ok := globalOf(module, name)
		if !ok {
			return nil, fmt.Errorf("%s.%s is refused", module, name)
		}
		return value, nil
	}
	u.PersistentLoad = func(id any) (any, error) {
		if find == nil {
			return nil, errors.New("a storage where none has a place")
		}
		return loadStorage(id, find)
	}
	if value, err = u.Load(); err != nil {
		return nil, fmt.Errorf("pickle: %.500w", err)
	}
	return value, nil
}

// named turns the decoded dictionary into tensors with names.
func named(value any) ([]*tensor, error) {
	var tensors []*tensor
	add := func(key, value any) error {
		name, ok := key.(string)
		t, isTensor := value.(*tensor)
		if !ok || !isTensor {
			// Not the values themselves: what they nest may be printed for years.
			return fmt.Errorf("pickle: a %T named by a %T %.100q where a tensor with a name is needed", value, key, name)
		}
		if len(tensors) == maxTensors {
			return fmt.Errorf("pickle: more than %d tensors", maxTensors)
		}
		copied := *t // one tensor may have two names
		copied.name = name
		tensors = append(tensors, &copied)
		return nil
	}
	switch d := value.(type) {
	case *types.OrderedDict:
		for e := d.List.Front(); e != nil; e = e.Next() {
			member := e.Value.(*types.OrderedDictEntry)
			if err := add(member.Key, member.Value); err != nil {
				return nil, err
			}
		}
	case *types.Dict:
		for _, member := range *d {
			if err := add(member.Key, member.Value); err != nil {
				return nil, err
			}
		}
	default:
		return nil, fmt.Errorf("pickle: a %T where a dictionary of tensors is needed", value)
	}
	return tensors, nil
}

// loadStorage resolves ("storage", class, key, device, count), which is how torch.save refers to a storage; before PyTorch 1.6
// there was a sixth, None but for views of storages.
func loadStorage(id any, find findStorage) (any, error) {
	wrong := errors.New("a persistent id that is no storage")
	t, ok := id.(*types.Tuple)
	if !ok || t.Len() < 5 || t.Len() > 6 || t.Get(0) != "storage" || t.Len() == 6 && t.Get(5) != nil {
		return nil, wrong
	}
	class, ok := t.Get(1).(storageType)
	key, keyOK := t.Get(2).(string)
	count, countOK := t.Get(4).(int)
	if !ok || !keyOK || !countOK || count < 0 {
		return nil, wrong
	}
	return find(key, class.kind, int64(count))
}

// rebuildTensor is torch._utils._rebuild_tensor_v2(storage, offset, shape, strides, …): a view of a storage. What follows
// (gradients, hooks, metadata) does not concern weights.
type rebuildTensor struct{}

func (rebuildTensor) Call(args ...any) (any, error) {
	if len(args) < 4 || len(args) > 7 {
		return nil, fmt.Errorf("a tensor of %d arguments", len(args))
	}
	s, ok := args[0].(*storage)
	offset, offsetOK := args[1].(int)
	shape, shapeOK := sizes(args[2])
	strides, stridesOK := sizes(args[3])
	if !ok || !offsetOK || !shapeOK || !stridesOK || len(shape) != len(strides) {
		return nil, errors.New("a tensor without storage, offset, shape or strides")
	}
	if err := inside(s, offset, shape, strides); err != nil {
		return nil, err
	}
	return &tensor{kind: s.kind, shape: shape, strides: strides, data: s.data, offset: int64(offset) * int64(s.kind.bytes())}, nil
}

// inside refuses a view of what the storage does not hold.
func inside(s *storage, offset int, shape, strides []int) error {
	// Each number of the storage can be seen once: a view that repeats them (stride 0) could be of any size.
	n, err := checkShape(shape, s.count)
	if err != nil || n == 0 {
		return err
	}
	if offset < 0 || int64(offset) >= s.count {
		return fmt.Errorf("a tensor at %d of %d numbers", offset, s.count)
	}
	last := int64(offset)
	for i, d := range shape {
		stride := int64(strides[i])
		if stride < 0 || (d > 1 && stride > (s.count-1)/int64(d-1)) {
			return fmt.Errorf("strides %v of shape %v leave the %d numbers of the storage", strides, shape, s.count)
		}
		last += int64(d-1) * stride
	}
	if last >= s.count {
		return fmt.Errorf("shape %v with strides %v from %d leaves the %d numbers of the storage", shape, strides, offset, s.count)
	}
	return nil
}

func sizes(v any) ([]int, bool) {
	t, ok := v.(*types.Tuple)
	if !ok || t.Len() > maxDims {
		return nil, false
	}
	list := make([]int, t.Len())
	for i := range list {
		if list[i], ok = t.Get(i).(int); !ok {
			return nil, false
		}
	}
	return list, true
}

// rebuildParameter is torch._utils._rebuild_parameter(tensor, …).
type rebuildParameter struct{}

func (rebuildParameter) Call(args ...any) (any, error) {
	if len(args) > 0 {
		if t, ok := args[0].(*tensor); ok {
			return t, nil
		}
	}
	return nil, errors.New("a parameter without a tensor")
}
