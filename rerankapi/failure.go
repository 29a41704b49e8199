package rerankapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/resift/resift/reranker"
)

// kind is what went wrong, apart from how an API tells it.
type kind int

const (
	kindInvalid    kind = iota // the request says something wrong
	kindEmpty                  // it has no texts, or no query
	kindTooMany                // it has more texts than one call may have
	kindTooLong                // a text is longer than the model reads, and may not be cut
	kindTooLarge               // the body is
	kindSlow                   // the body did not come in time
	kindToken                  // the token is missing or wrong
	kindNotFound               // no such path
	kindMethod                 // not by this method
	kindEncoding               // a compressed body
	kindOverloaded             // too much to do
	kindDeadline               // not scored in time
	kindModel                  // the model failed
	kindUnhealthy              // the model does not work
	kindGone                   // the client left
	kindInternal
)

// failure is an error for the client. Its text holds nothing of the request but names of fields.
type failure struct {
	kind kind
	text string
}

func (f *failure) Error() string { return f.text }

func fail(k kind, format string, args ...any) *failure {
	return &failure{k, fmt.Sprintf(format, args...)}
}

var (
	errNotFound   = &failure{kindNotFound, "no such path; there are POST /rerank, /v1/rerank and /v2/rerank, GET /info and /health"}
	errMethod     = &failure{kindMethod, "this path does not take this method"}
	errToken      = &failure{kindToken, "invalid or missing bearer token"}
	errEncoding   = &failure{kindEncoding, "a compressed body is not read"}
	errTooLarge   = &failure{kindTooLarge, "the request body is too large"}
	errSlow       = &failure{kindSlow, "the request body did not arrive in time"}
	errBroken     = &failure{kindInvalid, "the request body could not be read"}
	errOverloaded = &failure{kindOverloaded, "model is overloaded"}
	errDeadline   = &failure{kindDeadline, "the texts could not be scored in time"}
	errModel      = &failure{kindModel, "inference failed"}
	errGone       = &failure{kindGone, "the client closed the request"} // for the record: nobody reads it
	errInternal   = &failure{kindInternal, "internal error"}
)

// failureOf is what a client may know of an error below this package.
func failureOf(err error) *failure {
	switch {
	case errors.Is(err, reranker.ErrOverloaded):
		return errOverloaded
	case errors.Is(err, context.DeadlineExceeded):
		return errDeadline
	}
	return errModel
}

// shape is how an API tells errors.
type shape int

const (
	shapeDocuments shape = iota // Cohere's, Jina's and vLLM's members in one object
	shapeTEI
)

// verdict is a kind in both shapes.
type verdict struct {
	tei     int    // status
	teiType string // error_type
	status  int
	class   string // error.type, as vLLM and OpenAI name them
}

// verdicts: TEI's are those of its router (router/src/lib.rs, router/src/http/server.rs).
func verdicts(k kind) verdict {
	switch k {
	case kindInvalid:
		return verdict{http.StatusUnprocessableEntity, "Validation", http.StatusBadRequest, "BadRequestError"}
	case kindEmpty:
		return verdict{http.StatusBadRequest, "Empty", http.StatusBadRequest, "BadRequestError"}
	case kindTooMany:
		return verdict{http.StatusRequestEntityTooLarge, "Validation", http.StatusBadRequest, "BadRequestError"}
	case kindTooLong:
		return verdict{http.StatusRequestEntityTooLarge, "Validation", http.StatusBadRequest, "BadRequestError"}
	case kindTooLarge:
		return verdict{http.StatusRequestEntityTooLarge, "Validation", http.StatusRequestEntityTooLarge, "BadRequestError"}
	case kindSlow:
		return verdict{http.StatusRequestTimeout, "Validation", http.StatusRequestTimeout, "BadRequestError"}
	case kindToken:
		return verdict{http.StatusUnauthorized, "Validation", http.StatusUnauthorized, "AuthenticationError"}
	case kindNotFound:
		return verdict{http.StatusNotFound, "Validation", http.StatusNotFound, "NotFoundError"}
	case kindMethod:
		return verdict{http.StatusMethodNotAllowed, "Validation", http.StatusMethodNotAllowed, "BadRequestError"}
	case kindEncoding:
		return verdict{http.StatusUnsupportedMediaType, "Validation", http.StatusUnsupportedMediaType, "BadRequestError"}
	case kindOverloaded:
		return verdict{http.StatusTooManyRequests, "Overloaded", http.StatusTooManyRequests, "RateLimitError"}
	case kindDeadline:
		return verdict{http.StatusGatewayTimeout, "Backend", http.StatusGatewayTimeout, "TimeoutError"}
	case kindModel:
		return verdict{http.StatusFailedDependency, "Backend", http.StatusServiceUnavailable, "ServiceUnavailableError"}
	case kindUnhealthy:
		return verdict{http.StatusServiceUnavailable, "Unhealthy", http.StatusServiceUnavailable, "ServiceUnavailableError"}
	case kindGone:
		return verdict{statusGone, "Backend", statusGone, "BadRequestError"}
	}
	return verdict{http.StatusInternalServerError, "Backend", http.StatusInternalServerError, "InternalServerError"}
}

// statusGone is nginx's and Cohere's code for a client that left.
const statusGone = 499

// retrySeconds is when a refused client may come again: a queue on a CPU is through in about a second.
const retrySeconds = "1"

// teiError is TEI's.
type teiError struct {
	Error string `json:"error"`
	Type  string `json:"error_type"`
}

// documentsError holds what clients of Cohere (message), Jina (detail) and vLLM (error) look for.
type documentsError struct {
	ID      string `json:"id"`
	Message string `json:"message"`
	Detail  string `json:"detail"`
	Error   struct {
		Message string  `json:"message"`
		Type    string  `json:"type"`
		Param   *string `json:"param"`
		Code    int     `json:"code"`
	} `json:"error"`
}

// fail answers with f, unless an answer has begun.
func (c *call) fail(f *failure) {
	if c.status != 0 {
		return
	}
	v := verdicts(f.kind)
	switch f.kind {
	case kindOverloaded:
		c.w.Header().Set("Retry-After", retrySeconds)
	case kindTooLarge, kindSlow, kindEncoding:
		c.w.Header().Set("Connection", "close") // the rest of the body may still be on its way
	}
	if c.shape == shapeTEI {
		c.answer(v.tei, teiError{f.text, v.teiType})
		return
	}
	e := documentsError{ID: c.id, Message: f.text, Detail: f.text}
	e.Error.Message, e.Error.Type, e.Error.Code = f.text, v.class, v.status
	c.answer(v.status, e)
}
