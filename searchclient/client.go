package searchclient

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/elastic/go-elasticsearch/v8/esapi"

	"github.com/resift/resift/searchclient/coding"
)

// Client sends requests to the nodes of one engine. It is safe for concurrent use. It follows no redirect, uses no proxy of
// the environment, and asks for no compression of its own.
type Client struct {
	nodes     nodes
	http      *http.Transport
	patience  patience
	maxAnswer int64
	coder     coding.Coder
}

// The requests of go-elasticsearch's esapi can be sent through a Client. Its own client cannot be used: it refuses answers
// without Elasticsearch's product header, which OpenSearch does not send, and removes or adds headers.
var _ esapi.Transport = (*Client)(nil)

// New makes a Client. It connects to nothing yet.
func New(o Options) (*Client, error) {
	urls, err := parseURLs(o.URLs)
	if err != nil {
		return nil, err
	}
	o = o.withDefaults()
	c := &Client{http: newHTTP(o), patience: patience{header: o.HeaderTimeout, stall: o.StallTimeout}, maxAnswer: o.MaxAnswer}
	for i, u := range urls {
		n, err := newNode(u, &wire{c.http})
		if err != nil {
			return nil, fmt.Errorf("engine URL %d: %w", i+1, err)
		}
		c.nodes.list = append(c.nodes.list, n)
	}
	return c, nil
}

// newHTTP speaks HTTP/1.1 alone: a search that is cancelled then closes its connection, which is what makes the engines
// stop working on it.
func newHTTP(o Options) *http.Transport {
	var protocols http.Protocols
	protocols.SetHTTP1(true)
	dialer := &net.Dialer{Timeout: o.DialTimeout, KeepAlive: 30 * time.Second}
	return &http.Transport{
		DialContext:            paced(dialer.DialContext, o.StallTimeout),
		TLSClientConfig:        o.TLS.Clone(),
		TLSHandshakeTimeout:    o.DialTimeout,
		Protocols:              &protocols,
		DisableCompression:     true,
		MaxIdleConnsPerHost:    o.IdlePerHost,
		IdleConnTimeout:        50 * time.Second, // below the 60 s at which load balancers commonly close
		ResponseHeaderTimeout:  o.HeaderTimeout,
		MaxResponseHeaderBytes: 1 << 20,
		ReadBufferSize:         32 << 10,
		WriteBufferSize:        16 << 10,
	}
}

// Close closes the connections that are idle. Requests under way go on.
func (c *Client) Close() error {
	c.http.CloseIdleConnections()
	return nil
}

// RoundTrip sends the request to a node, whatever host its URL has, and returns the answer as it comes, redirects and errors
// included. Path, query string and headers go out as they stand in req. A request is sent once, unless WithRepeat allows more: if it
// fails, it is not tried elsewhere. (net/http itself sends a GET or HEAD without a body again if a kept connection turns out to have
// been closed by the engine.)
func (c *Client) RoundTrip(req *http.Request) (*http.Response, error) {
	n := c.nodes.next(nil)
	if req.Context().Value(repeatKey{}) == nil || req.GetBody == nil {
		return c.send(req, n)
	}
	var on connection
	res, err := c.send(req.WithContext(on.watch(req.Context())), n)
	if err == nil || !on.kept.Load() || !on.again(req.Context(), err) {
		return res, err
	}
	repeated := *req
	if repeated.Body, err = req.GetBody(); err != nil {
		return nil, fmt.Errorf("read the request's body again: %w", err)
	}
	c.http.CloseIdleConnections()
	return c.send(&repeated, c.nodes.next(n))
}

type repeatKey struct{}

// WithRepeat lets RoundTrip send a request of the returned context that has a GetBody once more, if a kept connection fails it: the
// engine had closed that, or has left something else on it than the answer. It is for what changes nothing, such as a search.
func WithRepeat(ctx context.Context) context.Context {
	return context.WithValue(ctx, repeatKey{}, true)
}

// connection is what is seen of the connection on which a request is sent.
type connection struct {
	kept     atomic.Bool // another request had it before
	answered atomic.Bool // a byte came back
}

// watch returns the context of the request to watch.
func (o *connection) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn:              func(i httptrace.GotConnInfo) { o.kept.Store(i.Reused) },
		GotFirstResponseByte: func() { o.answered.Store(true) },
	})
}

// again tells whether the request of ctx, which failed with err, may do better on another connection. The engine has not begun to
// answer it: on a kept connection, what came may be left over from the request before.
func (o *connection) again(ctx context.Context, err error) bool {
	return (o.kept.Load() || !o.answered.Load()) && ctx.Err() == nil && !tooSlow(err)
}

// Perform is RoundTrip under the name that esapi.Transport wants.
func (c *Client) Perform(req *http.Request) (*http.Response, error) { return c.RoundTrip(req) }

func (c *Client) send(req *http.Request, n *node) (*http.Response, error) {
	res, err := c.patience.send(req, func(req *http.Request) (*http.Response, error) { return n.transport.Perform(outgoing(req, n)) })
	switch {
	case err == nil:
		n.reached()
	case refused(err) && req.Context().Err() == nil:
		n.refused()
	}
	return res, err
}

// refused tells whether no connection could be made.
func refused(err error) bool {
	var op *net.OpError
	return errors.As(err, &op) && op.Op == "dial"
}

// outgoing is req for a node. elastictransport fills in scheme and host.
func outgoing(req *http.Request, n *node) *http.Request {
	out := req.WithContext(context.WithValue(req.Context(), agentKey{}, req.Header["User-Agent"]))
	out.Host = ""     // the node's
	out.GetBody = nil // what is repeated, and how often, is not net/http's to say
	out.URL = target(n.prefix, req.URL)
	out.Header = req.Header.Clone()
	if out.Header == nil {
		out.Header = http.Header{}
	}
	return out
}

// target is the URL that goes on the request line: prefix, path and query to the byte. url.URL would escape a path again
// that it does not find well escaped; what stands in Opaque it leaves alone, unless that begins with two slashes.
func target(prefix string, u *url.URL) *url.URL {
	path := u.EscapedPath()
	if raw, err := url.PathUnescape(u.RawPath); u.RawPath != "" && err == nil && raw == u.Path {
		path = u.RawPath
	}
	if path == "" {
		path = "/"
	}
	t := &url.URL{RawQuery: u.RawQuery, ForceQuery: u.ForceQuery}
	if strings.HasPrefix(prefix+path, "//") {
		t.Path, t.RawPath = u.Path, path
	} else {
		t.Opaque = prefix + path
	}
	return t
}

type agentKey struct{}

// wire is the bottom of a node's elastictransport. It undoes what that does to a request: it puts a User-Agent of its own in
// place of the caller's. No User-Agent at all stays none: net/http leaves it out where the key has no value.
type wire struct{ http *http.Transport }

func (w *wire) RoundTrip(req *http.Request) (*http.Response, error) {
	req.Header["User-Agent"], _ = req.Context().Value(agentKey{}).([]string)
	return w.http.RoundTrip(req)
}
