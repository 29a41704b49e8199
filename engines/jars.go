package engines

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// fetchJars returns the folder of the recipe's jars, fetching them with Maven if the cache lacks it.
func fetchJars(ctx context.Context, r recipe, java JavaHome, progress func(string)) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	sums, err := r.jarSums()
	if err != nil {
		return "", err
	}
	lib := filepath.Join(cache, "engines", r.folder(), "lib")
	whole := func(dir string) bool { return hasAll(dir, sums) }
	err = once(lib, whole, func(tmp string) error {
		what := fmt.Sprintf("fetching %s %s with Maven", r.flavour, r.version)
		progress(fmt.Sprintf("%s: %d jars", what, len(sums)))
		jars := 0
		downloaded := func(file string) {
			if sums[file] == "" { // one of Maven's own
				return
			}
			if jars++; jars%20 == 0 {
				progress(fmt.Sprintf("%s: %d of %d jars", what, jars, len(sums)))
			}
		}
		if err := mavenCopy(ctx, r, java, tmp, downloaded); err != nil {
			return err
		}
		return verify(tmp, sums)
	})
	if err != nil {
		return "", fmt.Errorf("jars of %s: %w", r.name, err)
	}
	return lib, nil
}

// jarSums maps each jar's file name to its sha256 in hex, from the recipe's list in sha256sum's format.
func (r recipe) jarSums() (map[string]string, error) {
	list, err := r.file("jars.sha256")
	if err != nil {
		return nil, err
	}
	sums := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(list))
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || len(sum) != hex.EncodedLen(sha256.Size) {
			return nil, fmt.Errorf("%s/jars.sha256: bad line %q", r.name, lines.Text())
		}
		sums[name] = sum
	}
	return sums, lines.Err()
}

// hasAll tells whether dir has a file of every name in sums: a cache from which something was taken is fetched again. The
// digests were held when it was filled.
func hasAll(dir string, sums map[string]string) bool {
	for name := range sums {
		if _, err := os.Stat(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// verify holds the files of dir against sums: none missing, none more, all equal.
func verify(dir string, sums map[string]string) error {
	files, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	var problems []error
	seen := map[string]bool{}
	for _, f := range files {
		want, listed := sums[f.Name()]
		seen[f.Name()] = true
		if !listed {
			problems = append(problems, fmt.Errorf("%s is not on the list", f.Name()))
			continue
		}
		got, err := sumFile(filepath.Join(dir, f.Name()))
		if err != nil {
			problems = append(problems, err)
		} else if got != want {
			problems = append(problems, fmt.Errorf("%s has sha256 %s, not %s", f.Name(), got, want))
		}
	}
	for name := range sums {
		if !seen[name] {
			problems = append(problems, fmt.Errorf("%s is missing", name))
		}
	}
	return errors.Join(problems...)
}

// sumFile is the sha256 of the file's bytes, in hex.
func sumFile(path string) (string, error) {
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
