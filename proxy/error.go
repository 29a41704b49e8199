package proxy

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/resift/resift/proxy/wire"
)

// failure is an error of ours in the shape of an engine's: clients read it with the code they have.
type failure struct {
	status int
	kind   string // error.type
	reason string // generic: what the log says in detail is not for the client
}

var (
	failUnreachable = failure{http.StatusBadGateway, "engine_unreachable_exception", "the engine gave no answer"}
	failTimeout     = failure{http.StatusGatewayTimeout, "engine_timeout_exception", "the engine did not answer in time"}
	failReranking   = failure{http.StatusServiceUnavailable, "rerank_failed_exception", "the search could not be re-ranked"}
	failMethod      = failure{http.StatusMethodNotAllowed, "method_not_allowed_exception", "this method is not forwarded"}
	failUpgrade     = failure{http.StatusBadRequest, "illegal_argument_exception", "a change of protocol is not forwarded"}
	failConnection  = failure{http.StatusBadRequest, "illegal_argument_exception", "Connection may not name a field that is meant for the engine"}
	failUnderscore  = failure{http.StatusBadRequest, "illegal_argument_exception", "the name of a header field holds an underscore, which some programs read as a hyphen"}
	failBody        = failure{http.StatusBadRequest, "illegal_argument_exception", "the request body could not be read"}
	failBodyTime    = failure{http.StatusRequestTimeout, "timeout_exception", "the request body did not arrive in time"}
)

// failWire is the answer to a request that breaks the grammar of HTTP.
func failWire(v wire.Violation) failure {
	kind := "illegal_argument_exception"
	switch v.Status {
	case http.StatusRequestHeaderFieldsTooLarge:
		kind = "too_long_http_header_exception"
	case http.StatusRequestTimeout:
		kind = "timeout_exception"
	}
	return failure{v.Status, kind, v.Reason}
}

type errorCause struct {
	Type     string      `json:"type"`
	Reason   string      `json:"reason"`
	CausedBy *errorCause `json:"caused_by,omitempty"`
}

type errorBody struct {
	Error struct {
		RootCause []errorCause `json:"root_cause"`
		errorCause
	} `json:"error"`
	Status int `json:"status"`
}

// write answers with f; id, if not empty, lets an operator find the log's lines about it.
func (f failure) write(w http.ResponseWriter, id string) {
	writeError(w, f.status, f.cause(id))
}

// body is f as it stands in place of one search's answer.
func (f failure) body(id string) []byte { return errorJSON(f.status, f.cause(id)) }

func (f failure) cause(id string) errorCause {
	if id != "" {
		f.reason += " [request " + id + "]"
	}
	return errorCause{Type: f.kind, Reason: f.reason}
}

// writeError answers with an error.
func writeError(w http.ResponseWriter, status int, e errorCause) {
	body := errorJSON(status, e)
	h := w.Header()
	h.Set("Content-Type", "application/json; charset=UTF-8")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(status)
	w.Write(body)
}

// errorJSON is an error in the engines' shape; the root cause that they tell beside it is the error itself, without what led
// to it.
func errorJSON(status int, e errorCause) []byte {
	var b errorBody
	b.Error.errorCause = e
	b.Error.RootCause = []errorCause{{Type: e.Type, Reason: e.Reason}}
	b.Status = status
	body, _ := json.Marshal(b) // strings and an int: cannot fail
	return body
}
