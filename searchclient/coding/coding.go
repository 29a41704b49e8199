package coding

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
)

// Errors of Decode.
var (
	ErrUnknown  = errors.New("content coding is not gzip or deflate")
	ErrTooLarge = errors.New("decoded body is too large")
	ErrBroken   = errors.New("coded body is broken")
)

// Names of codings, as an answer bears them.
const (
	Identity = ""
	Gzip     = "gzip"
	Deflate  = "deflate"
)

// level is that of the engines' own answers (http.compression_level).
const level = 3

// Of returns the coding that Content-Encoding names: one, or Identity. Several at once are ErrUnknown.
func Of(h http.Header) (string, error) {
	found := Identity
	for _, line := range h["Content-Encoding"] {
		for name := range strings.SplitSeq(line, ",") {
			name = strings.ToLower(strings.TrimSpace(name))
			if name == "identity" || name == "" {
				continue
			}
			if found != Identity {
				return "", ErrUnknown
			}
			switch strings.TrimPrefix(name, "x-") {
			case Gzip, Deflate:
				found = strings.TrimPrefix(name, "x-")
			default:
				return "", ErrUnknown
			}
		}
	}
	return found, nil
}

// Accept makes, of a client's Accept-Encoding, one for an answer that Decode will read: what is not known here is left out, and "*" is
// taken as gzip. best is the coding that an engine chooses by it: the heavier one, gzip where they weigh the same, Identity if none
// is taken.
func Accept(lines []string) (value, best string) {
	var kept []string
	weights := map[string]float64{Gzip: -1, Deflate: -1}
	other, otherWeight := "", 0.0
	for _, line := range lines {
		for item := range strings.SplitSeq(line, ",") {
			item = strings.TrimSpace(item)
			name, parameters, weighted := strings.Cut(item, ";")
			weight := weightOf(parameters)
			switch name = strings.TrimPrefix(strings.ToLower(strings.TrimSpace(name)), "x-"); name {
			case Gzip, Deflate:
				kept = append(kept, item)
				weights[name] = max(weights[name], weight)
			case "*":
				if other, otherWeight = Gzip, weight; weighted {
					other += ";" + parameters
				}
			}
		}
	}
	if other != "" && weights[Gzip] < 0 {
		kept = append(kept, other)
		weights[Gzip] = otherWeight
	}
	switch {
	case kept == nil:
		return "identity", Identity
	case weights[Gzip] > 0 && weights[Gzip] >= weights[Deflate]:
		best = Gzip
	case weights[Deflate] > 0:
		best = Deflate
	}
	return strings.Join(kept, ", "), best
}

// weightOf reads q (RFC 9110, 12.4.2); what is no number weighs nothing, as in the engines.
func weightOf(parameters string) float64 {
	for p := range strings.SplitSeq(parameters, ";") {
		if q, ok := strings.CutPrefix(strings.ReplaceAll(p, " ", ""), "q="); ok {
			weight, err := strconv.ParseFloat(q, 64)
			if err != nil || weight != weight {
				return 0
			}
			return weight
		}
	}
	return 1
}

// Coder encodes and decodes. The zero value is ready; it is safe for concurrent use.
type Coder struct {
	gzipWriters, zlibWriters sync.Pool
	gzipReaders              sync.Pool
}

// Decode undoes a coding that Of returned. At most limit bytes are made: a body that holds more is ErrTooLarge. Bytes behind its
// end, another gzip member among them, are ErrBroken: some engines read on there and some do not.
func (c *Coder) Decode(name string, body []byte, limit int64) ([]byte, error) {
	if name == Identity {
		return body, nil
	}
	rest := bytes.NewReader(body) // an io.ByteReader: no decoder reads beyond its own end
	var from io.Reader
	switch {
	case name == Gzip:
		z, ok := c.gzipReaders.Get().(*gzip.Reader)
		if !ok {
			z = new(gzip.Reader)
		}
		defer c.gzipReaders.Put(z)
		if err := z.Reset(rest); err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBroken, err)
		}
		z.Multistream(false)
		from = z
	case wrapped(body):
		z, err := zlib.NewReader(rest)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrBroken, err)
		}
		from = z
	default: // RFC 9110, 8.4.1.2: some send deflate without its wrapper, and engines take it
		from = flate.NewReader(rest)
	}
	var out bytes.Buffer
	out.Grow(int(min(4*int64(len(body)), limit, 1<<20)))
	n, err := out.ReadFrom(io.LimitReader(from, limit+1))
	switch {
	case n > limit:
		return nil, ErrTooLarge
	case err != nil:
		return nil, fmt.Errorf("%w: %w", ErrBroken, err)
	case rest.Len() > 0:
		return nil, fmt.Errorf("%w: %d bytes behind its end", ErrBroken, rest.Len())
	}
	return out.Bytes(), nil
}

// wrapped tells whether a deflate body begins as RFC 1950 has it.
func wrapped(body []byte) bool {
	return len(body) >= 2 && body[0]&0x0f == 8 && (uint(body[0])<<8|uint(body[1]))%31 == 0
}

// Encode appends body in a coding that Of returned to dst.
func (c *Coder) Encode(dst []byte, name string, body []byte) []byte {
	out := bytes.NewBuffer(dst)
	var w interface {
		io.WriteCloser
		Reset(io.Writer)
	}
	switch name {
	case Gzip:
		z, ok := c.gzipWriters.Get().(*gzip.Writer)
		if !ok {
			z, _ = gzip.NewWriterLevel(nil, level) // the level is one that there is
		}
		defer c.gzipWriters.Put(z)
		w = z
	case Deflate:
		z, ok := c.zlibWriters.Get().(*zlib.Writer)
		if !ok {
			z, _ = zlib.NewWriterLevel(nil, level)
		}
		defer c.zlibWriters.Put(z)
		w = z
	default:
		return append(dst, body...)
	}
	w.Reset(out)
	_, _ = w.Write(body) // into memory
	_ = w.Close()
	return out.Bytes()
}
