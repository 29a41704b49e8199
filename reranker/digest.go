package reranker

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
)

// scoringVersion changes when this package computes scores differently from the same files.
const scoringVersion = "resift-score-1"

// Verify hashes the files of the directory against resift.json and returns their digests. A file that was cut short or
// altered is an error that names it.
func (d *Directory) Verify() (map[string]string, error) {
	if d.graph != nil {
		return maps.Clone(d.Files), nil // hashed when they were written
	}
	digests, err := hashFiles(d.Path, d.scoringFiles())
	if err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(d.Files)) {
		if want, got := d.Files[name], digests[name]; d.Declared && want != got {
			return nil, fmt.Errorf("model directory: %s is truncated or altered: its sha256 is %s, %s says %s",
				filepath.Join(d.Path, name), got, MetadataFile, want)
		}
	}
	return digests, nil
}

// scoringFiles are the declared files and those a tokenizer is read from, declared or not.
func (d *Directory) scoringFiles() map[string]string {
	files := maps.Clone(d.Files)
	if files == nil {
		files = map[string]string{}
	}
	for _, name := range append(tokenizerFiles(), ModelFile) {
		if _, err := os.Stat(filepath.Join(d.Path, name)); err == nil {
			files[name] = ""
		}
	}
	return files
}

// tokenizerFiles are those that a tokenizer may be read from.
func tokenizerFiles() []string {
	return []string{"tokenizer.json", "vocab.txt", "tokenizer_config.json"}
}

// hashFiles returns the hex sha256 of each named file of dir.
func hashFiles(dir string, names map[string]string) (map[string]string, error) {
	digests := make(map[string]string, len(names))
	for name := range names {
		digest, err := hashFile(filepath.Join(dir, name))
		if err != nil {
			return nil, fmt.Errorf("model directory: %w", err)
		}
		digests[name] = digest
	}
	return digests, nil
}

func hashFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(h.Sum(nil)), nil
}

// revision is the hex sha256 over all that decides a score: the files, the cut, and how the graph is fed.
func (d *Directory) revision(digests map[string]string, maxTokens int) string {
	h := sha256.New()
	line := func(format string, args ...any) { fmt.Fprintf(h, format+"\n", args...) }
	line("%s", scoringVersion)
	for _, name := range slices.Sorted(maps.Keys(digests)) {
		line("file %q %s", name, digests[name])
	}
	for _, name := range slices.Sorted(maps.Keys(d.Inputs)) {
		line("input %q %q", name, d.Inputs[name])
	}
	line("output %q", d.Output)
	line("layout %q pad %d max_tokens %d", d.Layout, d.PadToken, maxTokens)
	return hex.EncodeToString(h.Sum(nil))
}
