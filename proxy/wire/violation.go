package wire

import (
	"net/http"
	"strconv"
	"strings"
)

// A Violation is what is wrong with a request's bytes.
type Violation struct {
	Status int    // 400, 408, 431 or 505
	Reason string // fit for the client
}

// Error makes a violation within a body the error of reading it.
func (v *Violation) Error() string { return v.Reason }

var (
	badRequestLine = &Violation{http.StatusBadRequest, "the request line is malformed"}
	badVersion     = &Violation{http.StatusHTTPVersionNotSupported, "the HTTP version is neither 1.0 nor 1.1"}
	bareLF         = &Violation{http.StatusBadRequest, "a line ends with a bare line feed"}
	strayCR        = &Violation{http.StatusBadRequest, "a carriage return stands within a line"}
	emptyLine      = &Violation{http.StatusBadRequest, "an empty line stands before the request line"}
	folded         = &Violation{http.StatusBadRequest, "a header field is folded over several lines"}
	badName        = &Violation{http.StatusBadRequest, "the name of a header field is malformed"}
	badValue       = &Violation{http.StatusBadRequest, "the value of a header field holds a control character"}
	badHost        = &Violation{http.StatusBadRequest, "Host is missing, malformed, or there twice"}
	badLength      = &Violation{http.StatusBadRequest, "Content-Length is not one plain number"}
	badCoding      = &Violation{http.StatusBadRequest, "Transfer-Encoding is not just [chunked], once, in HTTP/1.1"}
	bothFramings   = &Violation{http.StatusBadRequest, "Content-Length and Transfer-Encoding stand side by side"}
	headTooLarge   = &Violation{http.StatusRequestHeaderFieldsTooLarge, "the header of the request is too large"}
	headTooSlow    = &Violation{http.StatusRequestTimeout, "the header of the request did not arrive in time"}

	// Of bodies: errors of reading one, never told by Refused.
	badChunk    = &Violation{http.StatusBadRequest, "a chunk of the body is malformed"}
	bodyTooSlow = &Violation{http.StatusRequestTimeout, "the request body did not arrive in time"}
)

// ofHeads are the violations that Refused can tell; their places are their names on the inner wire.
var ofHeads = [...]*Violation{
	badRequestLine, badVersion, bareLF, strayCR, emptyLine, folded, badName, badValue, badHost, badLength, badCoding, bothFramings,
	headTooLarge, headTooSlow,
}

// refusedMethod is a method that no client may use over HTTP/1.x. Over HTTP/2 it gains nothing but a refusal.
const refusedMethod = "~"

// stand is the request that the server gets in the place of one that was refused.
func (v *Violation) stand() []byte {
	at := 0
	for i, known := range ofHeads {
		if v == known {
			at = i
		}
	}
	return []byte(refusedMethod + " /" + strconv.Itoa(at) + " HTTP/1.1\r\nHost: refused\r\nConnection: close\r\n\r\n")
}

// Refused tells whether r stands for a request that was refused, and why. It must be asked before anything else is read of r.
func Refused(r *http.Request) (Violation, bool) {
	if r.Method != refusedMethod {
		return Violation{}, false
	}
	at, err := strconv.Atoi(strings.TrimPrefix(r.URL.Path, "/"))
	if err != nil || at < 0 || at >= len(ofHeads) {
		at = 0
	}
	return *ofHeads[at], true
}
