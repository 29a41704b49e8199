package reranker

import (
	"errors"
	"fmt"
)

var (
	// ErrOverloaded is returned at once, with nothing scored, when the queue has no room for a request's pairs. The tei
	// backend returns it too when its server says so (429); calls before that may have scored some.
	ErrOverloaded = errors.New("reranker is overloaded")
	// ErrClosed is returned by Score after Close.
	ErrClosed = errors.New("reranker is closed")
)

// BackendError tells that the model or its server failed; what was scored before is still in the Result.
type BackendError struct {
	Backend string // BackendONNX or BackendTEI
	Status  int    // HTTP status of the server's answer; 0 where there was none
	Err     error
}

func (e *BackendError) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("%s backend answered %d: %v", e.Backend, e.Status, e.Err)
	}
	return fmt.Sprintf("%s backend failed: %v", e.Backend, e.Err)
}

func (e *BackendError) Unwrap() error { return e.Err }
