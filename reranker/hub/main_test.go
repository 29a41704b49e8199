package hub

import (
	"context"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/resift/resift/reranker/hub/hubtest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const testModel = "someone/cross-encoder"

// testFiles is a model as they are published: what is needed, what is not, and a large file.
func testFiles() map[string]hubtest.File {
	return map[string]hubtest.File{
		".gitattributes":          {Content: []byte("*.safetensors filter=lfs\n")},
		"README.md":               {Content: []byte("---\nlicense: apache-2.0\n---\n# A model\n")},
		"LICENSE":                 {Content: []byte("Apache License\n")},
		"NOTICE":                  {},
		"config.json":             {Content: []byte(`{"architectures":["BertForSequenceClassification"]}`)},
		"vocab.txt":               {Content: []byte("[PAD]\n[UNK]\n")},
		"tokenizer_config.json":   {Content: []byte(`{"do_lower_case":true}`)},
		"special_tokens_map.json": {Content: []byte("{}")},
		"model.safetensors":       {Content: noise(1_000_000), LFS: true},
		"pytorch_model.bin":       {Content: noise(1_100_000), LFS: true},
		"tf_model.h5":             {Content: noise(5_000), LFS: true},
		"eval/README.md":          {Content: []byte("results\n")},
		"modeling.py":             {Content: []byte("import os\n")},
	}
}

// wanted are the names of those that a download brings.
func wanted() []string {
	return []string{"LICENSE", "NOTICE", "README.md", "config.json", "model.safetensors", "special_tokens_map.json", "tokenizer_config.json", "vocab.txt"}
}

// noise is n bytes that are the same for the same n.
func noise(n int) []byte {
	rng := rand.NewChaCha8([32]byte{byte(n), byte(n >> 8), byte(n >> 16)})
	b := make([]byte, n)
	rng.Read(b)
	return b
}

// testClient is a Client with what it reported and how long it would have slept.
type testClient struct {
	*Client
	mu     sync.Mutex
	events []Event
	sleeps []time.Duration
}

func newClient(t *testing.T, h *hubtest.Hub, change ...func(*Options)) *testClient {
	t.Helper()
	c := &testClient{}
	o := Options{Endpoint: h.URL, Report: func(e Event) {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.events = append(c.events, e)
	}}
	for _, f := range change {
		f(&o)
	}
	var err error
	if c.Client, err = New(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	c.sleep = func(ctx context.Context, d time.Duration) error {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.sleeps = append(c.sleeps, d)
		return ctx.Err()
	}
	return c
}

// pull resolves and downloads.
func (c *testClient) pull(ctx context.Context, dir string) error {
	m, err := c.Resolve(ctx, testModel, "")
	if err != nil {
		return err
	}
	_, err = c.Download(ctx, Request{Model: m, Folder: dir})
	return err
}

// holds checks that a folder has these files of the model, with the right content, and nothing else.
func holds(t *testing.T, dir string, files map[string]hubtest.File, names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, e := range entries {
		found = append(found, e.Name())
		content, err := os.ReadFile(filepath.Join(dir, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if want := files[e.Name()].Content; string(content) != string(want) {
			t.Errorf("%s has %d bytes that are not the hub's %d", e.Name(), len(content), len(want))
		}
	}
	if len(found) != len(names) {
		t.Errorf("the folder holds %q, want %q", found, names)
	}
	for i := range min(len(found), len(names)) {
		if found[i] != names[i] {
			t.Errorf("the folder holds %q, want %q", found, names)
			break
		}
	}
}

// asked counts the requests of a test that match.
func asked(h *hubtest.Hub, match func(hubtest.Request) bool) int {
	n := 0
	for _, r := range h.Requests() {
		if match(r) {
			n++
		}
	}
	return n
}
