package searchclient

import (
	"errors"
	"net/http"
	"net/textproto"
	"regexp"
)

// quietError is an error of net/http whose text is fit for a log: an engine that does not speak HTTP, or breaks off, may have sent a
// document, and net/http quotes what it could not read.
type quietError struct{ err error }

var quoted = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

func (e quietError) Error() string {
	var header textproto.ProtocolError
	//lint:ignore SA1019 its errors are still of this type, and quote the engine
	var message *http.ProtocolError
	if errors.As(e.err, &header) || errors.As(e.err, &message) {
		return "the engine's answer is not HTTP"
	}
	return quoted.ReplaceAllString(e.err.Error(), `"…"`)
}

func (e quietError) Unwrap() error { return e.err }
