package proxy

import (
	"io"
	"net/http"
	"sync"
	"time"
)

// pace is the most that is written under one deadline, in bytes.
const pace = 64 << 10

// pacedWriter gives the client a time to take each piece of an answer. A stream may last as long as it likes; who stops reading holds
// no goroutine for ever.
type pacedWriter struct {
	http.ResponseWriter
	control *http.ResponseController
	stall   time.Duration
	// loose: HTTP/2 ends a stream at its deadline though nothing waits to be written, so none may stand between writes.
	loose bool
}

func newPacedWriter(w http.ResponseWriter, r *http.Request, stall time.Duration) *pacedWriter {
	return &pacedWriter{ResponseWriter: w, control: http.NewResponseController(w), stall: stall, loose: r.ProtoMajor > 1}
}

// Unwrap is for http.ResponseController.
func (w *pacedWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

func (w *pacedWriter) Write(p []byte) (n int, err error) {
	for {
		w.begin()
		m, err := w.ResponseWriter.Write(p[n:min(n+pace, len(p))])
		w.end()
		if n += m; err != nil || n == len(p) {
			return n, err
		}
	}
}

// FlushError is for http.ResponseController.
func (w *pacedWriter) FlushError() error {
	w.begin()
	defer w.end()
	return w.control.Flush()
}

// begin sets the deadline of what is written next. A server that knows none writes without.
func (w *pacedWriter) begin() { _ = w.control.SetWriteDeadline(time.Now().Add(w.stall)) }

func (w *pacedWriter) end() {
	if w.loose {
		_ = w.control.SetWriteDeadline(time.Time{})
	}
}

// pacedBody gives the client a time to send each piece of a body. It may be read, by the engine's transport, when the handler has returned:
// from Close on the connection's deadline is the server's again.
type pacedBody struct {
	io.ReadCloser
	control *http.ResponseController
	stall   time.Duration

	mu     sync.Mutex
	closed bool
}

func newPacedBody(w http.ResponseWriter, r *http.Request, stall time.Duration) *pacedBody {
	return &pacedBody{ReadCloser: r.Body, control: http.NewResponseController(w), stall: stall}
}

func (b *pacedBody) Read(p []byte) (int, error) {
	b.deadline(time.Now().Add(b.stall))
	n, err := b.ReadCloser.Read(p)
	if err == nil { // at its end the server has set its own; after a failure it reads on in what is left, and that must end too
		b.deadline(time.Time{})
	}
	return n, err
}

func (b *pacedBody) deadline(t time.Time) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.closed {
		_ = b.control.SetReadDeadline(t)
	}
}

func (b *pacedBody) Close() error {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	return b.ReadCloser.Close()
}
