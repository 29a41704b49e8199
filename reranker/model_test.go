package reranker

import (
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/resift/resift/demo/corpus"
	"github.com/resift/resift/reranker/builtin"
	"github.com/resift/resift/reranker/onnxgraph"
	"github.com/resift/resift/reranker/tokenizer"
)

func readModel(t *testing.T, name string) *builtIn {
	t.Helper()
	m, err := findModel(name)
	if err != nil {
		t.Fatal(err)
	}
	b, ok := m.(*builtIn)
	if !ok {
		t.Fatalf("%s is %T", name, m)
	}
	return b
}

func TestBuiltInModelsOpenAndTellWhatTheyAre(t *testing.T) {
	for _, name := range builtin.Names() {
		r := open(t, Options{Model: name, Device: deviceCPU})
		i := r.Info()
		if i.Model != name || i.Name != name || i.MaxTokens != 512 || i.Layout != LayoutPadded || i.License == "" || i.Source == "" ||
			!strings.HasPrefix(r.Name(), name+"@") || len(i.Revision) != 64 || i.Weights == 0 {
			t.Errorf("%+v", i)
		}
		if again := open(t, Options{Model: name, Device: deviceCPU, Sessions: 1}); again.Revision() != i.Revision {
			t.Errorf("%s: revision %s, opened again %s", name, i.Revision, again.Revision())
		}
	}
}

// A model knows which passage answers: the least that one expects of it, and more than weights that were read wrongly would.
func TestBuiltInModelsPreferTheAnswer(t *testing.T) {
	questions := map[string][]string{ // the answer first
		"who invented the world wide web": {
			"Tim Berners-Lee, while working at CERN in 1989, invented the World Wide Web.",
			"A web site is a set of pages in the World Wide Web.",
			"The spider sits in its web and waits for flies.",
			"CERN is a laboratory for particle physics near Geneva.",
			"",
		},
		"how long do tortoises live": {
			"Giant tortoises commonly live for more than a hundred years; smaller species reach fifty to eighty.",
			"Tortoises eat grass, leaves and fruit.",
			"The tortoise and the hare is one of Aesop's fables.",
			"Most banks are open until four in the afternoon.",
		},
	}
	for _, name := range builtin.Names() {
		r := open(t, Options{Model: name, Device: deviceCPU})
		for _, query := range slices.Sorted(maps.Keys(questions)) {
			got, err := r.Score(t.Context(), query, questions[query])
			if err != nil {
				t.Fatal(err)
			}
			if slices.Max(got.Scores) != got.Scores[0] {
				t.Errorf("%s: %s: %v, want the first to be the highest", name, query, got.Scores)
			}
		}
	}
}

func TestBuiltInModelsHaveAGraphForEachKindOfDevice(t *testing.T) {
	for _, name := range builtin.Names() {
		b := readModel(t, name)
		cpu, err := b.on(deviceCPU)
		if err != nil {
			t.Fatal(err)
		}
		cuda, err := b.on("cuda:0")
		if err != nil {
			t.Fatal(err)
		}
		if cpu.Layout != LayoutPadded || cpu.Precision != b.Precision || cuda.Layout != LayoutPacked || cuda.Precision != string(onnxgraph.FP16) {
			t.Errorf("%s: %s, %s on a CPU; %s, %s on CUDA", name, cpu.Precision, cpu.Layout, cuda.Precision, cuda.Layout)
		}
		if again, err := b.on("cuda:1"); again != cuda || err != nil {
			t.Errorf("%s: a second GPU has another graph (%v)", name, err)
		}
		for _, d := range []*Directory{cpu, cuda} {
			digests, err := d.Verify()
			if err != nil || len(digests) != 2 || digests[ModelFile] == "" || digests["vocab.txt"] == "" {
				t.Errorf("%s: digests %v (%v)", name, digests, err)
			}
			if err := d.check(); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

// A model in the binary is its folder, imported: one revision, whether it is written into memory or to disk.
func TestABuiltInModelIsItsFolderImported(t *testing.T) {
	const name = "resift-tiny"
	b := readModel(t, name)
	d, err := b.on(deviceCPU)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	vocabulary, err := os.ReadFile(filepath.Join("builtin", "vocab.txt"))
	if err != nil {
		t.Fatal(err)
	}
	for file, content := range map[string][]byte{ModelFile: d.graph, "vocab.txt": vocabulary} {
		if err := os.WriteFile(filepath.Join(dir, file), content, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := WriteDirectory(dir, d.Metadata); err != nil {
		t.Fatal(err)
	}
	onDisk, inMemory := open(t, Options{Model: dir, Device: deviceCPU}), open(t, Options{Model: name, Device: deviceCPU})
	if onDisk.Name() != inMemory.Name() || onDisk.Revision() != inMemory.Revision() {
		t.Errorf("%s on disk, %s in memory", onDisk.Name(), inMemory.Name())
	}
	texts := benchTexts(20)
	want, err := onDisk.Score(t.Context(), "what is a river", texts)
	if err != nil {
		t.Fatal(err)
	}
	got, err := inMemory.Score(t.Context(), "what is a river", texts)
	if err != nil {
		t.Fatal(err)
	}
	for i := range texts {
		if d := got.Scores[i] - want.Scores[i]; d > 1e-4 || d < -1e-4 {
			t.Errorf("text %d: %v in memory, %v on disk", i, got.Scores[i], want.Scores[i])
		}
	}
}

// Containers run on read-only file systems: nothing may be written.
func TestBuiltInModelsNeedNoPlaceToWrite(t *testing.T) {
	library, err := findLibrary("")
	if err != nil {
		t.Fatal(err)
	}
	for _, variable := range []string{"TMPDIR", "HOME", "XDG_CACHE_HOME", "RESIFT_CACHE"} {
		t.Setenv(variable, "/proc/nowhere")
	}
	open(t, Options{Model: "resift-tiny", Device: deviceCPU, Library: library})
}

func TestANameThatIsNoModelIsTold(t *testing.T) {
	_, err := Open(Options{Model: "resift-tinny"})
	if want := "built-in models are " + strings.Join(builtin.Names(), ", "); err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("error %v lacks %q", err, want)
	}
	t.Chdir(t.TempDir())
	if err := os.Mkdir("resift-tiny", 0o755); err != nil {
		t.Fatal(err)
	}
	if _, err := findModel("./resift-tiny"); err == nil || !strings.Contains(err.Error(), ModelFile) {
		t.Errorf("a folder of a built-in's name: %v", err)
	}
	readModel(t, "resift-tiny")
}

// The vocabulary without a tokenizer.json gives the ids that MiniLM L-12's tokenizer.json gives.
func TestTheSharedVocabularyIsBERTs(t *testing.T) {
	dir := os.Getenv("RESIFT_TEST_MODEL")
	if dir == "" {
		t.Skip("RESIFT_TEST_MODEL is not set; make model, then make env")
	}
	want, err := tokenizer.OpenDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	got, err := readModel(t, "resift-tiny").openTokenizer()
	if err != nil {
		t.Fatal(err)
	}
	n := 0
	for d, err := range corpus.Documents() {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n > 1000 {
			break
		}
		a, startA := want.Pair(want.Query(d.Title), d.Text, 256, nil)
		b, startB := got.Pair(got.Query(d.Title), d.Text, 256, nil)
		if !slices.Equal(a, b) || startA != startB {
			t.Fatalf("%s: %v from %d, want %v from %d", d.ID, b, startB, a, startA)
		}
	}
}
