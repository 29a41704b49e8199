package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/nlpodyssey/gopickle/types"
)

// legacyStart is how PyTorch before 1.6 began its files: a magic number, then the format's version 1001.
const legacyStart = "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19." + "\x80\x02M\xe9\x03."

// readLegacy reads what torch.save wrote before PyTorch 1.6 (torch/serialization.py, _legacy_save): pickles one after another
// (magic number, version, system, the dictionary, the storages' keys), then for each key its count and its numbers.
func readLegacy(r io.ReaderAt, size int64) ([]*tensor, error) {
	start := make([]byte, min(size, maxProgramBytes))
	if err := readAt(r, start, 0); err != nil {
		return nil, err
	}
	rest := start[len(legacyStart):]
	var programs [3][]byte // system, dictionary, keys
	for i := range programs {
		n, err := programLength(rest)
		if err != nil {
			return nil, fmt.Errorf("pickle: %w", err)
		}
		programs[i], rest = rest[:n], rest[n:]
	}
	if err := checkSystem(programs[0]); err != nil {
		return nil, err
	}
	storages := map[string]*storage{}
	tensors, err := unpickle(programs[1], func(key string, kind element, count int64) (*storage, error) {
		s := storages[key]
		if s == nil {
			s = &storage{kind: kind, count: count, data: &placed{}}
			storages[key] = s
		}
		if s.kind != kind || s.count != count {
			return nil, fmt.Errorf("storage %.40q is of two kinds", key)
		}
		return s, nil
	})
	if err != nil {
		return nil, err
	}
	keys, err := legacyKeys(programs[2])
	if err != nil {
		return nil, err
	}
	return tensors, place(storages, keys, io.NewSectionReader(r, int64(len(start)-len(rest)), size-int64(len(start)-len(rest))))
}

// placed is a storage's place in the file, which is known only after the tensors.
type placed struct{ io.ReaderAt }

// place walks the storages in the file's order: eight bytes with the count, then the numbers.
func place(storages map[string]*storage, keys []string, data *io.SectionReader) error {
	at := int64(0)
	for _, key := range keys {
		s := storages[key]
		if s == nil {
			return fmt.Errorf("storage %.40q belongs to no tensor, or is there twice", key)
		}
		delete(storages, key)
		var count [8]byte
		if err := readAt(data, count[:], at); err != nil {
			return fmt.Errorf("cut off: %w", err)
		}
		at += int64(len(count))
		if n := binary.LittleEndian.Uint64(count[:]); n != uint64(s.count) {
			return fmt.Errorf("storage %.40q has %d numbers where %d are needed", key, n, s.count)
		}
		if s.count > (data.Size()-at)/int64(s.kind.bytes()) {
			return errors.New("cut off: a storage goes past the end")
		}
		length := s.count * int64(s.kind.bytes())
		s.data.(*placed).ReaderAt = io.NewSectionReader(data, at, length)
		at += length
	}
	if len(storages) > 0 {
		return fmt.Errorf("%d storages are missing", len(storages))
	}
	if at != data.Size() {
		return fmt.Errorf("%d bytes after the last storage", data.Size()-at)
	}
	return nil
}

// checkSystem refuses numbers of a big-endian machine.
func checkSystem(program []byte) error {
	value, err := load(program, nil)
	if err != nil {
		return err
	}
	d, ok := value.(*types.Dict)
	if !ok {
		return errors.New("pickle: no dictionary that tells of the system")
	}
	for _, member := range *d {
		if member.Key == "little_endian" && member.Value == true {
			return nil
		}
	}
	return errors.New("numbers that are not in little-endian byte order are not supported")
}

func legacyKeys(program []byte) ([]string, error) {
	value, err := load(program, nil)
	if err != nil {
		return nil, err
	}
	list, ok := value.(*types.List)
	if !ok {
		return nil, errors.New("pickle: no list of storages")
	}
	keys := make([]string, 0, list.Len())
	for i := range list.Len() {
		key, ok := list.Get(i).(string)
		if !ok {
			return nil, errors.New("pickle: a storage whose key is no text")
		}
		keys = append(keys, key)
	}
	return keys, nil
}
