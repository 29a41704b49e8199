package onnxgraph

import (
	"bytes"
	"errors"
	"testing"

	"google.golang.org/protobuf/proto"
)

// marshal is the written graph.
func marshal(c *CrossEncoder, p Precision) ([]byte, error) {
	var out bytes.Buffer
	err := Write(&out, c, p)
	return out.Bytes(), err
}

func TestWrittenBytesAreThoseOfProtobuf(t *testing.T) {
	for _, p := range []Precision{FP32, Int8, FP16} {
		c := randomEncoder(5, 2, 32, 4)
		streamed := mustMarshal(t, c, p)
		m, err := Build(c, p)
		if p == FP16 {
			m, err = BuildPacked(c)
		}
		if err != nil {
			t.Fatal(err)
		}
		want, err := proto.MarshalOptions{Deterministic: true}.Marshal(m)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(streamed, want) {
			t.Errorf("%s: the stream of %d bytes differs from protobuf's %d", p, len(streamed), len(want))
		}
	}
}

// short is a disk that fills up.
type short struct{ left int }

var errFull = errors.New("no space left")

func (s *short) Write(b []byte) (int, error) {
	if s.left -= len(b); s.left < 0 {
		return 0, errFull
	}
	return len(b), nil
}

func TestWriteReportsAFullDisk(t *testing.T) {
	c := randomEncoder(5, 2, 32, 4)
	size := len(mustMarshal(t, c, FP32))
	for _, room := range []int{0, size / 2, size - 1} {
		if err := Write(&short{room}, c, FP32); !errors.Is(err, errFull) {
			t.Errorf("%d of %d bytes fit: %v", room, size, err)
		}
	}
}
