package checkpoint

import (
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/resift/resift/reranker/onnxgraph"
)

// Checkpoint is what a folder of published files holds.
type Checkpoint struct {
	Architecture string // one of Known
	BaseModel    string // the model whose tokenizer this one uses, if the configuration names it; else ""
	PadToken     int
	MaxTokens    int                     // longest pair
	Vocabulary   int                     // tokens of the tokenizer; the embeddings may have more, never fewer
	Encoder      *onnxgraph.CrossEncoder // float32, whatever the file has
}

// Read reads the checkpoint in the folder dir. It takes memory for the weights in float32 and a few hundred kilobytes more.
// Errors name the file or the tensor: an unknown architecture, a damaged or hostile file, tensors that are missing,
// unexpected, of another shape or not finite, more than one label, no tokenizer or one of another model.
func Read(dir string) (*Checkpoint, error) {
	c, err := readFolder(os.DirFS(dir))
	if err != nil {
		return nil, fmt.Errorf("checkpoint %s: %w", dir, err)
	}
	return c, nil
}

// ReadFS is Read of a folder that need not be on disk. Its files implement io.ReaderAt.
func ReadFS(folder fs.FS) (*Checkpoint, error) {
	c, err := readFolder(folder)
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	return c, nil
}

func readFolder(folder fs.FS) (*Checkpoint, error) {
	text, err := readText(folder, configFile)
	if err != nil {
		return nil, err
	}
	c, err := parseConfig(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", configFile, err)
	}
	a, err := architectureOf(c)
	if err != nil {
		return nil, err
	}
	out := &Checkpoint{Architecture: a.class, BaseModel: c.baseModel(), PadToken: c.Pad}
	if out.Vocabulary, err = vocabularySize(folder, c); err != nil {
		return nil, err
	}
	w, err := openWeights(folder)
	if err != nil {
		return nil, err
	}
	defer w.close()
	if out.Encoder, err = a.read(w.tensors, c); err != nil {
		return nil, fmt.Errorf("%s: %w", a.class, err)
	}
	if rows := out.Encoder.Word.Rows; out.Vocabulary > rows || out.PadToken >= rows {
		return nil, fmt.Errorf("a tokenizer of %d tokens, padded with %d, is not that of a model with embeddings of %d", out.Vocabulary, out.PadToken, rows)
	}
	out.MaxTokens, err = maxTokens(folder, out.Encoder.Position.Rows)
	return out, err
}

// read takes the encoder and its head out of tensors.
func (a architecture) read(tensors map[string]*tensor, c config) (*onnxgraph.CrossEncoder, error) {
	r, err := newReader(tensors)
	if err != nil {
		return nil, err
	}
	word := r.peek(a.prefix + a.naming.word + ".weight")
	if r.err != nil {
		return nil, r.err
	}
	if !word.hasShape(0, 0) {
		return nil, fmt.Errorf("%s: shape %v of word embeddings", word.name, word.shape)
	}
	width, layers := word.shape[1], r.countLayers(a)
	if c.Layers != 0 && c.Layers != layers {
		return nil, fmt.Errorf("%s tells of %d layers, the weights have %d", configFile, c.Layers, layers)
	}
	if t := r.peek(a.classifier + ".weight"); t != nil && len(t.shape) == 2 && t.shape[0] != 1 {
		return nil, fmt.Errorf("the classifier gives %d labels: a cross-encoder that re-ranks gives one score", t.shape[0])
	}
	out := &onnxgraph.CrossEncoder{Epsilon: float32(c.Epsilon), Activation: a.activation}
	if a.epsilon != 0 {
		out.Epsilon = float32(a.epsilon)
	}
	if out.Heads, err = c.heads(width); err != nil {
		return nil, err
	}
	if err := r.checkAll(a, layers); err != nil {
		return nil, err
	}
	n := a.naming
	out.Word = r.table(a.prefix+n.word, width)
	out.Position = r.table(a.prefix+n.position, width)
	if n.types != "" {
		out.TokenType = r.table(a.prefix+n.types, width)
	}
	out.Norm = r.norm(a.prefix+n.norm, width)
	for i := range layers {
		out.Layers = append(out.Layers, r.layer(a.prefix+fmt.Sprintf(n.layer, i), n, width))
	}
	if a.pooler != "" {
		pooler := r.linear(a.pooler, width, width)
		out.Pooler = &pooler
	}
	out.Classifier = r.linear(a.classifier, width, 1)
	return out, r.err
}

// reader takes tensors by name and remembers the first problem.
type reader struct {
	tensors map[string]*tensor
	err     error
}

// newReader gives tensors their present names (checkpoints of 2019 call a norm's weight gamma and its bias beta) and int8
// matrices their scales.
func newReader(tensors map[string]*tensor) (*reader, error) {
	r := &reader{tensors: make(map[string]*tensor, len(tensors))}
	for _, old := range slices.Sorted(maps.Keys(tensors)) {
		name := old
		if stem, ok := strings.CutSuffix(old, ".gamma"); ok {
			name = stem + ".weight"
		} else if stem, ok := strings.CutSuffix(old, ".beta"); ok {
			name = stem + ".bias"
		}
		if r.tensors[name] != nil {
			return nil, fmt.Errorf("both %s and %s are there", name, old)
		}
		r.tensors[name] = tensors[old]
	}
	return r, pairScales(r.tensors)
}

// isBuffer tells of tensors that are no weights: counters that old versions saved.
func isBuffer(name string) bool {
	return strings.HasSuffix(name, "embeddings.position_ids") || strings.HasSuffix(name, "embeddings.token_type_ids")
}

func (r *reader) countLayers(a architecture) int {
	n := 0
	for n < maxLayers && r.tensors[a.prefix+fmt.Sprintf(a.naming.layer, n)+a.naming.query+".weight"] != nil {
		n++
	}
	return n
}

// checkAll sees before anything is read that the weights are those that the architecture has: none is missing, none unknown.
func (r *reader) checkAll(a architecture, layers int) error {
	if layers == 0 {
		return fmt.Errorf("no tensor %s", a.prefix+fmt.Sprintf(a.naming.layer, 0)+a.naming.query+".weight")
	}
	wanted := map[string]bool{}
	both := func(names ...string) {
		for _, name := range names {
			wanted[name+".weight"], wanted[name+".bias"] = true, true
		}
	}
	n := a.naming
	wanted[a.prefix+n.word+".weight"], wanted[a.prefix+n.position+".weight"] = true, true
	if n.types != "" {
		wanted[a.prefix+n.types+".weight"] = true
	}
	both(a.prefix+n.norm, a.classifier)
	for i := range layers {
		p := a.prefix + fmt.Sprintf(n.layer, i)
		both(p+n.query, p+n.key, p+n.value, p+n.output, p+n.attentionNorm, p+n.up, p+n.down, p+n.outputNorm)
	}
	if a.pooler != "" {
		both(a.pooler)
	}
	var missing, unknown []string
	for name := range wanted {
		if r.tensors[name] == nil {
			missing = append(missing, name)
		}
	}
	for name := range r.tensors {
		if !wanted[name] && !isBuffer(name) {
			unknown = append(unknown, name)
		}
	}
	var problems []error
	if len(missing) > 0 {
		problems = append(problems, fmt.Errorf("missing tensors: %s", some(missing)))
	}
	if len(unknown) > 0 {
		problems = append(problems, fmt.Errorf("tensors that the architecture has not: %s", some(unknown)))
	}
	return errors.Join(problems...)
}

func some(names []string) string {
	slices.Sort(names)
	const shown = 6
	if len(names) > shown {
		return strings.Join(names[:shown], ", ") + fmt.Sprintf(" and %d more", len(names)-shown)
	}
	return strings.Join(names, ", ")
}

// peek returns a tensor without reading it.
func (r *reader) peek(name string) *tensor {
	t := r.tensors[name]
	if t == nil {
		r.fail(fmt.Errorf("no tensor %s", name))
	}
	return t
}

// shaped returns a tensor of the shape, nil after any problem; a 0 fits any size.
func (r *reader) shaped(name string, shape ...int) *tensor {
	t := r.peek(name)
	if r.err != nil {
		return nil
	}
	if !t.hasShape(shape...) {
		r.fail(fmt.Errorf("%s: shape %v where %v is needed", name, t.shape, shape))
		return nil
	}
	return t
}

func (r *reader) layer(prefix string, n naming, width int) onnxgraph.Layer {
	up := r.linear(prefix+n.up, width, 0)
	return onnxgraph.Layer{
		Query:         r.linear(prefix+n.query, width, width),
		Key:           r.linear(prefix+n.key, width, width),
		Value:         r.linear(prefix+n.value, width, width),
		Output:        r.linear(prefix+n.output, width, width),
		AttentionNorm: r.norm(prefix+n.attentionNorm, width),
		Up:            up,
		Down:          r.linear(prefix+n.down, up.Weight.Cols, width),
		Norm:          r.norm(prefix+n.outputNorm, width),
	}
}

// linear reads PyTorch's [out, in] weight as [in, out]; an out of 0 is whatever the file has.
func (r *reader) linear(name string, in, out int) onnxgraph.Linear {
	t := r.shaped(name+".weight", out, in)
	if t == nil {
		return onnxgraph.Linear{}
	}
	weight := onnxgraph.Matrix{Rows: in, Cols: t.shape[0], Scales: t.scales}
	var err error
	if t.scales != nil {
		weight.Codes, err = t.transposedCodes()
	} else {
		weight.Values, err = t.transposed()
	}
	r.fail(err)
	return onnxgraph.Linear{Weight: weight, Bias: r.vector(name+".bias", t.shape[0])}
}

// table reads an embedding table, [rows, width].
func (r *reader) table(name string, width int) onnxgraph.Matrix {
	t := r.shaped(name+".weight", 0, width)
	if t == nil {
		return onnxgraph.Matrix{}
	}
	values, err := t.values()
	r.fail(err)
	return onnxgraph.Matrix{Rows: t.shape[0], Cols: width, Values: values}
}

func (r *reader) norm(name string, width int) onnxgraph.Norm {
	return onnxgraph.Norm{Weight: r.vector(name+".weight", width), Bias: r.vector(name+".bias", width)}
}

func (r *reader) vector(name string, size int) []float32 {
	t := r.shaped(name, size)
	if t == nil {
		return nil
	}
	values, err := t.values()
	r.fail(err)
	return values
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}
