package hub

import (
	"context"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/resift/resift/reranker/hub/hubtest"
)

func TestDownloadBringsWhatAnImportNeeds(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	commit := h.Add(testModel, files)
	c, dir := newClient(t, h), filepath.Join(t.TempDir(), "new", "folder")
	m, err := c.Resolve(t.Context(), testModel, "")
	if err != nil {
		t.Fatal(err)
	}
	if m.Commit != commit || m.Source() != testModel+"@"+commit || m.License != "apache-2.0" {
		t.Errorf("%s under %s, want %s@%s under apache-2.0", m.Source(), m.License, testModel, commit)
	}
	d, err := c.Download(t.Context(), Request{Model: m, Folder: dir})
	if err != nil {
		t.Fatal(err)
	}
	holds(t, dir, files, wanted())
	if !slices.Equal(d.Files, wanted()) || d.Tokenizer != m {
		t.Errorf("it tells of %q and of the tokenizer of %v", d.Files, d.Tokenizer)
	}
	before := len(h.Requests())
	if err := c.pull(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	if again := len(h.Requests()) - before; again != 1 {
		t.Errorf("%d requests for a model that is there already, want the API's alone", again)
	}
	if len(c.sleeps) != 0 {
		t.Errorf("waited %v", c.sleeps)
	}
}

func TestDownloadIsPinnedToTheCommit(t *testing.T) {
	h, first, second := hubtest.New(t), testFiles(), testFiles()
	old := h.Add(testModel, first)
	h.Tag(testModel, "v1.0", old)
	h.Tag(testModel, "refs/pr/7", old)
	second["config.json"] = hubtest.File{Content: []byte("{}")}
	c := newClient(t, h)
	m, err := c.Resolve(t.Context(), testModel, "")
	if err != nil {
		t.Fatal(err)
	}
	head := h.Add(testModel, second) // after it was resolved
	dir := t.TempDir()
	if _, err := c.Download(t.Context(), Request{Model: m, Folder: dir}); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, first, wanted())
	for revision, want := range map[string]string{"": head, "main": head, "v1.0": old, "refs/pr/7": old, old: old, head: head} {
		if m, err := c.Resolve(t.Context(), testModel, revision); err != nil || m.Commit != want {
			t.Errorf("revision %q: %v, %v, want %s", revision, m, err, want)
		}
	}
}

func TestDownloadReplacesWhatIsNotTheHubs(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	c, dir := newClient(t, h), t.TempDir()
	for name, content := range map[string]string{
		"vocab.txt": "[PAD]\n[UNK]X", "model.safetensors": "short", "model.onnx": "of another format", "tokenizer.json": "of another tokenizer",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := c.pull(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, files, wanted())
}

func TestDownloadOfShards(t *testing.T) {
	index := `{"metadata":{},"weight_map":{"a":"model-00001-of-00002.safetensors","b":"model-00002-of-00002.safetensors","c":"model-00001-of-00002.safetensors"}}`
	shards := map[string]hubtest.File{
		"config.json": {Content: []byte("{}")}, "tokenizer.json": {Content: []byte("{}")},
		"model.safetensors.index.json":     {Content: []byte(index)},
		"model-00001-of-00002.safetensors": {Content: noise(3000), LFS: true},
		"model-00002-of-00002.safetensors": {Content: noise(4000), LFS: true},
		"model-00003-of-00002.safetensors": {Content: noise(5000), LFS: true},
	}
	h := hubtest.New(t)
	h.Add(testModel, shards)
	dir := t.TempDir()
	if err := newClient(t, h).pull(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, shards, []string{"config.json", "model-00001-of-00002.safetensors", "model-00002-of-00002.safetensors", "model.safetensors.index.json", "tokenizer.json"})

	for index, want := range map[string]string{
		`{"weight_map":{"a":"../../escape"}}`:                     `file name "../../escape" cannot be used`,
		`{"weight_map":{"a":"/etc/passwd"}}`:                      `file name "/etc/passwd" cannot be used`,
		`{"weight_map":{"a":"model-00009-of-00009.safetensors"}}`: "not in the repository",
		`{"weight_map":{"a":"config.json"}}`:                      "two files",
		`{"weight_map":{}}`:                                       "names no files",
		`{"weight_map":["a"]}`:                                    "model.safetensors.index.json: json",
		`not json`:                                                "invalid character",
	} {
		h := hubtest.New(t)
		shards["model.safetensors.index.json"] = hubtest.File{Content: []byte(index)}
		shards["../../escape"] = hubtest.File{Content: []byte("x")}
		h.Add(testModel, shards)
		err := newClient(t, h).pull(t.Context(), t.TempDir())
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("index %s: %v, want %q", index, err, want)
		}
	}
}

// The published DistilBERT-Cat checkpoint has no tokenizer of its own: its configuration names the model it was made from.
func TestDownloadTakesTheTokenizerOfTheBaseModel(t *testing.T) {
	h := hubtest.New(t)
	cat := map[string]hubtest.File{
		"config.json":       {Content: []byte(`{"model_type":"BERT_Cat","bert_model":"distilbert-base-uncased"}`)},
		"pytorch_model.bin": {Content: noise(2000), LFS: true},
	}
	h.Add(testModel, cat)
	c, dir := newClient(t, h), t.TempDir()
	if err := c.pull(t.Context(), dir); !errors.Is(err, ErrAccess) || !strings.Contains(err.Error(), "tokenizer of the base model: ") {
		t.Errorf("without the base model: %v", err)
	}
	base := testFiles()
	h.Add("distilbert/distilbert-base-uncased", base)
	h.Rename("distilbert/distilbert-base-uncased", "distilbert/distilbert-base-uncased-moved")
	h.Add("distilbert-base-uncased", base)
	m, err := c.Resolve(t.Context(), testModel, "")
	if err != nil {
		t.Fatal(err)
	}
	d, err := c.Download(t.Context(), Request{Model: m, Folder: dir})
	if err != nil {
		t.Fatal(err)
	}
	if d.Tokenizer.Name != "distilbert-base-uncased" {
		t.Errorf("the tokenizer is of %s", d.Tokenizer.Source())
	}
	for name, f := range base {
		if tokenizes(name) {
			cat[name] = f
		}
	}
	holds(t, dir, cat, []string{"config.json", "pytorch_model.bin", "special_tokens_map.json", "tokenizer_config.json", "vocab.txt"})

	// Asked for by name, another's takes the place of the model's own; the old name is redirected.
	own := testFiles()
	h.Add(testModel, own)
	if m, err = c.Resolve(t.Context(), testModel, ""); err != nil {
		t.Fatal(err)
	}
	h.Add("other/words", map[string]hubtest.File{"tokenizer.json": {Content: []byte(`{"model":1}`)}, "config.json": {Content: []byte("other")}})
	other, err := c.Resolve(t.Context(), "other/words", "")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Download(t.Context(), Request{Model: m, Tokenizer: other, Folder: dir}); err != nil {
		t.Fatal(err)
	}
	own["tokenizer.json"] = hubtest.File{Content: []byte(`{"model":1}`)}
	holds(t, dir, own, []string{"LICENSE", "NOTICE", "README.md", "config.json", "model.safetensors", "tokenizer.json"})
}

func TestModelWithoutTokenizer(t *testing.T) {
	h := hubtest.New(t)
	h.Add(testModel, map[string]hubtest.File{"config.json": {Content: []byte(`{}`)}, "model.safetensors": {Content: noise(100), LFS: true}})
	err := newClient(t, h).pull(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "--tokenizer") {
		t.Errorf("%v", err)
	}
	if n := asked(h, func(r hubtest.Request) bool { return r.CDN }); n != 0 {
		t.Errorf("the weights were asked for before that was noticed")
	}
}

func TestLimits(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	c := newClient(t, h, func(o *Options) { o.MaxBytes = 500_000 })
	err := c.pull(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "the files are 1 MB, the limit is 500 kB") {
		t.Errorf("listed sizes: %v", err)
	}
	if n := len(h.Requests()); n != 1 {
		t.Errorf("%d requests, want the API's alone", n)
	}
	h.Plain() // no sizes in the listing: known from the answer
	err = c.pull(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "model.safetensors: the files are more than the limit of 500 kB") {
		t.Errorf("sizes from the answer: %v", err)
	}
	h.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, ".safetensors") { // without a length: chunked
			w.Write(files["model.safetensors"].Content[:400_000])
			w.(http.Flusher).Flush()
			w.Write(files["model.safetensors"].Content[400_000:])
			return true
		}
		return false
	})
	err = c.pull(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "model.safetensors: the files are more than the limit of 500 kB") {
		t.Errorf("no size at all: %v", err)
	}
	if err := checkSpace(t.TempDir(), 1<<60); err == nil || !strings.Contains(err.Error(), "free, 1152922 TB to download") {
		t.Errorf("disk: %v", err)
	}
	if err := checkSpace(t.TempDir(), 1); err != nil {
		t.Errorf("disk: %v", err)
	}
}

func TestCancelKeepsWhatArrived(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	whole := files["model.safetensors"].Content
	ctx, cancel := context.WithCancel(t.Context())
	h.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if hubtest.IsCDN(r) && r.Header.Get("Range") == "" {
			w.Header().Set("ETag", `"of the content network"`)
			w.Header().Set("Content-Length", "1000000")
			w.Write(whole[:600_000])
			w.(http.Flusher).Flush()
			<-r.Context().Done() // as slow as can be
			return true
		}
		return false
	})
	c, dir := newClient(t, h, func(o *Options) {
		report := o.Report
		o.Report = func(e Event) {
			report(e)
			if e.Kind == Advanced && e.Done == 600_000 {
				cancel()
			}
		}
	}), t.TempDir()
	if err := c.pull(ctx, dir); !errors.Is(err, context.Canceled) {
		t.Fatalf("%v", err)
	}
	if info, err := os.Stat(filepath.Join(dir, "model.safetensors.partial")); err != nil || info.Size() != 600_000 {
		t.Fatalf("%v %v", info, err)
	}
	if _, err := os.Stat(filepath.Join(dir, "model.safetensors")); err == nil {
		t.Error("a file that is not whole has the whole one's name")
	}
	// Another run goes on where this one ended; the content network's ETag is another by now, so it sends all.
	if err := newClient(t, h).pull(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, files, wanted())
	last := h.Requests()[len(h.Requests())-1]
	if !last.CDN || last.Range != "bytes=600000-" || last.IfRange != `"of the content network"` {
		t.Errorf("last request: %+v", last)
	}
}
