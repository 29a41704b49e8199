package hub

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"
)

// Model is a repository of the hub at one commit.
type Model struct {
	Name    string
	Commit  string // 40 hex digits
	License string // as the model card states it, such as apache-2.0; "" if it does not
	Files   []File // all of the repository, in the hub's order
}

// Source names the model and its commit in a word: NAME@COMMIT.
func (m *Model) Source() string { return m.Name + "@" + m.Commit }

// File is one file of a repository.
type File struct {
	Path   string // slash-separated
	Size   int64  // bytes; -1 where the hub does not tell
	SHA256 string // of the content, in hex, for a file in large-file storage; else ""
	BlobID string // git's id of the content, in hex, for a file in the repository itself; else ""
}

// name is the file's name in the download folder.
func (f File) name() string { return path.Base(f.Path) }

// file looks a path up.
func (m *Model) file(path string) (File, bool) {
	for _, f := range m.Files {
		if f.Path == path {
			return f, true
		}
	}
	return File{}, false
}

// wireModel is the hub's answer about a repository: GET /api/models/NAME/revision/REVISION?blobs=true. Keys that are not
// needed are left out; lfs.sha256 and blobId are there because of blobs=true.
type wireModel struct {
	SHA      string     `json:"sha"`
	Siblings []wireFile `json:"siblings"`
	Tags     []string   `json:"tags"`
	CardData struct {
		License json.RawMessage `json:"license"` // a string, or a list of them
	} `json:"cardData"`
}

type wireFile struct {
	Path   string `json:"rfilename"`
	Size   *int64 `json:"size"`
	BlobID string `json:"blobId"`
	LFS    *struct {
		SHA256 string `json:"sha256"`
		Size   *int64 `json:"size"`
	} `json:"lfs"`
}

// parseModel reads the hub's answer about the model of that name. Paths of files are the hub's word: they are checked
// where one is used.
func parseModel(name string, text []byte) (*Model, error) {
	var w wireModel
	dec := json.NewDecoder(bytes.NewReader(text))
	if err := dec.Decode(&w); err != nil {
		return nil, err
	}
	if dec.More() {
		return nil, errors.New("text after the JSON object")
	}
	if !commitName.MatchString(w.SHA) {
		return nil, fmt.Errorf("sha %q is not a commit", w.SHA)
	}
	m := &Model{Name: name, Commit: w.SHA, License: w.license()}
	seen := map[string]bool{}
	for _, s := range w.Siblings {
		f, err := s.file()
		if err == nil && seen[f.Path] {
			err = errors.New("is listed twice")
		}
		if err != nil {
			return nil, fmt.Errorf("file %q: %w", s.Path, err)
		}
		seen[f.Path] = true
		m.Files = append(m.Files, f)
	}
	return m, nil
}

func (w wireFile) file() (File, error) {
	f := File{Path: w.Path, Size: -1}
	size := w.Size
	switch {
	case w.LFS == nil:
		f.BlobID = w.BlobID // with LFS it is the id of the pointer, not of the content
	case !sha256Hex.MatchString(w.LFS.SHA256):
		return File{}, fmt.Errorf("%q is no sha256", w.LFS.SHA256)
	default:
		f.SHA256 = w.LFS.SHA256
		if w.LFS.Size != nil {
			size = w.LFS.Size
		}
	}
	if f.BlobID != "" && !commitName.MatchString(f.BlobID) {
		return File{}, fmt.Errorf("%q is no git blob id", f.BlobID)
	}
	if size != nil {
		if *size < 0 {
			return File{}, fmt.Errorf("size %d is negative", *size)
		}
		f.Size = *size
	}
	if f.Path == "" {
		return File{}, errors.New("has no name")
	}
	return f, nil
}

// license is the model card's, else that of the tags; "" where the card names several or none.
func (w wireModel) license() string {
	var one string
	if json.Unmarshal(w.CardData.License, &one) == nil && one != "" {
		return one
	}
	for _, t := range w.Tags {
		if l, ok := strings.CutPrefix(t, "license:"); ok {
			return l
		}
	}
	return ""
}
