package wire

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"sync"
	"time"
)

// Options bound what a Listener takes. HeaderBytes and HeaderTime are needed.
type Options struct {
	HeaderBytes int           // of a request's head
	HeaderTime  time.Duration // until a head that has begun, or a TLS handshake, must be complete
	TLS         *tls.Config   // nil: plain
}

// Listener accepts connections whose HTTP/1.x requests are checked. It is to be served by http.Server.Serve, with TLS too:
// connections that agreed on "h2" come as *tls.Conn, which that server recognises.
type Listener struct {
	net.Listener
	o Options

	// With TLS, handshakes run beside one another, and what is through them waits here.
	ctx    context.Context
	cancel context.CancelFunc
	conns  chan net.Conn
	failed chan error
	all    sync.WaitGroup
}

// New guards l.
func New(l net.Listener, o Options) *Listener {
	g := &Listener{Listener: l, o: o}
	if o.TLS != nil {
		g.ctx, g.cancel = context.WithCancel(context.Background())
		g.conns, g.failed = make(chan net.Conn), make(chan error)
		g.all.Go(g.acceptTLS)
	}
	return g
}

// Accept waits for a connection; with TLS, for one that is through its handshake.
func (g *Listener) Accept() (net.Conn, error) {
	if g.o.TLS == nil {
		c, err := g.Listener.Accept()
		if err != nil {
			return nil, err
		}
		return g.guard(c), nil
	}
	select {
	case c := <-g.conns:
		return c, nil
	case err := <-g.failed:
		return nil, err
	case <-g.ctx.Done():
		return nil, net.ErrClosed
	}
}

// Close ends accepting, and the handshakes under way.
func (g *Listener) Close() error {
	err := g.Listener.Close()
	if g.o.TLS != nil {
		g.cancel()
		g.all.Wait()
	}
	return err
}

func (g *Listener) guard(c net.Conn) *conn {
	return &conn{Conn: c, scanner: scanner{limit: g.o.HeaderBytes}, headTime: g.o.HeaderTime}
}

func (g *Listener) acceptTLS() {
	for {
		c, err := g.Listener.Accept()
		switch {
		case err == nil:
			g.all.Go(func() { g.handshake(tls.Server(c, g.o.TLS)) })
			continue
		case errors.Is(err, net.ErrClosed):
			return
		}
		select { // the server decides: it waits and calls Accept again where the error may pass
		case g.failed <- err:
		case <-g.ctx.Done():
			return
		}
	}
}

func (g *Listener) handshake(c *tls.Conn) {
	ctx, cancel := context.WithTimeout(g.ctx, g.o.HeaderTime)
	defer cancel()
	if err := c.HandshakeContext(ctx); err != nil {
		var plain tls.RecordHeaderError
		if errors.As(err, &plain) && plain.Conn != nil { // no TLS at all: who looks for the fault sees text, not an alert
			_ = plain.Conn.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\nContent-Type: text/plain\r\n\r\nthis port speaks HTTPS\n")
		}
		c.Close() // others were told why by an alert
		return
	}
	var ready net.Conn = c
	if c.ConnectionState().NegotiatedProtocol != "h2" {
		ready = secureConn{g.guard(c), c}
	}
	select {
	case g.conns <- ready:
	case <-g.ctx.Done():
		c.Close()
	}
}
