package reranker

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestFindLibrary(t *testing.T) {
	dir := t.TempDir()
	name := strings.NewReplacer("*", ".9.9.9", "..", ".").Replace(libraryPattern())
	file := filepath.Join(dir, name)
	write(t, file, []byte("x"))
	folder := func(version string) string {
		path := filepath.Join(dir, "onnxruntime", version+"-"+runtime.GOOS+"-"+runtime.GOARCH)
		if err := os.MkdirAll(path, 0o700); err != nil {
			t.Fatal(err)
		}
		copyFile(t, file, filepath.Join(path, name))
		return filepath.Join(path, name)
	}
	folder("1.9.0")
	newest := folder("1.32.0")
	folder("1.24.1")
	cases := map[string]struct {
		option, variable, cache string
		want                    string
		problem                 []string
	}{
		"option":              {option: file, want: file},
		"variable":            {variable: file, want: file},
		"option before":       {option: file, variable: filepath.Join(dir, "none"), want: file},
		"newest in the cache": {cache: dir, want: newest},
		"option missing":      {option: filepath.Join(dir, "none"), cache: dir, problem: []string{"the configuration names", "none", "make build"}},
		"variable missing":    {variable: filepath.Join(dir, "none"), problem: []string{"$" + LibraryVariable, "none", "make build"}},
		"a folder":            {option: dir, problem: []string{"is not a file", "make build"}},
		"nowhere":             {cache: filepath.Join(dir, "empty"), problem: []string{"found no ONNX Runtime library", "make build", filepath.Join(dir, "empty")}},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			t.Setenv(LibraryVariable, c.variable)
			t.Setenv("RESIFT_CACHE", c.cache)
			t.Setenv("XDG_CACHE_HOME", filepath.Join(dir, "empty"))
			got, err := findLibrary(c.option)
			if c.want != "" {
				want, resolveErr := filepath.EvalSymlinks(c.want)
				if err != nil || resolveErr != nil || got != want {
					t.Errorf("found %q, %v; want %q", got, err, want)
				}
				return
			}
			if err == nil {
				t.Fatalf("found %q", got)
			}
			for _, want := range c.problem {
				if !strings.Contains(err.Error(), want) {
					t.Errorf("error %q lacks %q", err, want)
				}
			}
		})
	}
}

func TestProvidersAreNoLibrary(t *testing.T) {
	if ok, err := filepath.Match(libraryPattern(), "libonnxruntime_providers_cuda.so"); ok || err != nil {
		t.Errorf("a provider plug-in would be taken for the library: %v", err)
	}
}

func TestLibraryIsLoadedOnce(t *testing.T) {
	requireLibrary(t)
	paths := make([]string, 8)
	var wg sync.WaitGroup
	for i := range paths {
		wg.Go(func() {
			path, err := openLibrary("")
			if err != nil {
				t.Error(err)
			}
			paths[i] = path
		})
	}
	wg.Wait()
	if len(slices.Compact(paths)) != 1 || paths[0] == "" {
		t.Fatalf("loaded %q", paths)
	}
	other := filepath.Join(t.TempDir(), "libonnxruntime.so")
	write(t, other, []byte("x"))
	if _, err := openLibrary(other); err == nil || !strings.Contains(err.Error(), "already") {
		t.Errorf("another library after the first: %v", err)
	}
}

func TestLibraryErrorsTellTheWay(t *testing.T) {
	cases := map[string]string{
		"Platform-specific initialization failed: Error setting ORT API base: 2":                       "too old",
		`Platform-specific initialization failed: Error looking up OrtGetApiBase in "x.so": no symbol`: "is not an ONNX Runtime library",
		`Platform-specific initialization failed: Error loading ONNX shared library "x.so": bad ELF`:   "load ONNX Runtime library",
	}
	for text, want := range cases {
		err := libraryError("x.so", errorText(text)).Error()
		if !strings.Contains(err, want) || !strings.Contains(err, "make build") || !strings.Contains(err, "x.so") {
			t.Errorf("%q became %q", text, err)
		}
	}
}

type errorText string

func (e errorText) Error() string { return string(e) }

func TestParseDevices(t *testing.T) {
	cases := map[string]struct {
		want    []string
		problem string
	}{
		"":               {want: []string{"auto"}},
		"auto":           {want: []string{"auto"}},
		"cpu":            {want: []string{"cpu"}},
		"cuda":           {want: []string{"cuda:0"}},
		"cuda:0, cuda:3": {want: []string{"cuda:0", "cuda:3"}},
		"cuda:0,cuda":    {problem: "twice"},
		"cuda:-1":        {problem: "want auto"},
		"cpu,cuda:0":     {problem: "mixed"},
		"auto,cuda:0":    {problem: "want auto"},
		"cuda:0,":        {problem: "want auto"},
	}
	for text, c := range cases {
		got, err := parseDevices(text)
		if c.problem == "" && (err != nil || !slices.Equal(got, c.want)) {
			t.Errorf("%q: %q, %v; want %q", text, got, err, c.want)
		}
		if c.problem != "" && (err == nil || !strings.Contains(err.Error(), c.problem)) {
			t.Errorf("%q: error %v, want %q", text, err, c.problem)
		}
	}
}

// A process loads one ONNX Runtime, so the libraries that can't be used are tried in processes of their own.
func TestUnusableLibraryIsNamed(t *testing.T) {
	if path := os.Getenv("RESIFT_TEST_CHILD"); path != "" {
		_, err := Open(Options{Model: tinyModel, Device: "cpu", Library: path})
		fmt.Println("child:", err)
		return
	}
	dir := t.TempDir()
	compile := func(name, source string) string {
		file, library := filepath.Join(dir, name+".c"), filepath.Join(dir, name+".so")
		write(t, file, []byte(source))
		if out, err := exec.Command("cc", "-shared", "-fPIC", "-o", library, file).CombinedOutput(); err != nil {
			t.Fatalf("cc, which cgo needs too: %v: %s", err, out)
		}
		return library
	}
	text := filepath.Join(dir, "text.so")
	write(t, text, []byte("not a library"))
	cases := map[string]string{
		text: "load ONNX Runtime library",
		// An old library knows no API of the number asked for, and answers NULL.
		compile("old", `
			static const void *api(unsigned version) { return version > 23 ? 0 : "api"; }
			static const char *version(void) { return "1.23.2"; }
			static const struct { const void *(*api)(unsigned); const char *(*version)(void); } base = {api, version};
			const void *OrtGetApiBase(void) { return &base; }`): "is too old: this program needs 1.24 or newer",
		compile("other", "int other(void) { return 1; }"): "is not an ONNX Runtime library",
		filepath.Join(dir, "missing.so"):                  "no such file",
	}
	for library, want := range cases {
		child := exec.Command(os.Args[0], "-test.run=^TestUnusableLibraryIsNamed$")
		child.Env = append(os.Environ(), "RESIFT_TEST_CHILD="+library)
		out, err := child.CombinedOutput()
		if err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		for _, want := range []string{want, filepath.Base(library), "make build"} {
			if !strings.Contains(string(out), want) {
				t.Errorf("%s: %q lacks %q", filepath.Base(library), out, want)
			}
		}
	}
}
