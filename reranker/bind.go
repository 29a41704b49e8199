package reranker

import (
	"slices"

	ort "github.com/yalue/onnxruntime_go"
)

// inputBuffer is the memory of one input of a graph, reused from batch to batch.
type inputBuffer interface {
	// fill writes the batch and wraps the memory as a tensor, which the caller destroys.
	fill(b *batch) (ort.Value, error)
}

// newBuffers makes one for each input of a model, in the order of the graph's inputs.
func newBuffers(d *Directory) []inputBuffer {
	var buffers []inputBuffer
	for _, in := range d.signature.inputs {
		meaning := d.Inputs[in.name]
		if in.kind == kindInt32 {
			buffers = append(buffers, newBuffer[int32](d, meaning))
		} else {
			buffers = append(buffers, newBuffer[int64](d, meaning))
		}
	}
	return buffers
}

type element interface{ int32 | int64 }

type buffer[T element] struct {
	shape func(b *batch) ort.Shape
	write func(dst []T, b *batch) // dst is as long as the shape says
	data  []T                     // grows to the largest batch
}

func (f *buffer[T]) fill(b *batch) (ort.Value, error) {
	shape := f.shape(b)
	n := int(shape.FlattenedSize())
	f.data = slices.Grow(f.data[:0], n)[:n]
	f.write(f.data, b)
	return ort.NewTensor(shape, f.data)
}

func newBuffer[T element](d *Directory, meaning string) *buffer[T] {
	if d.Layout == LayoutPacked {
		return packedBuffer[T](meaning)
	}
	f := &buffer[T]{shape: paddedShape}
	pad := T(d.PadToken)
	f.write = func(dst []T, b *batch) {
		for i, p := range b.pairs {
			row := dst[i*b.longest : (i+1)*b.longest]
			real, rest := row[:len(p.ids)], row[len(p.ids):]
			switch meaning {
			case InputIDs:
				convert(real, p.ids)
				repeat(rest, pad)
			case AttentionMask:
				repeat(real, 1)
				repeat(rest, 0)
			case TokenTypeIDs:
				writeTypes(real, p)
				repeat(rest, 0)
			}
		}
	}
	return f
}

func packedBuffer[T element](meaning string) *buffer[T] {
	switch meaning {
	case CumulativeLengths:
		return &buffer[T]{shape: startsShape, write: writeStarts[T]}
	case TokenOffset:
		return &buffer[T]{shape: paddedShape, write: writeOffsets[T]}
	}
	return &buffer[T]{shape: packedShape, write: func(dst []T, b *batch) {
		for _, p := range b.pairs {
			row := dst[:len(p.ids)]
			dst = dst[len(p.ids):]
			switch meaning {
			case InputIDs:
				convert(row, p.ids)
			case PositionIDs:
				for i := range row {
					row[i] = T(i)
				}
			case TokenTypeIDs:
				writeTypes(row, p)
			}
		}
	}}
}

func paddedShape(b *batch) ort.Shape { return ort.NewShape(int64(len(b.pairs)), int64(b.longest)) }
func packedShape(b *batch) ort.Shape { return ort.NewShape(1, int64(b.tokens)) }
func startsShape(b *batch) ort.Shape { return ort.NewShape(int64(len(b.pairs)) + 1) }

// writeStarts writes where each pair starts, and the number of tokens: [pairs+1].
func writeStarts[T element](dst []T, b *batch) {
	at := 0
	for i, p := range b.pairs {
		dst[i] = T(at)
		at += len(p.ids)
	}
	dst[len(b.pairs)] = T(at)
}

// writeOffsets writes the places that tokens would have if pairs were padded, then those of the padding: [pairs × longest].
func writeOffsets[T element](dst []T, b *batch) {
	token, padding := 0, b.tokens
	for i, p := range b.pairs {
		place := i * b.longest
		for range p.ids {
			dst[token] = T(place)
			token, place = token+1, place+1
		}
		for ; place < (i+1)*b.longest; place++ {
			dst[padding] = T(place)
			padding++
		}
	}
}

func writeTypes[T element](row []T, p pair) {
	start := min(int(p.start), len(row))
	repeat(row[:start], 0)
	repeat(row[start:], 1)
}

func convert[T element](dst []T, ids []int32) {
	for i, id := range ids {
		dst[i] = T(id)
	}
}

func repeat[T element](row []T, value T) {
	for i := range row {
		row[i] = value
	}
}
