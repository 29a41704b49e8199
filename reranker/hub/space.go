package hub

import (
	"fmt"
	"syscall"
)

// spareBytes stay free on the disk.
const spareBytes = 64 << 20

// checkSpace refuses a download that the disk of dir has no room for.
func checkSpace(dir string, need int64) error {
	var s syscall.Statfs_t
	if err := syscall.Statfs(dir, &s); err != nil {
		return nil // a file system that does not tell may still have room
	}
	if free := int64(s.Bavail) * int64(s.Bsize); need > free-spareBytes {
		return fmt.Errorf("%s has %s free, %s to download", dir, Size(free), Size(need))
	}
	return nil
}

// Size prints bytes for people: 1.5 kB, 90.9 MB.
func Size(n int64) string {
	f, unit := float64(n), "B"
	for _, u := range []string{"kB", "MB", "GB", "TB"} {
		if f < 999.5 {
			break
		}
		f, unit = f/1000, u
	}
	switch {
	case unit == "B":
		return fmt.Sprintf("%d B", n)
	case f >= 100:
		return fmt.Sprintf("%.0f %s", f, unit)
	}
	return fmt.Sprintf("%.3g %s", f, unit)
}
