package ubi

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// ReadDir calls each with every line of a stream in dir, the oldest file first. The bytes are valid during the call. A stream
// without a file has no lines; a folder that is not there is an error. It may be called while Files writes there: what is written
// by then is read, and a line of which only a part is there is none yet.
func ReadDir(dir string, stream Stream, each func(line []byte) error) error {
	files, err := openStream(dir, stream)
	if err != nil {
		return err
	}
	for _, f := range files {
		if err == nil {
			err = readLines(f, each)
		}
		err = errors.Join(err, f.Close())
	}
	return err
}

// Extent tells how much there is to read.
type Extent struct {
	Bytes   int64
	Changed time.Time // the last change of any file
}

// Measure tells how much of both streams dir holds.
func Measure(dir string) (Extent, error) {
	var e Extent
	for _, stream := range []Stream{Queries, Events} {
		files, err := openStream(dir, stream)
		if err != nil {
			return e, err
		}
		for _, f := range files {
			info, statErr := f.Stat()
			if statErr == nil {
				e.Bytes += info.Size()
				if info.ModTime().After(e.Changed) {
					e.Changed = info.ModTime()
				}
			}
			err = errors.Join(err, statErr, f.Close())
		}
		if err != nil {
			return e, err
		}
	}
	return e, nil
}

// openStream opens the files of a stream, the oldest first, as they are at one moment: a file that is put aside meanwhile would
// else be read twice, or not at all.
func openStream(dir string, stream Stream) ([]*os.File, error) {
	for {
		old, err := oldFiles(dir, stream)
		if err != nil {
			return nil, err
		}
		files, err := openAll(dir, stream, old)
		now, listErr := oldFiles(dir, stream)
		if listErr == nil && slices.Equal(old, now) && err == nil {
			return files, nil
		}
		for _, f := range files {
			err = errors.Join(err, f.Close())
		}
		if listErr != nil || slices.Equal(old, now) {
			return nil, errors.Join(err, listErr)
		}
	}
}

// openAll opens old files and the current one, which may be missing. With an error it returns those that are open.
func openAll(dir string, stream Stream, old []oldFile) ([]*os.File, error) {
	var files []*os.File
	for _, o := range old {
		f, err := os.Open(o.path)
		if err != nil {
			return files, err
		}
		files = append(files, f)
	}
	f, err := os.Open(filepath.Join(dir, string(stream)+".jsonl"))
	if errors.Is(err, os.ErrNotExist) {
		return files, nil
	}
	if err != nil {
		return files, err
	}
	return append(files, f), nil
}

func readLines(f *os.File, each func([]byte) error) error {
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 16<<20)
	lines.Split(wholeLine)
	for n := 1; lines.Scan(); n++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		if err := each(lines.Bytes()); err != nil {
			return fmt.Errorf("%s, line %d: %w", f.Name(), n, err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("%s: %w", f.Name(), err)
	}
	return nil
}

// wholeLine is bufio.ScanLines, but for a last line without its end: that counts only if it is whole all the same.
func wholeLine(data []byte, atEOF bool) (advance int, token []byte, err error) {
	if atEOF && bytes.IndexByte(data, '\n') < 0 && !json.Valid(data) {
		return len(data), nil, nil
	}
	return bufio.ScanLines(data, atEOF)
}
