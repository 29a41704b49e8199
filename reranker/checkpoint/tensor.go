package checkpoint

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
)

// element is a type of numbers, by PyTorch's name.
type element string

const (
	float32s  element = "float32"
	float16s  element = "float16"
	bfloat16s element = "bfloat16"
	int8s     element = "int8" // codes of a compact matrix; see pairScales
)

// bytes is the size of an element; 0 for a type that no file may have.
func (e element) bytes() int {
	switch e {
	case int8s, "uint8", "bool":
		return 1
	case float16s, bfloat16s, "int16":
		return 2
	case float32s, "int32":
		return 4
	case "float64", "int64":
		return 8
	}
	return 0
}

const (
	maxDims    = 8
	chunkBytes = 256 << 10 // read at a time; a multiple of every element's size
)

// tensor tells where numbers lie in a file. Its shape and strides were checked against the file's size.
type tensor struct {
	name    string
	kind    element
	shape   []int
	strides []int // in elements; nil: row-major
	data    io.ReaderAt
	offset  int64     // of the first element, bytes
	scales  []float32 // of int8 codes: what each row of the matrix is multiplied with; else nil
}

// count is the number of elements, which is no more than the file holds.
func (t *tensor) count() int {
	n := 1
	for _, d := range t.shape {
		n *= d
	}
	return n
}

// checkShape refuses shapes of more than limit elements, and returns how many there are.
func checkShape(shape []int, limit int64) (int64, error) {
	if len(shape) > maxDims {
		return 0, fmt.Errorf("%d dimensions are more than %d", len(shape), maxDims)
	}
	n := int64(1)
	for _, d := range shape {
		if d < 0 {
			return 0, fmt.Errorf("impossible shape %v", shape)
		}
		if d > 0 && n > limit/int64(d) {
			return 0, fmt.Errorf("shape %v has more elements than the file", shape)
		}
		n *= int64(d)
	}
	return n, nil
}

// rowMajor returns the strides of a tensor without gaps.
func rowMajor(shape []int) []int {
	strides := make([]int, len(shape))
	for i, next := len(shape)-1, 1; i >= 0; i-- {
		strides[i] = next
		next *= shape[i]
	}
	return strides
}

// dense tells whether the numbers lie in row-major order without gaps; a stride along one element means nothing.
func (t *tensor) dense() bool {
	if t.strides == nil {
		return true
	}
	for i, want := range rowMajor(t.shape) {
		if t.shape[i] > 1 && t.strides[i] != want {
			return false
		}
	}
	return true
}

// values returns the numbers in row-major order.
func (t *tensor) values() ([]float32, error) {
	if err := t.readable(); err != nil {
		return nil, err
	}
	all := make([]float32, t.count())
	return all, t.each(func(i int, v float32) { all[i] = v })
}

// transposed returns the numbers of a matrix [rows, cols] as [cols, rows].
func (t *tensor) transposed() ([]float32, error) {
	if err := t.readable(); err != nil {
		return nil, err
	}
	if len(t.shape) != 2 {
		return nil, fmt.Errorf("%s: shape %v where a matrix is needed", t.name, t.shape)
	}
	all, rows, cols := make([]float32, t.count()), t.shape[0], t.shape[1]
	return all, t.each(func(i int, v float32) { all[i%cols*rows+i/cols] = v })
}

func (t *tensor) readable() error {
	switch t.kind {
	case float32s, float16s, bfloat16s:
		return nil
	case int8s:
		if t.scales == nil {
			return fmt.Errorf("%s: numbers of type int8 without %s, their scales", t.name, t.name+scaleSuffix)
		}
		return nil
	}
	return fmt.Errorf("%s: numbers of type %s; want float32, float16 or bfloat16", t.name, t.kind)
}

// each calls visit with every number and its index in row-major order. A number that is not finite is an error.
func (t *tensor) each(visit func(i int, v float32)) error {
	walk := t.eachDense
	if !t.dense() {
		walk = t.eachStrided
	}
	wrong := -1
	err := walk(func(i int, v float32) {
		if t.scales != nil {
			v *= t.scales[i/t.shape[1]]
		}
		if wrong < 0 && (math.IsNaN(float64(v)) || math.IsInf(float64(v), 0)) {
			wrong = i
		}
		visit(i, v)
	})
	if err != nil {
		return fmt.Errorf("%s: %w", t.name, err)
	}
	if wrong >= 0 {
		return fmt.Errorf("%s: number %d is not finite", t.name, wrong)
	}
	return nil
}

func (t *tensor) eachDense(visit func(i int, v float32)) error {
	size, n := t.kind.bytes(), t.count()
	buffer := make([]byte, min(chunkBytes, n*size))
	for i := 0; i < n; {
		part := buffer[:min(len(buffer), (n-i)*size)]
		if err := readAt(t.data, part, t.offset+int64(i)*int64(size)); err != nil {
			return err
		}
		for len(part) > 0 {
			visit(i, t.kind.number(part))
			part = part[size:]
			i++
		}
	}
	return nil
}

// eachStrided holds the part of the storage that the tensor looks at: rare, and no more than the file has.
func (t *tensor) eachStrided(visit func(i int, v float32)) error {
	size, last := t.kind.bytes(), 0
	for i, d := range t.shape {
		if d == 0 {
			return nil
		}
		last += (d - 1) * t.strides[i]
	}
	span := make([]byte, (last+1)*size)
	if err := readAt(t.data, span, t.offset); err != nil {
		return err
	}
	for i := range t.count() {
		at, rest := 0, i
		for axis := len(t.shape) - 1; axis >= 0; axis-- {
			at += rest % t.shape[axis] * t.strides[axis]
			rest /= t.shape[axis]
		}
		visit(i, t.kind.number(span[at*size:]))
	}
	return nil
}

// readAt fills b; a file that ends early is an error.
func readAt(r io.ReaderAt, b []byte, offset int64) error {
	n, err := r.ReadAt(b, offset)
	if n == len(b) {
		return nil
	}
	if err == nil || errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return err
}

// number decodes the little-endian number at the start of b.
func (e element) number(b []byte) float32 {
	switch e {
	case int8s:
		return float32(int8(b[0]))
	case float16s:
		return halfToFloat(binary.LittleEndian.Uint16(b))
	case bfloat16s:
		return math.Float32frombits(uint32(binary.LittleEndian.Uint16(b)) << 16)
	}
	return math.Float32frombits(binary.LittleEndian.Uint32(b))
}

// halfToFloat widens IEEE 754 binary16, which is exact.
func halfToFloat(h uint16) float32 {
	sign, exponent, mantissa := uint32(h&0x8000)<<16, uint32(h>>10&0x1f), uint32(h&0x3ff)
	switch exponent {
	case 0: // zero, or below the least normal number: a multiple of 2^-24
		return math.Float32frombits(sign | math.Float32bits(float32(mantissa)/(1<<24)))
	case 0x1f: // infinite or NaN
		return math.Float32frombits(sign | 0x7f800000 | mantissa<<13)
	}
	return math.Float32frombits(sign | (exponent+127-15)<<23 | mantissa<<13)
}

// hasShape tells whether t has exactly the shape; a 0 fits any size.
func (t *tensor) hasShape(want ...int) bool {
	return slices.EqualFunc(t.shape, want, func(have, want int) bool { return have == want || want == 0 && have > 0 })
}
