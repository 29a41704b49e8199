package rawjson

import (
	"errors"
	"fmt"
)

// MaxDepth is the deepest nesting of objects and arrays that anything in this package accepts. The engines' own JSON
// library (Jackson, StreamReadConstraints) stops at 1,000.
const MaxDepth = 1024

// ErrTooDeep is what a *SyntaxError unwraps to when the nesting was too deep.
var ErrTooDeep = errors.New("nested too deeply")

// ErrNotUTF8 is what a *SyntaxError unwraps to when the document is not valid UTF-8.
var ErrNotUTF8 = errors.New("not valid UTF-8")

// SyntaxError says what is wrong with a document and where.
type SyntaxError struct {
	Offset int    // bytes from the start of the document
	Reason string // for people; never quotes the document
	cause  error
}

func (e *SyntaxError) Error() string { return fmt.Sprintf("json: %s at byte %d", e.Reason, e.Offset) }

// Unwrap returns ErrTooDeep, ErrNotUTF8 or nil.
func (e *SyntaxError) Unwrap() error { return e.cause }

func syntaxError(at int, reason string) error { return &SyntaxError{Offset: at, Reason: reason} }

func tooDeep(at, limit int) error {
	return &SyntaxError{Offset: at, Reason: fmt.Sprintf("nested deeper than %d levels", limit), cause: ErrTooDeep}
}

// unexpected describes the byte at offset at, or the end of the document, where something else was wanted.
func unexpected(doc []byte, at int, wanted string) error {
	if at >= len(doc) {
		return syntaxError(len(doc), "document ends where "+wanted+" was expected")
	}
	return syntaxError(at, "expected "+wanted)
}
