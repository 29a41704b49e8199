package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"sync/atomic"
	"time"
)

// conn is a connection whose requests are checked. As of every net.Conn that net/http serves, there is one reader at a time, and
// SetReadDeadline may come from another goroutine.
type conn struct {
	net.Conn
	scanner  scanner
	headTime time.Duration

	ready []byte // sound, and not yet handed on
	held  []byte // the beginning of a head
	end   error  // what Read returns from now on, after ready

	broken atomic.Pointer[Violation] // what the client did wrong; nothing after it is read

	mu      sync.Mutex
	server  time.Time // the read deadline that the server wants
	holding time.Time // when the held head must be whole; zero: none is held
}

// Read hands on what is sound. Bytes that arrive as a whole head or body stay where the caller wants them; only the
// beginning of a head is held back.
func (c *conn) Read(p []byte) (int, error) {
	for {
		switch {
		case len(p) == 0:
			return 0, nil
		case len(c.ready) > 0:
			n := copy(p, c.ready)
			c.ready = c.ready[n:]
			return n, nil
		case c.end != nil:
			return 0, c.end
		case len(c.held) > 0:
			if err := c.readHeld(); err != nil {
				return 0, err
			}
			continue
		}
		n, err := c.Conn.Read(p)
		if err != nil && errors.Is(err, os.ErrDeadlineExceeded) && c.scanner.part != inHead && c.late() {
			c.broken.Store(bodyTooSlow)
		}
		sound, stand := c.check(p[:n])
		c.ready = stand
		if sound < n && c.end == nil {
			c.held = append(c.held[:0], p[sound:n]...)
			c.hold(time.Now().Add(c.headTime))
		}
		if sound > 0 || err != nil {
			return sound, err
		}
	}
}

// readHeld reads more of a head, and what comes with it.
func (c *conn) readHeld() error {
	const step = 4 << 10
	if cap(c.held)-len(c.held) < step/4 {
		c.held = append(make([]byte, 0, 2*len(c.held)+step), c.held...)
	}
	n, err := c.Conn.Read(c.held[len(c.held):cap(c.held)])
	c.held = c.held[:len(c.held)+n]
	switch {
	case n > 0:
		sound, stand := c.check(c.held)
		c.ready, c.held = append(c.held[:sound:sound], stand...), c.held[sound:]
		switch {
		case len(c.held) == 0 || c.end != nil:
			c.letGo()
		case sound > 0: // another head
			c.hold(time.Now().Add(c.headTime))
		}
		return nil
	case errors.Is(err, os.ErrDeadlineExceeded) && c.late():
		c.ready = c.refuse(headTooSlow)
		c.letGo()
		return nil
	}
	return err
}

// check scans buf and sets the end where it is not sound. stand is what the server is to read after the sound bytes.
func (c *conn) check(buf []byte) (sound int, stand []byte) {
	sound, v, headed := c.scanner.scan(buf)
	switch {
	case v == nil:
	case headed:
		stand = c.refuse(v)
	default:
		c.end = v
		c.broken.Store(v)
	}
	return sound, stand
}

// refuse ends what the server reads with a request that stands for the one refused.
func (c *conn) refuse(v *Violation) (stand []byte) {
	c.end = io.EOF
	c.broken.Store(v)
	return v.stand()
}

func (c *conn) letGo() {
	c.held = nil
	c.hold(time.Time{})
}

// hold sets the time by which the held head must be whole.
func (c *conn) hold(by time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.holding = by
	c.setDeadline()
}

func (c *conn) setDeadline() error {
	t := c.server
	if !c.holding.IsZero() && (t.IsZero() || c.holding.Before(t)) {
		t = c.holding
	}
	return c.Conn.SetReadDeadline(t)
}

// SetReadDeadline sets the server's deadline; a held head has its own beside it.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.server = t
	return c.setDeadline()
}

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.Conn.SetWriteDeadline(t))
}

// late tells whether a passed deadline is the client's fault. net/http also sets one in 1970 to end a read of its own.
func (c *conn) late() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.server.IsZero() || c.server.Unix() > 1
}

// CloseWrite ends the answers, so that the client can read them before the connection goes.
func (c *conn) CloseWrite() error {
	if half, ok := c.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}

const (
	lingerTime  = 500 * time.Millisecond
	lingerBytes = 256 << 10
)

// Close closes the connection. Where a request was refused there may be bytes that nobody will read; a close would turn them into
// a reset, which can overtake the answer.
func (c *conn) Close() error {
	if c.broken.Load() != nil && c.CloseWrite() == nil && c.Conn.SetReadDeadline(time.Now().Add(lingerTime)) == nil {
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
	}
	return c.Conn.Close()
}

// secureConn shows net/http that HTTP/1.1 came over TLS.
type secureConn struct {
	*conn
	tls *tls.Conn
}

func (c secureConn) ConnectionState() tls.ConnectionState { return c.tls.ConnectionState() }

func (c *conn) violation() *Violation { return c.broken.Load() }

type connKey struct{}

// Context is the ConnContext of a server behind a Listener; Broken needs it.
func Context(ctx context.Context, c net.Conn) context.Context {
	if guarded, ok := c.(interface{ violation() *Violation }); ok {
		return context.WithValue(ctx, connKey{}, guarded)
	}
	return ctx
}

// Broken returns what is wrong with the body of the request whose context this is, nil if nothing is so far. The server ends that
// context with the read that fails, as if the client had gone; this tells the two apart.
func Broken(ctx context.Context) *Violation {
	if guarded, ok := ctx.Value(connKey{}).(interface{ violation() *Violation }); ok {
		return guarded.violation()
	}
	return nil
}
