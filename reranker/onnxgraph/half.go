package onnxgraph

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

// maxHalf is the largest finite number of IEEE 754 binary16.
const maxHalf = 65504

// toHalf rounds to binary16, to nearest and ties to even. Numbers that round beyond maxHalf become infinite, tiny ones
// subnormal or zero, as IEEE 754 has it.
func toHalf(v float32) uint16 {
	bits := math.Float32bits(v)
	sign := uint16(bits >> 16 & 0x8000)
	magnitude := bits & 0x7fffffff
	switch {
	case magnitude > 0x7f800000: // NaN
		return sign | 0x7e00
	case magnitude >= 0x477ff000: // halfway between maxHalf and 65536, or more
		return sign | 0x7c00
	case magnitude < 0x38800000: // below the least normal number, 2^-14: a multiple of 2^-24
		steps := math.RoundToEven(math.Ldexp(float64(math.Float32frombits(magnitude)), 24))
		return sign | uint16(steps)
	}
	// The exponent's bias goes from 127 to 15 and the mantissa loses 13 bits; a carry out of it raises the exponent, as it should.
	rounded := magnitude - (127-15)<<23 + 0xfff + magnitude>>13&1
	return sign | uint16(rounded>>13)
}

// halves adds a float16 initializer of rows that lie side by side: part after part within each row of cols numbers. They are
// rounded when the graph is written. A weight that binary16 can't hold is kept as the assembly's failure.
func (a *assembly) halves(name string, rows int, parts ...halfPart) string {
	cols := 0
	for _, p := range parts {
		cols += p.cols
		for i, v := range p.values {
			if beyondHalf(v) && a.failure == nil {
				a.failure = fmt.Errorf("%s: the weight %v at row %d, column %d is beyond fp16's ±%d: use fp32", name, v, i/p.cols, i%p.cols, maxHalf)
			}
		}
	}
	dims := []int{rows, cols}
	if rows == 1 {
		dims = dims[1:]
	}
	a.initializer(name, onnxpb.TensorProto_FLOAT16, nil, dims)
	a.later[a.graph.Initializer[len(a.graph.Initializer)-1]] = halfContent(rows, cols, parts)
	return name
}

// beyondHalf tells of numbers that toHalf makes infinite or none.
func beyondHalf(v float32) bool { return toHalf(v)&0x7c00 == 0x7c00 }

// halfContent rounds a row at a time.
func halfContent(rows, cols int, parts []halfPart) content {
	return content{size: 2 * rows * cols, chunks: func(yield func([]byte) bool) {
		raw := make([]byte, 0, 2*cols)
		for row := range rows {
			raw = raw[:0]
			for _, p := range parts {
				for _, v := range p.values[row*p.cols : (row+1)*p.cols] {
					raw = binary.LittleEndian.AppendUint16(raw, toHalf(v))
				}
			}
			if !yield(raw) {
				return
			}
		}
	}}
}

// halfPart is a block of columns, row-major.
type halfPart struct {
	values []float32
	cols   int
}

func (a *assembly) halfMatrix(name string, m Matrix) string {
	return a.halves(name, m.Rows, halfPart{m.Floats(), m.Cols})
}

func (a *assembly) halfVector(name string, values []float32) string {
	return a.halves(name, 1, halfPart{values, len(values)})
}
