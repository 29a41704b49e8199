package ubi

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Files is a sink of JSON lines: DIR/ubi_queries.jsonl and DIR/ubi_events.jsonl. A file that has grown to Size bytes is
// renamed to STREAM.N.jsonl, N counting up; the oldest beyond Keep are removed.
type Files struct {
	dir  string
	size int64
	keep int
	open map[Stream]*file
}

type file struct {
	f    *os.File
	size int64
}

// NewFiles makes dir if it is missing. size 0: 64 MiB; keep 0: 10 old files a stream.
func NewFiles(dir string, size int64, keep int) (*Files, error) {
	if size == 0 {
		size = 64 << 20
	}
	if keep == 0 {
		keep = 10
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, err
	}
	return &Files{dir: dir, size: size, keep: keep, open: map[Stream]*file{}}, nil
}

// Write appends the records, each as a whole line, in order.
func (s *Files) Write(_ context.Context, records []Record) (settled, refused int, err error) {
	for i, r := range records {
		if err := s.append(r); err != nil {
			return i, 0, err
		}
	}
	return len(records), 0, nil
}

func (s *Files) append(r Record) error {
	f, err := s.file(r.Stream)
	if err == nil && f.size >= s.size {
		if err = s.rotate(r.Stream); err == nil {
			f, err = s.file(r.Stream)
		}
	}
	if err != nil {
		return err
	}
	line := append(slices.Clone(r.JSON), '\n')
	n, err := f.f.Write(line)
	if err != nil {
		if n > 0 { // a torn line would be read as part of the next
			if cut := f.f.Truncate(f.size); cut != nil {
				return errors.Join(err, cut)
			}
		}
		return err
	}
	f.size += int64(n)
	return nil
}

// file is the stream's open file. A line that a crash tore off at its end is cut away.
func (s *Files) file(stream Stream) (*file, error) {
	if f := s.open[stream]; f != nil {
		return f, nil
	}
	path := s.path(stream)
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o640)
	if err != nil {
		return nil, err
	}
	size, err := wholeLines(f)
	if err == nil {
		err = f.Truncate(size)
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.open[stream] = &file{f, size}
	return s.open[stream], nil
}

// wholeLines is the length of the file up to its last newline.
func wholeLines(f *os.File) (int64, error) {
	info, err := f.Stat()
	if err != nil {
		return 0, err
	}
	end := info.Size()
	buf := make([]byte, 64<<10)
	for end > 0 {
		n := min(int64(len(buf)), end)
		if _, err := f.ReadAt(buf[:n], end-n); err != nil {
			return 0, err
		}
		for i := n - 1; i >= 0; i-- {
			if buf[i] == '\n' {
				return end - n + i + 1, nil
			}
		}
		end -= n
	}
	return 0, nil
}

func (s *Files) path(stream Stream) string { return filepath.Join(s.dir, string(stream)+".jsonl") }

func (s *Files) rotate(stream Stream) error {
	if err := s.open[stream].f.Close(); err != nil {
		return err
	}
	delete(s.open, stream)
	old, err := oldFiles(s.dir, stream)
	if err != nil {
		return err
	}
	next := 1
	if len(old) > 0 {
		next = old[len(old)-1].n + 1
	}
	if err := os.Rename(s.path(stream), filepath.Join(s.dir, fmt.Sprintf("%s.%d.jsonl", stream, next))); err != nil {
		return err
	}
	for len(old) >= s.keep {
		if err := os.Remove(old[0].path); err != nil {
			return err
		}
		old = old[1:]
	}
	return nil
}

type oldFile struct {
	path string
	n    int
}

// oldFiles are a stream's rotated files, the oldest first. (filepath.Glob would read a folder's name as a pattern.)
func oldFiles(dir string, stream Stream) ([]oldFile, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var out []oldFile
	for _, e := range entries {
		var n int
		name, ours := strings.CutPrefix(e.Name(), string(stream)+".")
		if _, err := fmt.Sscanf(name, "%d.jsonl", &n); ours && err == nil && name == fmt.Sprintf("%d.jsonl", n) {
			out = append(out, oldFile{filepath.Join(dir, e.Name()), n})
		}
	}
	slices.SortFunc(out, func(a, b oldFile) int { return a.n - b.n })
	return out, nil
}

// Close closes the files.
func (s *Files) Close() error {
	var errs []error
	for _, f := range s.open {
		errs = append(errs, f.f.Close())
	}
	s.open = nil
	return errors.Join(errs...)
}
