package reranker

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"

	ort "github.com/yalue/onnxruntime_go"
)

// LibraryVariable is the environment variable that names the ONNX Runtime library.
const LibraryVariable = "RESIFT_ONNXRUNTIME"

// howToGetLibrary ends every error about the library.
const howToGetLibrary = "`make build` fetches a fitting one; or name a file with the option reranker.library or in $" + LibraryVariable

// environment is ONNX Runtime's own state, of which a process has one: the binding keeps it in package variables, so its
// guard can be nowhere else.
var environment struct {
	sync.Mutex
	library string // resolved path of what was loaded; empty before
}

// openLibrary loads ONNX Runtime once per process. Another library than the loaded one is refused.
func openLibrary(path string) (library string, err error) {
	path, err = findLibrary(path)
	if err != nil {
		return "", err
	}
	environment.Lock()
	defer environment.Unlock()
	switch environment.library {
	case path:
		return path, nil
	case "":
	default:
		return "", fmt.Errorf("ONNX Runtime is loaded from %s already; a process can't also use %s", environment.library, path)
	}
	// From 1.29 on, the official Linux libraries report each model and session to their maker, unless this is set before they
	// are loaded. Who puts resift before an index has not agreed to that.
	if err := os.Setenv("ORT_DISABLE_TELEMETRY", "1"); err != nil {
		return "", err
	}
	ort.SetSharedLibraryPath(path)
	err = ort.InitializeEnvironment(ort.WithLogLevelError())
	if err != nil {
		return "", libraryError(path, err)
	}
	if err := ort.DisableTelemetry(); err != nil { // other systems' libraries heed only the call
		return "", fmt.Errorf("ONNX Runtime: %w", err)
	}
	environment.library = path
	return path, nil
}

func libraryError(path string, err error) error {
	switch text := err.Error(); {
	case strings.Contains(text, "Error setting ORT API base"):
		return fmt.Errorf("ONNX Runtime library %s is too old: this program needs 1.24 or newer; %s", path, howToGetLibrary)
	case strings.Contains(text, "OrtGetApiBase"):
		return fmt.Errorf("%s is not an ONNX Runtime library; %s", path, howToGetLibrary)
	}
	return fmt.Errorf("load ONNX Runtime library %s: %w; %s", path, err, howToGetLibrary)
}

// findLibrary resolves the library's file: the given one, $RESIFT_ONNXRUNTIME, one beside the executable, the newest in
// the cache folder.
func findLibrary(path string) (string, error) {
	for _, named := range []struct{ path, by string }{{path, "the configuration"}, {os.Getenv(LibraryVariable), "$" + LibraryVariable}} {
		if named.path == "" {
			continue
		}
		file, err := resolveLibrary(named.path)
		if err != nil {
			return "", fmt.Errorf("ONNX Runtime library that %s names: %w; %s", named.by, err, howToGetLibrary)
		}
		return file, nil
	}
	folders := libraryFolders()
	for _, dir := range folders {
		files, _ := filepath.Glob(filepath.Join(dir, libraryPattern())) // the only error is a bad pattern
		slices.SortFunc(files, compareVersions)
		for _, file := range slices.Backward(files) {
			if resolved, err := resolveLibrary(file); err == nil {
				return resolved, nil
			}
		}
	}
	return "", fmt.Errorf("found no ONNX Runtime library (%s) in %s; %s", libraryPattern(), strings.Join(folders, ", "), howToGetLibrary)
}

func resolveLibrary(path string) (string, error) {
	file, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if file, err = filepath.EvalSymlinks(file); err != nil {
		return "", err
	}
	info, err := os.Stat(file)
	if err != nil {
		return "", err
	}
	if !info.Mode().IsRegular() {
		return "", fmt.Errorf("%s is not a file", path)
	}
	return file, nil
}

// libraryPattern leaves out libonnxruntime_providers_*, which are plug-ins of the library.
func libraryPattern() string {
	if runtime.GOOS == "darwin" {
		return "libonnxruntime.*dylib"
	}
	return "libonnxruntime.so*"
}

// libraryFolders are the executable's folder, its lib/, and the cache's folders for this platform, newest version first.
func libraryFolders() []string {
	var folders []string
	if exe, err := os.Executable(); err == nil {
		if exe, err = filepath.EvalSymlinks(exe); err == nil {
			folders = append(folders, filepath.Dir(exe), filepath.Join(filepath.Dir(exe), "lib"))
		}
	}
	cache, err := cacheFolder()
	if err != nil {
		return folders
	}
	versions, _ := filepath.Glob(filepath.Join(cache, "onnxruntime", "*-"+runtime.GOOS+"-"+runtime.GOARCH))
	slices.SortFunc(versions, compareVersions)
	slices.Reverse(versions)
	return append(folders, append(versions, filepath.Join(cache, "onnxruntime"))...)
}

func cacheFolder() (string, error) {
	if dir := os.Getenv("RESIFT_CACHE"); dir != "" {
		return dir, nil
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "resift"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", errors.New("no cache folder: neither $RESIFT_CACHE nor $HOME is set")
	}
	return filepath.Join(home, ".cache", "resift"), nil
}

// compareVersions orders file names by the numbers in them, so that 1.9 comes before 1.24.
func compareVersions(a, b string) int {
	return slices.Compare(numbers(filepath.Base(a)), numbers(filepath.Base(b)))
}

func numbers(s string) []int {
	var ns []int
	for field := range strings.FieldsFuncSeq(s, func(r rune) bool { return r < '0' || r > '9' }) {
		if n, err := strconv.Atoi(field); err == nil {
			ns = append(ns, n)
		}
	}
	return ns
}
