package wire

import (
	"bytes"
	"strconv"

	"golang.org/x/net/http/httpguts"
)

// head is what was seen so far of a request's request line and header fields.
type head struct {
	at        int  // bytes of it that were checked, all of them whole lines
	begun     bool // the request line was there
	blank     bool // an empty line was before it
	old       bool // HTTP/1.0
	post      bool
	hosts     int
	hasLength bool
	length    int64
	chunked   bool
}

// maxLengthDigits keeps a Content-Length within an int64.
const maxLengthDigits = 18

// scan checks the lines of buf, which begins where the head does, as far as they are whole. done tells that the head is, and
// that it ends at h.at.
func (h *head) scan(buf []byte, limit int, afterPOST bool) (done bool, v *Violation) {
	for {
		n := bytes.IndexByte(buf[h.at:], '\n')
		if n < 0 {
			if len(buf) > limit {
				return false, headTooLarge
			}
			return false, nil
		}
		line := buf[h.at : h.at+n]
		if h.at += n + 1; h.at > limit {
			return false, headTooLarge
		}
		if n == 0 || line[n-1] != '\r' {
			return false, bareLF
		}
		line = line[:n-1]
		switch {
		case bytes.IndexByte(line, '\r') >= 0:
			return false, strayCR
		case !h.begun && len(line) == 0:
			// RFC 9112, 2.2: some clients of old end a POST with one line too many. net/http puts up with it after a POST alone.
			if !afterPOST || h.blank {
				return false, emptyLine
			}
			h.blank = true
		case !h.begun:
			v = h.requestLine(line)
			h.begun = true
		case len(line) == 0:
			return true, h.whole()
		default:
			v = h.field(line)
		}
		if v != nil {
			return false, v
		}
	}
}

func (h *head) requestLine(line []byte) *Violation {
	method, rest, _ := bytes.Cut(line, []byte{' '})
	target, version, _ := bytes.Cut(rest, []byte{' '})
	if !isToken(method) || string(method) == refusedMethod || len(target) == 0 || !isText(target) || bytes.IndexByte(target, '\t') >= 0 {
		return badRequestLine
	}
	h.post = string(method) == "POST"
	switch string(version) {
	case "HTTP/1.1":
	case "HTTP/1.0":
		h.old = true
	default:
		if len(version) == len("HTTP/1.1") && bytes.HasPrefix(version, []byte("HTTP/")) {
			return badVersion
		}
		return badRequestLine
	}
	return nil
}

func (h *head) field(line []byte) *Violation {
	if line[0] == ' ' || line[0] == '\t' {
		return folded
	}
	name, value, found := bytes.Cut(line, []byte{':'})
	if !found || !isToken(name) {
		return badName
	}
	if !isText(value) {
		return badValue
	}
	value = bytes.Trim(value, " \t")
	switch {
	case is(name, "host"):
		if h.hosts++; h.hosts > 1 || !httpguts.ValidHostHeader(string(value)) {
			return badHost
		}
	case is(name, "content-length"):
		if h.hasLength || len(value) == 0 || len(value) > maxLengthDigits {
			return badLength
		}
		for _, c := range value {
			if c < '0' || c > '9' {
				return badLength
			}
		}
		h.hasLength = true
		h.length, _ = strconv.ParseInt(string(value), 10, 64) // at most 18 digits: cannot fail
	case is(name, "transfer-encoding"):
		if h.chunked || h.old || !is(value, "chunked") {
			return badCoding
		}
		h.chunked = true
	}
	return nil
}

// whole checks what only the whole head shows.
func (h *head) whole() *Violation {
	switch {
	case h.hasLength && h.chunked:
		return bothFramings
	case h.hosts == 0 && !h.old:
		return badHost
	}
	return nil
}

// is compares with a lower-case ASCII word, whatever the case of s.
func is(s []byte, word string) bool {
	return len(s) == len(word) && bytes.EqualFold(s, []byte(word)) && isASCII(s)
}

// isASCII is needed beside EqualFold: to that, the Kelvin sign is a k.
func isASCII(s []byte) bool {
	for _, c := range s {
		if c >= 0x80 {
			return false
		}
	}
	return true
}

// isToken: RFC 9110, 5.6.2.
func isToken(s []byte) bool {
	for _, c := range s {
		if !tokenByte[c] {
			return false
		}
	}
	return len(s) > 0
}

var tokenByte = func() (t [256]bool) {
	for c := range t {
		t[c] = httpguts.IsTokenRune(rune(c)) && c < 0x80
	}
	return t
}()

// isText: no control character but HTAB.
func isText(s []byte) bool {
	for _, c := range s {
		if c < ' ' && c != '\t' || c == 0x7f {
			return false
		}
	}
	return true
}
