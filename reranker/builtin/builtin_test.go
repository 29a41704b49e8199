package builtin

import (
	"io"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func TestFoldersAreComplete(t *testing.T) {
	for _, name := range Names() {
		m, ok := Find(name)
		if !ok || m.Name != name {
			t.Fatalf("%s is not found", name)
		}
		names, err := m.FileNames()
		if err != nil {
			t.Fatal(err)
		}
		for _, needed := range []string{"config.json", "model.safetensors", "vocab.txt", "README.md", "LICENSE"} {
			if !slices.Contains(names, needed) {
				t.Errorf("%s lacks %s", name, needed)
			}
		}
		for _, file := range names {
			f, err := m.Files().Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			first := make([]byte, 16)
			at, ok := f.(io.ReaderAt)
			if !ok {
				t.Fatalf("%s: %s cannot be read at any place", name, file)
			}
			if _, err := at.ReadAt(first, 0); err != nil {
				t.Errorf("%s: %s: %v", name, file, err)
			}
		}
		card, err := m.Card()
		if err != nil || !strings.HasPrefix(card, "---\n") || !strings.Contains(card, "\nlicense: "+strings.ToLower(m.License)+"\n") ||
			!strings.Contains(card, "# "+name+"\n") || !strings.Contains(card, "## Limits\n") {
			t.Errorf("%s: card %.200q… of another model or licence (%v)", name, card, err)
		}
	}
}

func TestAllOfTheBinarysModelsAreSmall(t *testing.T) {
	size := int64(0)
	err := fs.WalkDir(embedded, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += info.Size()
		}
		return err
	})
	const most = 32 << 20
	if err != nil || size > most {
		t.Errorf("%d bytes (%v): the vocabulary is to be there once, and weights compact", size, err)
	}
}

func TestOtherNamesAreNone(t *testing.T) {
	for _, name := range []string{"", "resift", "./resift-tiny", "resift-tiny/", "Resift-Tiny", "resift-tiny/model.safetensors"} {
		if m, ok := Find(name); ok {
			t.Errorf("%q is %s", name, m.Name)
		}
	}
}
