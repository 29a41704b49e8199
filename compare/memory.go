package compare

import (
	"bytes"
	"errors"
	"net/http"
	"strconv"
	"strings"
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
		return 0, errTooLarge
	}
	return m.body.Write(b)
}

// timing is one entry of Server-Timing, in milliseconds.
type timing struct {
	Name string
	MS   float64
}

func readTiming(values []string) []timing {
	var out []timing
	for _, v := range values {
		for entry := range strings.SplitSeq(v, ",") {
			name, parameter, _ := strings.Cut(strings.TrimSpace(entry), ";")
			ms, err := strconv.ParseFloat(strings.TrimPrefix(strings.TrimSpace(parameter), "dur="), 64)
			if err == nil {
				out = append(out, timing{name, ms})
			}
		}
	}
	return out
}
