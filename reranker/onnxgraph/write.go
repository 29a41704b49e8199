package onnxgraph

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math"
	"slices"

	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	"github.com/resift/resift/reranker/onnxgraph/onnxpb"
)

// Field numbers of onnx.proto: the fields that hold what is too large to be held twice.
const (
	fieldGraph       = 7 // ModelProto.graph
	fieldInitializer = 5 // GraphProto.initializer
	fieldRawData     = 9 // TensorProto.raw_data
)

// chunkFloats is how many numbers are turned into bytes at a time.
const chunkFloats = 16 << 10

// content is an initializer's raw data, made when it is written.
type content struct {
	size   int              // bytes of all chunks
	chunks iter.Seq[[]byte] // each valid until the next
}

// contents are those of the initializers that have no raw data of their own.
type contents map[*onnxpb.TensorProto]content

// floatContent makes count values only when they are written, and turns them into bytes a chunk at a time.
func floatContent(values func() []float32, count int) content {
	return content{size: 4 * count, chunks: func(yield func([]byte) bool) {
		chunk := make([]byte, 0, 4*min(chunkFloats, count))
		for part := range slices.Chunk(values(), chunkFloats) {
			chunk = chunk[:0]
			for _, v := range part {
				chunk = binary.LittleEndian.AppendUint32(chunk, math.Float32bits(v))
			}
			if !yield(chunk) {
				return
			}
		}
	}}
}

// Write writes the graph of Build, or with FP16 that of BuildPacked, to w: byte for byte as protobuf would, but without a
// second copy of the weights (int8 codes excepted, a quarter of one).
func Write(w io.Writer, c *CrossEncoder, p Precision) error {
	if err := c.fits(p); err != nil {
		return err
	}
	if p == FP16 {
		b, err := buildPacked(c)
		if err != nil {
			return err
		}
		return stream(w, b.outline(), b.later)
	}
	b, err := build(c, p)
	if err != nil {
		return err
	}
	return stream(w, b.outline(), b.later)
}

// stream writes m with its later contents: messages are marshalled but for raw data, in the order of field numbers.
func stream(w io.Writer, m *onnxpb.ModelProto, later contents) error {
	g := m.Graph
	before := &onnxpb.ModelProto{IrVersion: m.IrVersion, ProducerName: m.ProducerName}
	after := &onnxpb.ModelProto{OpsetImport: m.OpsetImport}
	nodes := &onnxpb.GraphProto{Node: g.Node, Name: g.Name}
	edges := &onnxpb.GraphProto{Input: g.Input, Output: g.Output}

	size := proto.Size(nodes) + proto.Size(edges)
	for _, t := range g.Initializer {
		size += sizeOfField(fieldInitializer, tensorSize(t, later))
	}
	if size > maxFileBytes-1<<20 {
		return fmt.Errorf("a graph of %d bytes is more than an ONNX file can hold (%d)", size, maxFileBytes)
	}
	s := &streamer{w: bufio.NewWriterSize(w, 64<<10)}
	s.message(before)
	s.open(fieldGraph, size)
	s.message(nodes)
	for _, t := range g.Initializer {
		s.tensor(t, later)
	}
	s.message(edges)
	s.message(after)
	if s.err != nil {
		return s.err
	}
	return s.w.Flush()
}

// head is a tensor without its raw data.
func head(t *onnxpb.TensorProto) *onnxpb.TensorProto {
	return &onnxpb.TensorProto{Dims: t.Dims, DataType: t.DataType, Name: t.Name}
}

func rawSize(t *onnxpb.TensorProto, later contents) int {
	if c, ok := later[t]; ok {
		return c.size
	}
	return len(t.RawData)
}

func tensorSize(t *onnxpb.TensorProto, later contents) int {
	return proto.Size(head(t)) + sizeOfField(fieldRawData, rawSize(t, later))
}

func sizeOfField(number protowire.Number, size int) int {
	return protowire.SizeTag(number) + protowire.SizeBytes(size)
}

// streamer writes protobuf fields and remembers the first error.
type streamer struct {
	w   *bufio.Writer
	err error
}

func (s *streamer) bytes(b []byte) {
	if s.err == nil {
		_, s.err = s.w.Write(b)
	}
}

func (s *streamer) message(m proto.Message) {
	b, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
	if s.err == nil {
		s.err = err
	}
	s.bytes(b)
}

// open writes the tag and the length of a field whose bytes follow.
func (s *streamer) open(number protowire.Number, size int) {
	s.bytes(protowire.AppendVarint(protowire.AppendTag(nil, number, protowire.BytesType), uint64(size)))
}

func (s *streamer) tensor(t *onnxpb.TensorProto, later contents) {
	s.open(fieldInitializer, tensorSize(t, later))
	s.message(head(t))
	s.open(fieldRawData, rawSize(t, later))
	c, ok := later[t]
	if !ok {
		s.bytes(t.RawData)
		return
	}
	written := 0
	for chunk := range c.chunks {
		s.bytes(chunk)
		written += len(chunk)
	}
	if written != c.size && s.err == nil {
		s.err = fmt.Errorf("%s: %d bytes where %d are needed", t.GetName(), written, c.size)
	}
}
