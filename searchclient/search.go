package searchclient

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"

	"github.com/resift/resift/searchclient/coding"
)

// SearchRequest is a search for the engine, to be sent as it stands.
type SearchRequest struct {
	Method   string
	Path     string // escaped
	RawQuery string
	Header   http.Header // not changed; end-to-end fields only
	Body     []byte      // nil for none
}

// SearchResponse is an engine's answer, read whole.
type SearchResponse struct {
	StatusCode int
	Header     http.Header
	// Coding is how the engine had a success coded that is decoded here, and whose Header no longer says so; coding.Identity for
	// everything else, which is as it came.
	Coding string
	Body   []byte
}

// ErrTooLarge is what the error of Search wraps when the answer has more bytes than Options.MaxAnswer.
var ErrTooLarge = errors.New("answer too large")

// Search sends a search and reads the whole answer, whatever its status. It tries once more, on another node if there is one,
// if the connection failed before any byte of an answer, or had been kept and gave no answer. It is an error if the answer is cut
// off or longer than Options.MaxAnswer (ErrTooLarge), coded or decoded, or if ctx ends first; then the connection is closed, so that
// the engine can stop too.
func (c *Client) Search(ctx context.Context, r *SearchRequest) (*SearchResponse, error) {
	n := c.nodes.next(nil)
	res, again, err := c.attempt(ctx, r, n)
	if again {
		if !refused(err) { // what broke one kept connection (a restart, a firewall) has likely broken the others
			c.http.CloseIdleConnections()
		}
		res, _, err = c.attempt(ctx, r, c.nodes.next(n))
	}
	if err != nil {
		return nil, fmt.Errorf("search the engine: %w", err)
	}
	return res, nil
}

// attempt sends the search to one node. again tells whether it may be sent once more.
func (c *Client) attempt(ctx context.Context, r *SearchRequest, n *node) (_ *SearchResponse, again bool, err error) {
	var on connection
	req, err := r.request(on.watch(ctx))
	if err != nil {
		return nil, false, err
	}
	res, err := c.send(req, n)
	if err != nil {
		return nil, on.again(ctx, err), err
	}
	defer res.Body.Close()
	body, err := readAll(res, c.maxAnswer)
	if err != nil {
		return nil, false, fmt.Errorf("read answer: %w", err)
	}
	answer, err := c.decode(res.StatusCode, res.Header, body)
	if err != nil {
		return nil, false, fmt.Errorf("read answer: %w", err)
	}
	return answer, false, nil
}

// decode undoes the coding of a success; who reads a refusal gets it as it came.
func (c *Client) decode(status int, header http.Header, body []byte) (*SearchResponse, error) {
	r := &SearchResponse{StatusCode: status, Header: header, Body: body}
	if status < 200 || status > 299 {
		return r, nil
	}
	name, err := coding.Of(header)
	if err != nil {
		return nil, err
	}
	if r.Body, err = c.coder.Decode(name, body, c.maxAnswer); errors.Is(err, coding.ErrTooLarge) {
		return nil, fmt.Errorf("%w: at most %d bytes are read", ErrTooLarge, c.maxAnswer)
	} else if err != nil {
		return nil, err
	}
	r.Coding = name
	header.Del("Content-Encoding")
	return r, nil
}

// tooSlow tells whether the engine has the search and took too long. A connection that was not made in time is another
// thing.
func tooSlow(err error) bool {
	var late net.Error
	return errors.As(err, &late) && late.Timeout() && !refused(err)
}

func (r *SearchRequest) request(ctx context.Context) (*http.Request, error) {
	path, err := url.PathUnescape(r.Path)
	if err != nil {
		return nil, fmt.Errorf("path of the search: %w", err)
	}
	req := &http.Request{
		Method: r.Method, URL: &url.URL{Path: path, RawPath: r.Path, RawQuery: r.RawQuery},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: r.Header, Body: once{bytes.NewReader(r.Body)}, ContentLength: int64(len(r.Body)),
	}
	if len(r.Body) == 0 && r.Method == http.MethodPost {
		req.Body = http.NoBody // of an unknown body it would send chunks; a POST it does not repeat
	}
	return req.WithContext(ctx), nil
}

// once is a body of which net/http does not know that it could be read again: it must not repeat a search by itself, beside
// our one retry.
type once struct{ io.Reader }

func (once) Close() error { return nil }

// presized is the most room made on the word of a Content-Length alone, in bytes.
const presized = 8 << 20

func readAll(res *http.Response, limit int64) ([]byte, error) {
	if res.ContentLength > limit {
		return nil, fmt.Errorf("%w: %d bytes, at most %d are read", ErrTooLarge, res.ContentLength, limit)
	}
	room := min(max(res.ContentLength, 4096), presized) + bytes.MinRead
	body := bytes.NewBuffer(make([]byte, 0, room))
	n, err := body.ReadFrom(io.LimitReader(res.Body, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, fmt.Errorf("%w: at most %d bytes are read", ErrTooLarge, limit)
	}
	return body.Bytes(), nil
}
