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

// Jars are what a Maven project names, and what those need.
type Jars struct {
	Name string // for messages
	POM  []byte // pom.xml
	Sums []byte // of all of them, in sha256sum's format
}

// Fetch returns the folder below the cache where the jars lie, fetching them with Maven if the cache lacks it. Progress
// may be nil.
func (j Jars) Fetch(ctx context.Context, folder string, progress func(string)) (string, error) {
	if progress == nil {
		progress = func(string) {}
	}
	java, err := Java(ctx, 17, progress)
	if err != nil {
		return "", err
	}
	return j.fetch(ctx, java, folder, progress)
}

func (j Jars) fetch(ctx context.Context, java JavaHome, folder string, progress func(string)) (string, error) {
	cache, err := CacheDir()
	if err != nil {
		return "", err
	}
	sums, err := readSums(j.Sums)
	if err != nil {
		return "", fmt.Errorf("jars of %s: %w", j.Name, err)
	}
	lib := filepath.Join(cache, folder)
	whole := func(dir string) bool { return hasAll(dir, sums) }
	err = once(lib, whole, func(tmp string) error {
		what := fmt.Sprintf("fetching %s with Maven", j.Name)
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
		if err := mavenCopy(ctx, j.POM, java, tmp, downloaded); err != nil {
			return err
		}
		return verify(tmp, sums)
	})
	if err != nil {
		return "", fmt.Errorf("jars of %s: %w", j.Name, err)
	}
	return lib, nil
}

// fetchJars returns the folder of the recipe's jars.
func fetchJars(ctx context.Context, r recipe, java JavaHome, progress func(string)) (string, error) {
	pom, err := r.file("pom.xml")
	if err != nil {
		return "", err
	}
	sums, err := r.file("jars.sha256")
	if err != nil {
		return "", err
	}
	j := Jars{Name: r.flavour + " " + r.version, POM: pom, Sums: sums}
	return j.fetch(ctx, java, filepath.Join("engines", r.folder(), "lib"), progress)
}

// readSums maps each jar's file name to its sha256 in hex.
func readSums(list []byte) (map[string]string, error) {
	sums := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(list))
	for lines.Scan() {
		sum, name, ok := strings.Cut(lines.Text(), "  ")
		if !ok || len(sum) != hex.EncodedLen(sha256.Size) {
			return nil, fmt.Errorf("bad line %q in the list of sums", lines.Text())
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
