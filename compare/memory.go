package compare

import (
	"bytes"
	"errors"
	"net/http"
)

// maxAnswer bounds an answer that the page reads, in bytes.
const maxAnswer = 32 << 20

var errTooLarge = errors.New("the answer is too large for this page")

// memory is a response writer that keeps the answer.
type memory struct {
	header http.Header
	status int
	body   bytes.Buffer
	limit  int
	full   bool // the answer was larger
}

func (m *memory) Header() http.Header { return m.header }

func (m *memory) WriteHeader(status int) {
	if m.status == 0 && status >= 200 {
		m.status = status
	}
}

func (m *memory) Write(b []byte) (int, error) {
	m.WriteHeader(http.StatusOK)
	if m.body.Len()+len(b) > m.limit {
		m.full = true
		return 0, errTooLarge
	}
	return m.body.Write(b)
}
