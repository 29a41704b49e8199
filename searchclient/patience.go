package searchclient

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync"
	"time"
)

// errLate ends what an engine was too slow for. It counts as a timeout.
var errLate error = late{}

type late struct{}

func (late) Error() string   { return "the engine did not go on in time" }
func (late) Timeout() bool   { return true }
func (late) Temporary() bool { return false }

// IsTimeout tells of an error of Search or RoundTrip, or of reading an answer, whether the engine was reached and then too slow.
func IsTimeout(err error) bool { return tooSlow(err) }

type budgetKey struct{}

// budget is the time that several requests have together until the answer of each begins.
type budget struct {
	mu sync.Mutex
	by time.Time // zero until the first of them is sent
}

// WithBudget makes all requests that are sent with the returned context share one Options.HeaderTimeout: from when the first is sent
// until the answer of the last begins. So an engine that is silent costs its caller that time once, however often it is asked.
func WithBudget(ctx context.Context) context.Context {
	return context.WithValue(ctx, budgetKey{}, new(budget))
}

func (b *budget) until(timeout time.Duration) time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by.IsZero() {
		b.by = time.Now().Add(timeout)
	}
	return b.by
}

// patience is how long an engine is waited for.
type patience struct{ header, stall time.Duration }

// send sends req within its budget, and has the answer's body end in an error where it stalls.
func (p patience) send(req *http.Request, do func(*http.Request) (*http.Response, error)) (*http.Response, error) {
	b, _ := req.Context().Value(budgetKey{}).(*budget)
	if p.header == 0 {
		b = nil
	}
	ctx, cancel := context.WithCancelCause(req.Context())
	inTime := func() bool { return true }
	if b != nil {
		inTime = time.AfterFunc(time.Until(b.until(p.header)), func() { cancel(errLate) }).Stop
	}
	res, err := do(req.WithContext(ctx))
	if !inTime() && err == nil {
		res.Body.Close()
		err = errLate
	}
	if err != nil {
		if errors.Is(context.Cause(ctx), errLate) {
			err = errLate
		}
		cancel(nil)
		return nil, quietError{err}
	}
	res.Body = newPatientBody(res.Body, p.stall, cancel, ctx)
	return res, nil
}

// patientBody is an answer's body whose every read has its time. Time that its reader spends elsewhere does not count.
type patientBody struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	stall  time.Duration
	timer  *time.Timer // nil for no bound
}

func newPatientBody(body io.ReadCloser, stall time.Duration, cancel context.CancelCauseFunc, ctx context.Context) *patientBody {
	b := &patientBody{ReadCloser: body, ctx: ctx, cancel: cancel, stall: stall}
	if stall > 0 {
		b.timer = time.AfterFunc(stall, func() { cancel(errLate) })
		b.timer.Stop()
	}
	return b
}

func (b *patientBody) Read(p []byte) (int, error) {
	if b.timer != nil {
		b.timer.Reset(b.stall)
		defer b.timer.Stop()
	}
	n, err := b.ReadCloser.Read(p)
	switch {
	case err == nil || err == io.EOF:
		return n, err
	case errors.Is(context.Cause(b.ctx), errLate):
		return n, fmt.Errorf("%w: %w", errLate, err)
	}
	return n, quietError{err}
}

func (b *patientBody) Close() error {
	err := b.ReadCloser.Close()
	b.cancel(nil)
	return err
}

type dial = func(ctx context.Context, network, address string) (net.Conn, error)

// paced makes connections on which a write that the peer does not take ends within stall.
func paced(d dial, stall time.Duration) dial {
	if stall == 0 {
		return d
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := d(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &pacedConn{c, stall}, nil
	}
}

type pacedConn struct {
	net.Conn
	stall time.Duration
}

// pace is the most that is written under one deadline, in bytes.
const pace = 64 << 10

func (c *pacedConn) Write(p []byte) (n int, err error) {
	for {
		if err := c.SetWriteDeadline(time.Now().Add(c.stall)); err != nil {
			return n, err
		}
		m, err := c.Conn.Write(p[n:min(n+pace, len(p))])
		if n += m; err != nil || n == len(p) {
			return n, err
		}
	}
}
