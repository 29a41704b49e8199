package engines

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// CacheDir is the folder outside the source tree where fetched things are kept; docs/building.md lists its contents.
func CacheDir() (string, error) {
	if dir := os.Getenv("RESIFT_CACHE"); dir != "" {
		return filepath.Abs(dir)
	}
	if dir := os.Getenv("XDG_CACHE_HOME"); dir != "" {
		return filepath.Join(dir, "resift"), nil
	}
	home, err := os.UserHomeDir()
	if err != nil {
		return "", fmt.Errorf("no place for the cache: %w; set RESIFT_CACHE", err)
	}
	return filepath.Join(home, ".cache", "resift"), nil
}

// once makes dir by calling fill with a temporary sibling, which becomes dir when fill succeeds. An existing dir that is
// whole is left as it is, one that is not is made again. Of several processes that want the same dir one fills it and the
// others wait.
func once(dir string, whole func(dir string) bool, fill func(tmp string) error) error {
	if whole(dir) {
		return nil
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return err
	}
	unlock, err := lock(dir + ".lock")
	if err != nil {
		return err
	}
	defer unlock()
	if whole(dir) {
		return nil
	}
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	tmp, err := os.MkdirTemp(filepath.Dir(dir), filepath.Base(dir)+".tmp-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(tmp)
	if err := fill(tmp); err != nil {
		return err
	}
	if err := os.Chmod(tmp, 0o755); err != nil {
		return err
	}
	return os.Rename(tmp, dir)
}

// lock waits for an exclusive lock on the file at path; the kernel drops it if this process dies.
func lock(path string) (unlock func(), err error) {
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock %s: %w", path, err)
	}
	return func() { f.Close() }, nil
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}
