package reranker

import (
	"path/filepath"
	"strings"
)

// maxNameBytes bounds a model's name, which travels in a header of every answer.
const maxNameBytes = 128

// cleanName makes of text what may stand in a header and in a log: letters, digits and ._-/ alone, "-" for each run of others.
func cleanName(text string) string {
	var b strings.Builder
	gap := false
	for _, c := range []byte(text) {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.IndexByte("._-/", c) >= 0
		if ok {
			b.WriteByte(c)
		} else if !gap {
			b.WriteByte('-')
		}
		gap = !ok
		if b.Len() == maxNameBytes {
			break
		}
	}
	return b.String()
}

// name is what resift.json says, else the directory's own name.
func (d *Directory) name() string {
	if d.Name != "" {
		return d.Name
	}
	path, err := filepath.Abs(d.Path)
	if err != nil {
		path = d.Path
	}
	return cleanName(filepath.Base(path))
}
