package proxy

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"time"

	"github.com/resift/resift/proxy/wire"
)

// Limits bound what one handler holds in memory and for how long. The zero value of each field is its default.
type Limits struct {
	// Body is the largest body of a search that is planned, in bytes. A larger one is forwarded as a stream and not
	// re-ranked. Default 10 MiB.
	Body int64
	// BodyTime bounds the time a client may take to send the body of a search. Default 60 s.
	BodyTime time.Duration
	// StallTime bounds each wait for more of another request's body, and for the client to take more of an answer. Default 2 min.
	StallTime time.Duration
	// Searches is how many searches may be in the re-ranking pipeline at once; one more is answered by the engine alone,
	// status fallback, reason overloaded. Those of a multi-search count each, and one of more than that is left alone. Default 1024.
	Searches int
	// WindowsPerHit is how many windows of one long text are scored (LongTextMax); what follows is not read. Default 32.
	WindowsPerHit int
}

const defaultStall = 2 * time.Minute

func (l Limits) withDefaults() Limits {
	if l.Body == 0 {
		l.Body = 10 << 20
	}
	if l.BodyTime == 0 {
		l.BodyTime = time.Minute
	}
	if l.StallTime == 0 {
		l.StallTime = defaultStall
	}
	if l.Searches == 0 {
		l.Searches = 1024
	}
	if l.WindowsPerHit == 0 {
		l.WindowsPerHit = 32
	}
	return l
}

// smallBody is the size in bytes up to which a body is read before the engine is contacted. Streaming a POST while the engine
// answers broke off 0.16 % of answers under load (net/http, Go 1.26); read first, none.
const smallBody = 256 << 10

// ServerOptions bound what a client may do to the listener. The zero value of each field is its default.
type ServerOptions struct {
	HeaderTime  time.Duration // to send the header of a request; default 10 s
	HeaderBytes int           // size of that header; default 64 KiB
	IdleTime    time.Duration // between two requests on a connection; default 2 min
	StallTime   time.Duration // in which an HTTP/2 connection takes anything at all; default 2 min
	TLS         *tls.Config   // nil: plain HTTP
}

// Guard returns l with the requests on its connections checked byte by byte, to be served by NewServer's server.
func Guard(l net.Listener, o ServerOptions) net.Listener {
	o = o.withDefaults()
	return wire.New(l, wire.Options{HeaderBytes: o.HeaderBytes, HeaderTime: o.HeaderTime, TLS: o.TLS})
}

// NewServer returns a server for h, to be run with Serve on a listener of Guard, over TLS too. It sets no time limit on a
// whole request or answer: a scroll or a bulk may stream for long. Shutdown drains it.
func NewServer(h http.Handler, o ServerOptions) *http.Server {
	o = o.withDefaults()
	return &http.Server{
		Handler:                      h,
		ConnContext:                  wire.Context,
		ReadHeaderTimeout:            o.HeaderTime,
		MaxHeaderBytes:               o.HeaderBytes,
		IdleTimeout:                  o.IdleTime,
		HTTP2:                        &http.HTTP2Config{WriteByteTimeout: o.StallTime},
		DisableGeneralOptionsHandler: true, // OPTIONS * is the engine's to answer
	}
}

func (o ServerOptions) withDefaults() ServerOptions {
	if o.HeaderTime == 0 {
		o.HeaderTime = 10 * time.Second
	}
	if o.HeaderBytes == 0 {
		o.HeaderBytes = 64 << 10
	}
	if o.IdleTime == 0 {
		o.IdleTime = 2 * time.Minute
	}
	if o.StallTime == 0 {
		o.StallTime = defaultStall
	}
	return o
}

// errBodyTooLarge tells that a body is larger than asked for; what was read of it is returned all the same.
var errBodyTooLarge = errors.New("request body is too large")

// readBody reads a body of at most limit bytes. For a larger one it returns errBodyTooLarge and, where reading had begun,
// the beginning of the body, more than limit bytes.
func readBody(r *http.Request, limit int64) ([]byte, error) {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil, nil
	}
	if r.ContentLength > limit {
		return nil, errBodyTooLarge
	}
	if n := r.ContentLength; n > 0 {
		// The length is a promise that costs the client nothing: memory grows with what arrives.
		var b bytes.Buffer
		b.Grow(int(min(n, smallBody)))
		_, err := io.Copy(&b, r.Body)
		return b.Bytes(), err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if err == nil && int64(len(body)) > limit {
		err = errBodyTooLarge
	}
	return body, err
}

// startedBody is a body whose beginning was read.
type startedBody struct {
	io.Reader
	io.Closer
}

func resume(beginning []byte, rest io.ReadCloser) io.ReadCloser {
	if len(beginning) == 0 {
		return rest
	}
	return startedBody{io.MultiReader(bytes.NewReader(beginning), rest), rest}
}
