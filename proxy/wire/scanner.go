package wire

import "math"

// part is what the next byte belongs to.
type part byte

const (
	inHead part = iota
	inLength
	inSize      // the digits of a chunk's size
	inExtension // what follows them on their line
	inSizeEnd   // LF
	inChunk
	inChunkCR
	inChunkLF
	inTrailer // at the beginning of a trailer's line
	inTrailerName
	inTrailerValue
	inTrailerEnd // LF of a trailer's line
	inLastEnd    // LF of the empty line
)

const (
	maxSizeDigits = 15      // of a chunk: within an int64
	maxChunkLine  = 256     // bytes of a chunk's extensions
	maxTrailers   = 1 << 10 // bytes; net/http has room for 4 KiB
)

// scanner follows the framing of a connection's requests. The zero value, with a limit, begins at a request line.
type scanner struct {
	limit int // of a head, in bytes

	part      part
	head      head
	afterPOST bool
	left      int64 // of a body or chunk
	digits    int   // of the chunk's size
	line      int   // bytes of the line's extensions, or of all trailers
}

// scan goes over buf, whose beginning is where the last call's clear ended. The first clear bytes may be handed on. The rest, if any,
// is a head that is not whole yet: it is to be brought again, with more behind it. With a violation the bytes before clear are
// still sound. headed tells whether it is a head that is broken; else it is a body, and the request is already on its way.
func (s *scanner) scan(buf []byte) (clear int, v *Violation, headed bool) {
	for clear < len(buf) {
		switch s.part {
		case inHead:
			done, v := s.head.scan(buf[clear:], s.limit, s.afterPOST)
			if v != nil {
				return clear, v, true
			}
			if !done {
				return clear, nil, false
			}
			clear += s.head.at
			s.enterBody()
		case inLength, inChunk:
			n := min(s.left, int64(len(buf)-clear))
			clear += int(n)
			if s.left -= n; s.left > 0 {
				continue
			}
			if s.part == inLength {
				s.next()
			} else {
				s.part = inChunkCR
			}
		default:
			if !s.step(buf[clear]) {
				return clear, badChunk, false
			}
			clear++
		}
	}
	return clear, nil, false
}

func (s *scanner) enterBody() {
	switch {
	case s.head.chunked:
		s.part, s.left, s.digits, s.line = inSize, 0, 0, 0
	case s.head.length > 0:
		s.part, s.left = inLength, s.head.length
	default:
		s.next()
	}
}

// next begins another request.
func (s *scanner) next() {
	s.afterPOST = s.head.post
	s.part, s.head = inHead, head{}
}

// step takes one byte of what is around chunks: RFC 9112, 7.1, without white space and without a CR or LF where none belongs.
func (s *scanner) step(c byte) bool {
	switch s.part {
	case inSize:
		return s.size(c)
	case inExtension:
		if s.line++; s.line > maxChunkLine {
			return false
		}
		if c == '\r' {
			s.part = inSizeEnd
			return true
		}
		return c == '\t' || c >= ' ' && c != 0x7f
	case inSizeEnd:
		s.part = inChunk
		if s.line = 0; s.left == 0 {
			s.part = inTrailer
		}
		return c == '\n'
	case inChunkCR:
		s.part = inChunkLF
		return c == '\r'
	case inChunkLF:
		s.part, s.digits, s.line = inSize, 0, 0
		return c == '\n'
	}
	return s.trailer(c)
}

func (s *scanner) size(c byte) bool {
	digit := int64(-1)
	switch {
	case c >= '0' && c <= '9':
		digit = int64(c - '0')
	case c >= 'a' && c <= 'f':
		digit = int64(c-'a') + 10
	case c >= 'A' && c <= 'F':
		digit = int64(c-'A') + 10
	}
	switch {
	case digit >= 0:
		s.digits++
		s.left = s.left<<4 | digit
		return s.digits <= maxSizeDigits && s.left < math.MaxInt64
	case s.digits == 0:
		return false
	case c == ';':
		s.part = inExtension
		return true
	case c == '\r':
		s.part = inSizeEnd
		return true
	}
	return false
}

func (s *scanner) trailer(c byte) bool {
	if s.line++; s.line > maxTrailers {
		return false
	}
	switch s.part {
	case inTrailer:
		if c == '\r' {
			s.part = inLastEnd
			return true
		}
		s.part = inTrailerName
		return tokenByte[c]
	case inTrailerName:
		if c == ':' {
			s.part = inTrailerValue
			return true
		}
		return tokenByte[c]
	case inTrailerValue:
		if c == '\r' {
			s.part = inTrailerEnd
			return true
		}
		return c == '\t' || c >= ' ' && c != 0x7f
	case inTrailerEnd:
		s.part = inTrailer
		return c == '\n'
	}
	s.next() // inLastEnd
	return c == '\n'
}
