package builtin

import (
	"embed"
	"io/fs"
	"slices"
)

//go:embed resift-tiny resift-small vocab.txt
var embedded embed.FS

// vocabularyFile is the file that the models share.
const vocabularyFile = "vocab.txt"

// cardFile is a model's card, in Markdown.
const cardFile = "README.md"

// Model is a model in the binary.
type Model struct {
	Name      string // what a configuration calls it
	Precision string // of its graph for a CPU, fp32 or int8: the fastest whose order of hits is as good
	Source    string // what its weights were made from
	License   string // SPDX identifier of the weights
}

func models() []Model {
	return []Model{
		{
			Name: "resift-tiny", Precision: "int8", License: "Apache-2.0",
			Source: "trained by resift from google/bert_uncased_L-2_H-128_A-2, with cross-encoder/ms-marco-MiniLM-L-12-v2 as its teacher",
		},
		{
			Name: "resift-small", Precision: "int8", License: "Apache-2.0",
			Source: "trained by resift from six layers of cross-encoder/ms-marco-MiniLM-L-12-v2, with all twelve as its teacher",
		},
	}
}

// Names lists the models, the default first.
func Names() []string {
	var names []string
	for _, m := range models() {
		names = append(names, m.Name)
	}
	return names
}

// Find returns the model of that name.
func Find(name string) (Model, bool) {
	all := models()
	i := slices.IndexFunc(all, func(m Model) bool { return m.Name == name })
	if i < 0 {
		return Model{}, false
	}
	return all[i], true
}

// Card is what people should know of the model: how it was made, of what, how good it is, and where it fails. Markdown.
func (m Model) Card() (string, error) {
	text, err := fs.ReadFile(m.Files(), cardFile)
	return string(text), err
}

// Files are the folder of a Hugging Face checkpoint, by the names of FileNames. They implement io.ReaderAt; no folder can be listed.
func (m Model) Files() fs.FS { return folder(m.Name) }

// FileNames are those of Files: config.json, model.safetensors, vocab.txt, README.md, LICENSE, maybe NOTICE.
func (m Model) FileNames() ([]string, error) {
	entries, err := embedded.ReadDir(m.Name)
	if err != nil {
		return nil, err
	}
	names := []string{vocabularyFile}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names, nil
}

// folder is the embedded folder of that name, with the shared vocabulary in it.
type folder string

// Open implements fs.FS.
func (f folder) Open(name string) (fs.File, error) {
	if name == vocabularyFile {
		return embedded.Open(name)
	}
	own, err := fs.Sub(embedded, string(f))
	if err != nil {
		return nil, err
	}
	return own.Open(name)
}
