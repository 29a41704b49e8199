package checkpoint

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Files of a checkpoint. Weights are looked for in this order.
const (
	configFile       = "config.json"
	safetensorsFile  = "model.safetensors"
	safetensorsIndex = "model.safetensors.index.json"
	torchFile        = "pytorch_model.bin"
	torchIndex       = "pytorch_model.bin.index.json"
)

const (
	maxTextFile = 64 << 20 // of config.json, an index or a tokenizer
	maxShards   = 1024
)

// weightsFiles are the files that hold weights or tell where they are.
func weightsFiles() []string {
	return []string{safetensorsFile, safetensorsIndex, torchFile, torchIndex}
}

// Is tells whether dir looks like a checkpoint: a configuration and weights.
func Is(dir string) bool {
	if _, err := os.Stat(filepath.Join(dir, configFile)); err != nil {
		return false
	}
	return slices.ContainsFunc(weightsFiles(), func(name string) bool {
		_, err := os.Stat(filepath.Join(dir, name))
		return err == nil
	})
}

// weights are the tensors of one or more opened files, by name.
type weights struct {
	tensors map[string]*tensor
	files   []fs.File
}

func openWeights(folder fs.FS) (*weights, error) {
	w := &weights{tensors: map[string]*tensor{}}
	for _, name := range weightsFiles() {
		if _, err := fs.Stat(folder, name); errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var err error
		if strings.HasSuffix(name, ".json") {
			err = w.openShards(folder, name)
		} else {
			_, err = w.open(folder, name)
		}
		if err != nil {
			w.close()
			return nil, err
		}
		return w, nil
	}
	return nil, fmt.Errorf("it has no weights: one of %s is needed", strings.Join(weightsFiles(), ", "))
}

func (w *weights) close() {
	for _, f := range w.files {
		f.Close()
	}
}

// open adds the tensors of a file and returns their names.
func (w *weights) open(folder fs.FS, name string) ([]string, error) {
	f, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	w.files = append(w.files, f)
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	at, ok := f.(io.ReaderAt)
	if !ok {
		return nil, fmt.Errorf("%s cannot be read at any place", name)
	}
	if err := checkContent(at, info); err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	read := readTorch
	if strings.HasSuffix(name, ".safetensors") {
		read = readSafetensors
	}
	tensors, err := read(at, info.Size())
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	var names []string
	left := info.Size()
	for _, t := range tensors {
		// Views may share numbers, but not so often that they take many times the file's size in memory.
		if left -= int64(t.count()); left < 0 {
			return nil, fmt.Errorf("%s: its tensors have more numbers than the file has bytes", name)
		}
		if w.tensors[t.name] != nil {
			return nil, fmt.Errorf("%s: a second tensor is named %s", name, t.name)
		}
		w.tensors[t.name] = t
		names = append(names, t.name)
	}
	return names, nil
}

// checkContent names the two things that a clone without its large files has in the place of weights.
func checkContent(f io.ReaderAt, info fs.FileInfo) error {
	if !info.Mode().IsRegular() {
		return errors.New("not a regular file")
	}
	start := make([]byte, 64)
	n, err := f.ReadAt(start, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	if n == 0 {
		return errors.New("the file is empty")
	}
	if bytes.HasPrefix(start[:n], []byte("version https://git-lfs")) {
		return errors.New("a Git LFS pointer, not the weights: fetch them with git lfs pull")
	}
	return nil
}

// openShards opens the files that an index names. Both sides must agree: a tensor lies in the file that the index tells.
func (w *weights) openShards(folder fs.FS, index string) error {
	text, err := readText(folder, index)
	if err != nil {
		return err
	}
	var content struct {
		Map map[string]string `json:"weight_map"`
	}
	if err := json.Unmarshal(text, &content); err != nil {
		return fmt.Errorf("%s: %w", index, err)
	}
	shards := map[string][]string{}
	for tensor, shard := range content.Map {
		shards[shard] = append(shards[shard], tensor)
	}
	if len(shards) == 0 || len(shards) > maxShards {
		return fmt.Errorf("%s names %d files", index, len(shards))
	}
	for _, shard := range slices.Sorted(maps.Keys(shards)) {
		if shard != filepath.Base(shard) || !filepath.IsLocal(shard) || strings.ContainsAny(shard, `/\:`) {
			return fmt.Errorf("%s: %q is no name of a file beside it", index, shard)
		}
		names, err := w.open(folder, shard)
		if err != nil {
			return err
		}
		slices.Sort(names)
		slices.Sort(shards[shard])
		if !slices.Equal(names, shards[shard]) {
			return fmt.Errorf("%s and %s differ in the tensors of the latter", index, shard)
		}
	}
	return nil
}

// readText reads a small file whole.
func readText(folder fs.FS, name string) ([]byte, error) {
	f, err := folder.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxTextFile+1))
	if err != nil {
		return nil, err
	}
	if len(text) > maxTextFile {
		return nil, fmt.Errorf("%s has more than %d bytes", name, maxTextFile)
	}
	return text, nil
}
