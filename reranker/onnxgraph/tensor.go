package onnxgraph

import (
	"encoding/binary"
	"fmt"
	"math"

	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

// elementBytes is the size of an element in TensorProto.raw_data.
var elementBytes = map[onnxpb.TensorProto_DataType]int{
	onnxpb.TensorProto_FLOAT: 4,
	onnxpb.TensorProto_INT8:  1,
	onnxpb.TensorProto_UINT8: 1,
	onnxpb.TensorProto_INT32: 4,
	onnxpb.TensorProto_INT64: 8,
}

// elements checks that a tensor holds as many elements as its shape tells, and returns their number.
func elements(t *onnxpb.TensorProto) (int, error) {
	kind := onnxpb.TensorProto_DataType(t.GetDataType())
	size, ok := elementBytes[kind]
	if !ok {
		return 0, fmt.Errorf("%q has element type %s, which is not supported here", t.GetName(), kind)
	}
	n := 1
	for _, d := range t.Dims {
		if d < 0 || (d > 0 && n > maxFileBytes/int(min(d, maxFileBytes))) {
			return 0, fmt.Errorf("%q has the impossible shape %v", t.GetName(), t.Dims)
		}
		n *= int(d)
	}
	have := len(t.RawData) / size
	if t.RawData == nil {
		have = max(len(t.FloatData), len(t.Int32Data), len(t.Int64Data))
	}
	if have != n || len(t.RawData)%size != 0 {
		return 0, fmt.Errorf("%q has %d elements for the shape %v", t.GetName(), have, t.Dims)
	}
	return n, nil
}

// floats reads a float32 tensor of any shape.
func floats(t *onnxpb.TensorProto) ([]float32, error) {
	n, err := elements(t)
	if err != nil {
		return nil, err
	}
	if t.GetDataType() != int32(onnxpb.TensorProto_FLOAT) {
		return nil, fmt.Errorf("%q is not of float32", t.GetName())
	}
	values := make([]float32, n)
	if t.RawData == nil {
		if copy(values, t.FloatData) != n {
			return nil, fmt.Errorf("%q keeps its numbers in the wrong field", t.GetName())
		}
	}
	for i := range values {
		if t.RawData != nil {
			values[i] = math.Float32frombits(binary.LittleEndian.Uint32(t.RawData[4*i:]))
		}
		if v := float64(values[i]); math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, fmt.Errorf("%q holds %v", t.GetName(), v)
		}
	}
	return values, nil
}

// integers reads a tensor of int8, uint8, int32 or int64.
func integers(t *onnxpb.TensorProto) ([]int64, error) {
	at, n, err := integerAt(t)
	if err != nil {
		return nil, err
	}
	values := make([]int64, n)
	for i := range values {
		values[i] = at(i)
	}
	return values, nil
}

// integerAt gives access to the n elements of an integer tensor without a copy.
func integerAt(t *onnxpb.TensorProto) (at func(i int) int64, n int, err error) {
	if n, err = elements(t); err != nil {
		return nil, 0, err
	}
	kind := onnxpb.TensorProto_DataType(t.GetDataType())
	raw := t.RawData
	switch {
	case kind == onnxpb.TensorProto_FLOAT:
		return nil, 0, fmt.Errorf("%q is not of integers", t.GetName())
	case raw != nil && kind == onnxpb.TensorProto_INT8:
		return func(i int) int64 { return int64(int8(raw[i])) }, n, nil
	case raw != nil && kind == onnxpb.TensorProto_UINT8:
		return func(i int) int64 { return int64(raw[i]) }, n, nil
	case raw != nil && kind == onnxpb.TensorProto_INT32:
		return func(i int) int64 { return int64(int32(binary.LittleEndian.Uint32(raw[4*i:]))) }, n, nil
	case raw != nil:
		return func(i int) int64 { return int64(binary.LittleEndian.Uint64(raw[8*i:])) }, n, nil
	case kind == onnxpb.TensorProto_INT64 && len(t.Int64Data) == n:
		return func(i int) int64 { return t.Int64Data[i] }, n, nil
	case kind != onnxpb.TensorProto_INT64 && len(t.Int32Data) == n:
		return func(i int) int64 { return int64(t.Int32Data[i]) }, n, nil
	}
	return nil, 0, fmt.Errorf("%q keeps its numbers in the wrong field", t.GetName())
}

// dequantize reads (codes − zero point) · scale with scale and zero point for the whole matrix or one a column.
func dequantize(codes, scale, zero *onnxpb.TensorProto) (Matrix, error) {
	if len(codes.Dims) != 2 {
		return Matrix{}, fmt.Errorf("%q has the shape %v where a matrix is needed", codes.GetName(), codes.Dims)
	}
	switch kind := onnxpb.TensorProto_DataType(codes.GetDataType()); kind {
	case onnxpb.TensorProto_INT8, onnxpb.TensorProto_UINT8:
	default:
		return Matrix{}, fmt.Errorf("%q has element type %s: want INT8 or UINT8", codes.GetName(), kind)
	}
	// Before anything is made of the shape: it may claim more than the file holds.
	if n, err := elements(codes); err != nil {
		return Matrix{}, err
	} else if n == 0 {
		return Matrix{}, fmt.Errorf("%q is empty", codes.GetName())
	}
	m := Matrix{Rows: int(codes.Dims[0]), Cols: int(codes.Dims[1])}
	scales, err := floats(scale)
	if err != nil {
		return Matrix{}, err
	}
	zeros := []int64{0}
	if zero != nil {
		if zeros, err = integers(zero); err != nil {
			return Matrix{}, err
		}
	}
	if m.Scales, err = byColumn(scale.GetName(), scales, m.Cols); err != nil {
		return Matrix{}, err
	}
	if zeros, err = byColumn(codes.GetName()+" zero point", zeros, m.Cols); err != nil {
		return Matrix{}, err
	}
	return m, m.fill(codes, zeros)
}

// fill sets Codes, or Values where a code less its zero point is outside int8.
func (m *Matrix) fill(codes *onnxpb.TensorProto, zeros []int64) error {
	at, n, err := integerAt(codes)
	if err != nil {
		return err
	}
	m.Codes = make([]int8, n)
	for i := range n {
		q := at(i) - zeros[i%m.Cols]
		m.Codes[i] = int8(q)
		if int64(int8(q)) != q {
			m.Codes = nil
			break
		}
	}
	if m.Codes != nil {
		return nil
	}
	m.Values = make([]float32, n)
	for i := range m.Values {
		m.Values[i] = float32(at(i)-zeros[i%m.Cols]) * m.Scales[i%m.Cols]
	}
	m.Scales = nil
	return nil
}

func byColumn[T any](name string, values []T, cols int) ([]T, error) {
	switch {
	case len(values) == cols:
		return values, nil
	case len(values) != 1:
		return nil, fmt.Errorf("%q has %d values for %d columns", name, len(values), cols)
	}
	all := make([]T, cols)
	for i := range all {
		all[i] = values[0]
	}
	return all, nil
}
