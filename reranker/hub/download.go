package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
)

// Request is what to download.
type Request struct {
	Model     *Model
	Format    Format // of the weights; "": Auto
	Tokenizer *Model // where the tokenizer comes from; nil: Model, or the base model that its configuration names
	Folder    string // where to, made if need be; for these files alone. What lies there already and is right stays
}

// Downloaded tells what a download brought.
type Downloaded struct {
	Files     []string // names in the folder, sorted
	Tokenizer *Model   // whose tokenizer it is
}

// Download brings the files that an import needs into a folder. After an error or an interruption the next call goes on where this
// one ended. Downloads into the same folder are to be taken in turns: see Lock.
func (c *Client) Download(ctx context.Context, r Request) (*Downloaded, error) {
	need, err := r.Model.choose(r.Format)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(r.Folder, 0o755); err != nil {
		return nil, err
	}
	root, err := os.OpenRoot(r.Folder)
	if err != nil {
		return nil, err
	}
	defer root.Close()
	d := &download{client: c, root: root}
	if err := d.room(append(slices.Clone(need.small), need.weights...)); err != nil {
		return nil, err
	}
	own := need.small
	if r.Tokenizer != nil {
		own = slices.DeleteFunc(own, func(f File) bool { return tokenizes(f.Path) })
	}
	if err := d.all(ctx, r.Model, own); err != nil {
		return nil, err
	}
	out := &Downloaded{Tokenizer: r.Tokenizer}
	if out.Tokenizer, err = d.tokenizer(ctx, r); err != nil {
		return nil, err
	}
	weights, err := d.weights(ctx, r.Model, need)
	if err != nil {
		return nil, err
	}
	if err := d.all(ctx, r.Model, weights); err != nil {
		return nil, err
	}
	out.Files = slices.Sorted(slices.Values(d.names))
	return out, d.tidy()
}

// tidy removes files of an earlier download that chose others: two kinds of weights side by side would be ambiguous.
func (d *download) tidy() error {
	entries, err := os.ReadDir(d.root.Name())
	if err != nil {
		return err
	}
	for _, e := range entries {
		if e.Type().IsRegular() && !slices.Contains(d.names, e.Name()) {
			if err := d.remove(e.Name()); err != nil {
				return err
			}
		}
	}
	return nil
}

// within tells whether so many bytes more than those of the files that are there stay below the limit.
func (d *download) within(n int64) error {
	if limit := d.client.o.MaxBytes; limit > 0 && d.bytes+n > limit {
		return fmt.Errorf("the files are more than the limit of %s", Size(limit))
	}
	return nil
}

// download is one call's work.
type download struct {
	client *Client
	root   *os.Root
	names  []string // of the files that are there
	bytes  int64    // of those files
}

// all brings files one after the other.
func (d *download) all(ctx context.Context, m *Model, files []File) error {
	for _, f := range files {
		if slices.Contains(d.names, f.name()) {
			return fmt.Errorf("two files of %s would have the name %s", m.Source(), f.name())
		}
		if err := d.file(ctx, m, f); err != nil {
			return err
		}
		info, err := d.root.Stat(f.name())
		if err != nil {
			return err
		}
		d.names, d.bytes = append(d.names, f.name()), d.bytes+info.Size()
	}
	return nil
}

// room refuses files that are larger than the limit or the disk allows. Sizes that the hub does not tell count as 0 here.
func (d *download) room(files []File) error {
	var sum, need int64
	for _, f := range files {
		if err := checkLocal(f.name()); err != nil {
			return err
		}
		size := max(f.Size, 0)
		if sum += size; sum < 0 {
			return errors.New("sizes of the files are beyond all bounds")
		}
		need += max(size-d.onDisk(f), 0)
	}
	if limit := d.client.o.MaxBytes; limit > 0 && sum > limit {
		return fmt.Errorf("the files are %s, the limit is %s", Size(sum), Size(limit))
	}
	return checkSpace(d.root.Name(), need)
}

// onDisk are the bytes of a file that need no more room.
func (d *download) onDisk(f File) int64 {
	for _, name := range []string{f.name(), f.name() + partialSuffix} {
		if info, err := d.root.Stat(name); err == nil {
			return info.Size()
		}
	}
	return 0
}

// weights is the list of the weights' files, with the shards that an index names.
func (d *download) weights(ctx context.Context, m *Model, need *chosen) ([]File, error) {
	if need.index == nil {
		return need.weights, nil
	}
	if need.index.Size > maxIndexBytes {
		return nil, fmt.Errorf("%s is larger than %d MiB", need.index.Path, maxIndexBytes>>20)
	}
	if err := d.all(ctx, m, []File{*need.index}); err != nil {
		return nil, err
	}
	text, err := d.root.ReadFile(need.index.name())
	if err != nil {
		return nil, err
	}
	shards, err := m.shards(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", need.index.Path, err)
	}
	return shards, d.room(append(slices.Clone(need.small), shards...))
}

// tokenizer brings the tokenizer of another model where that is asked for or the model has none.
func (d *download) tokenizer(ctx context.Context, r Request) (*Model, error) {
	from := r.Tokenizer
	if from == nil {
		if r.Model.hasTokenizer() {
			return r.Model, nil
		}
		base, err := d.baseModel()
		if err != nil {
			return nil, err
		}
		if base == "" {
			return nil, fmt.Errorf("%s has neither %s nor %s: name the model whose tokenizer it uses with --tokenizer", r.Model.Source(), tokenizerFile, vocabFile)
		}
		if from, err = d.client.Resolve(ctx, base, ""); err != nil {
			return nil, fmt.Errorf("tokenizer of the base model: %w", err)
		}
	}
	if !from.hasTokenizer() {
		return nil, fmt.Errorf("%s has neither %s nor %s", from.Source(), tokenizerFile, vocabFile)
	}
	var files []File
	for _, f := range from.Files {
		if tokenizes(f.Path) {
			files = append(files, f)
		}
	}
	return from, d.all(ctx, from, files)
}

// baseModel is the model that config.json says this one was made from: the key of the DistilBERT-Cat configuration. "" if
// there is none.
func (d *download) baseModel() (string, error) {
	text, err := d.root.ReadFile(configFile)
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var config struct {
		Base string `json:"bert_model"`
	}
	if err := json.Unmarshal(text, &config); err != nil {
		return "", fmt.Errorf("%s: %w", filepath.Join(d.root.Name(), configFile), err)
	}
	if config.Base == "" {
		return "", nil
	}
	return config.Base, CheckName(config.Base)
}
