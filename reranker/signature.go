package reranker

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// signature is what a graph takes and gives, read from the .onnx file without its weights, so that a wrong model is
// refused before a gigabyte is loaded and without the native library.
type signature struct {
	inputs, outputs []tensorInfo
	initializers    map[string][]int64 // shapes; older exporters list weights among the inputs too
	operators       map[string]int     // how often each operator occurs at the top level
	products        []string           // weights that each token is multiplied with, once a mention
	attentions      []string           // the value, or the weights, of each attention operator
	values          []string           // the weights of the value of each attention operator that has no bias
	factors         map[string]string  // by product, its weights
	precision       string             // of the largest initializer
}

type tensorInfo struct {
	name string
	kind int32   // TensorProto.DataType
	dims []int64 // -1 where not fixed
}

// Values of onnx.proto's TensorProto.DataType.
const (
	kindFloat, kindUint8, kindInt8, kindInt32, kindInt64, kindFloat16 = 1, 2, 3, 6, 7, 10
)

var errNotONNX = errors.New("not an ONNX model")

// readSignature scans a file of onnx.proto's ModelProto (field numbers as in onnx.proto), skipping the weights.
func readSignature(path string) (signature, error) {
	f, err := os.Open(path)
	if err != nil {
		return signature{}, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return signature{}, err
	}
	return scanSignature(f, info.Size())
}

func scanSignature(file io.ReadSeeker, size int64) (signature, error) {
	s := signature{initializers: map[string][]int64{}, operators: map[string]int{}, factors: map[string]string{}}
	p := &protoReader{file: file, r: bufio.NewReaderSize(file, 64<<10), left: size, wire: 2}
	found := false
	var largest int64
	err := p.fields(func(field int, sub *protoReader) error {
		if field != 7 { // ModelProto.graph
			return nil
		}
		found = true
		return sub.fields(func(field int, sub *protoReader) error {
			var err error
			switch field {
			case 1: // node
				err = s.readNode(sub)
			case 5: // initializer
				err = s.readInitializer(sub, &largest)
			case 11, 12: // input, output
				var t tensorInfo
				t, err = readValueInfo(sub)
				if field == 11 {
					s.inputs = append(s.inputs, t)
				} else {
					s.outputs = append(s.outputs, t)
				}
			}
			return err
		})
	})
	if err != nil {
		return signature{}, fmt.Errorf("%w, or truncated: %v", errNotONNX, err)
	}
	if !found || len(s.inputs) == 0 || len(s.outputs) == 0 {
		return signature{}, fmt.Errorf("%w: it has no graph with inputs and outputs", errNotONNX)
	}
	s.inputs = slices.DeleteFunc(s.inputs, func(t tensorInfo) bool { return s.initializers[t.name] != nil })
	return s, nil
}

func (s *signature) readNode(p *protoReader) error {
	var operator, output string
	var inputs []string
	err := p.fields(func(field int, sub *protoReader) (err error) {
		switch field {
		case 1: // NodeProto.input
			var name string
			name, err = sub.text()
			inputs = append(inputs, name)
		case 2: // NodeProto.output
			output, err = sub.text()
		case 4: // NodeProto.op_type
			operator, err = sub.text()
		}
		return err
	})
	s.operators[operator]++
	s.noteWork(operator, inputs, output)
	return err
}

func (s *signature) readInitializer(p *protoReader, largest *int64) error {
	size, name, kind := p.left, "", int64(0)
	dims := []int64{}
	err := p.fields(func(field int, sub *protoReader) error {
		var err error
		switch field {
		case 1: // TensorProto.dims
			dims, err = sub.integers(dims)
		case 2: // TensorProto.data_type
			kind = int64(sub.value)
		case 8: // TensorProto.name
			name, err = sub.text()
		}
		return err
	})
	s.initializers[name] = dims
	if size > *largest {
		*largest = size
		s.precision = map[int64]string{kindFloat: "fp32", kindFloat16: "fp16", kindInt8: "int8", kindUint8: "int8"}[kind]
	}
	return err
}

// readValueInfo reads ValueInfoProto{name 1, type 2{tensor_type 1{elem_type 1, shape 2{dim 1{dim_value 1}}}}}.
func readValueInfo(p *protoReader) (tensorInfo, error) {
	var t tensorInfo
	err := p.fields(func(field int, sub *protoReader) (err error) {
		switch field {
		case 1:
			t.name, err = sub.text()
		case 2:
			err = sub.fields(func(field int, sub *protoReader) error {
				if field != 1 {
					return nil
				}
				return sub.fields(t.readTensorType)
			})
		}
		return err
	})
	return t, err
}

func (t *tensorInfo) readTensorType(field int, p *protoReader) error {
	switch field {
	case 1:
		t.kind = int32(p.value)
	case 2:
		return p.fields(func(_ int, dim *protoReader) error {
			size := int64(-1)
			err := dim.fields(func(field int, sub *protoReader) error {
				if field == 1 {
					size = int64(sub.value)
				}
				return nil
			})
			t.dims = append(t.dims, size)
			return err
		})
	}
	return nil
}

// matches tells what keeps the graph from being the cross-encoder that m describes.
func (s signature) matches(m Metadata) error {
	given := map[string]bool{}
	for _, in := range s.inputs {
		given[in.name] = true
		if _, ok := m.Inputs[in.name]; !ok {
			return fmt.Errorf("not a cross-encoder that resift can feed: it wants an input %q (known: %s)", in.name, strings.Join(layoutInputs(m.Layout), ", "))
		}
		if in.kind != kindInt64 && in.kind != kindInt32 {
			return fmt.Errorf("input %q has element type %d: want int64 or int32", in.name, in.kind)
		}
		if want := inputRank(m.Inputs[in.name]); len(in.dims) != want && in.dims != nil {
			return fmt.Errorf("input %q has %d dimensions: want %d", in.name, len(in.dims), want)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(m.Inputs)) {
		if !given[name] {
			return fmt.Errorf("it has no input %q, which %s names", name, MetadataFile)
		}
	}
	for _, out := range s.outputs {
		if out.name == m.Output {
			return out.isLogit()
		}
	}
	return fmt.Errorf("it has no output %q, which %s names", m.Output, MetadataFile)
}

// isLogit tells whether an output can be one number a pair: [pairs, 1] or [pairs], where dimensions are known.
func (t tensorInfo) isLogit() error {
	if t.kind != kindFloat {
		return fmt.Errorf("output %q has element type %d: want float32", t.name, t.kind)
	}
	switch {
	case t.dims == nil, len(t.dims) == 1, len(t.dims) == 2 && (t.dims[1] == 1 || t.dims[1] < 0):
		return nil
	}
	return fmt.Errorf("not a cross-encoder: output %q has shape %v, want one logit a pair, [-1 1]", t.name, t.dims)
}

// batchDependent tells whether the graph quantises activations with one scale for the whole batch, which makes a pair's
// score depend on its neighbours.
func (s signature) batchDependent() bool {
	return s.operators["DynamicQuantizeLinear"] > 0 || s.operators["DynamicQuantizeMatMul"] > 0
}

// protoReader walks one message of the protobuf wire format. At a scalar field value holds the number.
type protoReader struct {
	file  io.Seeker
	r     *bufio.Reader
	left  int64
	value uint64
	wire  int
}

// maxText bounds a name in a graph, in bytes.
const maxText = 64 << 10

// fields calls do for each field. What do does not read of a length-delimited one is skipped.
func (p *protoReader) fields(do func(field int, sub *protoReader) error) error {
	if p.wire != 2 {
		return errors.New("a number where a message was expected")
	}
	for p.left > 0 {
		key, err := p.varint()
		if err != nil {
			return err
		}
		sub := &protoReader{file: p.file, r: p.r, wire: int(key & 7)}
		switch sub.wire {
		case 0:
			sub.value, err = p.varint()
		case 1:
			err = p.skip(8)
		case 5:
			err = p.skip(4)
		case 2:
			var n uint64
			n, err = p.varint()
			if err == nil && n > uint64(max(p.left, 0)) {
				err = fmt.Errorf("field of %d bytes where %d are left", n, p.left)
			}
			sub.left = int64(n)
			p.left -= sub.left
		default:
			err = fmt.Errorf("wire type %d", sub.wire)
		}
		if err != nil {
			return err
		}
		if err := do(int(key>>3), sub); err != nil {
			return err
		}
		if err := sub.skip(sub.left); err != nil {
			return err
		}
	}
	if p.left < 0 {
		return io.ErrUnexpectedEOF
	}
	return nil
}

func (p *protoReader) varint() (uint64, error) {
	counted := &countingByteReader{r: p.r}
	n, err := binary.ReadUvarint(counted)
	p.left -= counted.n
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return n, err
}

// maxRank bounds the dimensions of a tensor.
const maxRank = 64

// integers appends a repeated number field's values, packed or not: dimensions.
func (p *protoReader) integers(to []int64) ([]int64, error) {
	if p.wire == 0 {
		return append(to, int64(p.value)), nil
	}
	for p.left > 0 {
		n, err := p.varint()
		if err != nil {
			return to, err
		}
		if to = append(to, int64(n)); len(to) > maxRank {
			return to, errors.New("a tensor of too many dimensions")
		}
	}
	return to, nil
}

func (p *protoReader) text() (string, error) {
	if p.left > maxText {
		return "", fmt.Errorf("name of %d bytes", p.left)
	}
	var b strings.Builder
	n, err := io.CopyN(&b, p.r, p.left)
	p.left -= n
	return b.String(), err
}

// skip passes over n bytes, by a seek where they are many.
func (p *protoReader) skip(n int64) error {
	p.left -= n
	buffered := min(n, int64(p.r.Buffered()))
	if _, err := p.r.Discard(int(buffered)); err != nil {
		return err
	}
	n -= buffered
	if n == 0 {
		return nil
	}
	if _, err := p.file.Seek(n, io.SeekCurrent); err != nil {
		return err
	}
	p.r.Reset(p.file.(io.Reader))
	return nil
}

type countingByteReader struct {
	r *bufio.Reader
	n int64
}

func (c *countingByteReader) ReadByte() (byte, error) {
	b, err := c.r.ReadByte()
	if err == nil {
		c.n++
	}
	return b, err
}
