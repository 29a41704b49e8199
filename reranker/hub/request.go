package hub

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// answer is a server's, after redirects. Its body is to be closed.
type answer struct {
	*http.Response
	hub bool // it came from the endpoint itself

	// What the hub says about the content it redirects to, wherever that lies. See https://huggingface.co/docs/hub/storage-backends
	// and huggingface_hub's file_download.py.
	commit     string // X-Repo-Commit; "" if not told
	linkedETag string // X-Linked-ETag without quotes: the sha256, or the git blob id; "" if not told
	linkedSize int64  // X-Linked-Size; -1 if not told
}

// get asks for an address and follows redirects by hand: the token goes to the endpoint's origin alone, and nothing that
// began encrypted goes on in the clear. A server that is silent for longer than Options.Stall fails the request. Failures of
// the connection are temporary.
func (c *Client) get(ctx context.Context, address string, header http.Header) (*answer, error) {
	at, err := url.Parse(address)
	if err != nil {
		return nil, errors.New("address cannot be read")
	}
	ctx, cancel := context.WithCancelCause(ctx)
	guard := &guard{cancel: cancel, stall: c.o.Stall}
	guard.timer = time.AfterFunc(c.o.Stall, func() { cancel(errStalled) })
	a := &answer{linkedSize: -1}
	for range maxRedirects {
		response, err := c.one(ctx, at, header)
		if err != nil {
			err = transient(withCause(ctx, err)) // before the guard ends ctx itself
			guard.stop()
			return nil, err
		}
		a.note(response)
		next, err := redirect(at, response)
		if err != nil {
			response.Body.Close()
			guard.stop()
			return nil, err
		}
		if next == nil {
			guard.ReadCloser, response.Body = response.Body, guard
			guard.ctx = ctx
			a.Response, a.hub = response, sameOrigin(at, c.endpoint)
			return a, nil
		}
		io.CopyN(io.Discard, response.Body, 4<<10) // a few bytes read leave the connection usable
		response.Body.Close()
		at = next
	}
	guard.stop()
	return nil, fmt.Errorf("%s: more than %d redirects", c.endpoint.Host, maxRedirects)
}

// one sends a single request.
func (c *Client) one(ctx context.Context, at *url.URL, header http.Header) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), nil)
	if err != nil {
		return nil, errors.New("address cannot be read")
	}
	request.Header = header.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	request.Header.Set("User-Agent", c.o.UserAgent)
	request.Header.Set("Accept-Encoding", "identity")
	if c.o.Token != "" && sameOrigin(at, c.endpoint) {
		request.Header.Set("Authorization", "Bearer "+c.o.Token)
	}
	response, err := c.http.Do(request)
	var outer *url.Error
	if errors.As(err, &outer) {
		// Its text holds the whole address, and the address of a content network holds a signature.
		err = outer.Err
	}
	if err != nil && c.o.Token != "" && strings.Contains(err.Error(), c.o.Token) {
		err = errors.New("the answer cannot be read") // a broken header that holds it, say
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", at.Host, err)
	}
	return response, nil
}

// redirect is where an answer points to, nil if nowhere.
func redirect(from *url.URL, response *http.Response) (*url.URL, error) {
	switch response.StatusCode {
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther, http.StatusTemporaryRedirect, http.StatusPermanentRedirect:
	default:
		return nil, nil
	}
	to, err := url.Parse(response.Header.Get("Location"))
	if err != nil || response.Header.Get("Location") == "" {
		return nil, fmt.Errorf("%s redirects to nowhere", from.Host)
	}
	to = from.ResolveReference(to)
	switch {
	case to.Scheme != "https" && to.Scheme != "http" || to.Host == "" || to.User != nil:
		return nil, fmt.Errorf("%s redirects to an address that is no web page", from.Host)
	case from.Scheme == "https" && to.Scheme == "http":
		return nil, fmt.Errorf("%s redirects from https to http, which is not followed", from.Host)
	}
	return to, nil
}

// note keeps what a hop on the way says about the content; the first word counts.
func (a *answer) note(r *http.Response) {
	if a.commit == "" {
		a.commit = r.Header.Get("X-Repo-Commit")
	}
	if a.linkedETag == "" {
		a.linkedETag = bareETag(r.Header.Get("X-Linked-Etag"))
	}
	if n, err := strconv.ParseInt(r.Header.Get("X-Linked-Size"), 10, 64); err == nil && n >= 0 && a.linkedSize < 0 {
		a.linkedSize = n
	}
}

// contentETag is the ETag that stands for the file's content: the linked one, else the hub's own.
func (a *answer) contentETag() string {
	if a.linkedETag == "" && (a.hub || a.commit != "" && a.commit == a.Header.Get("X-Repo-Commit")) {
		return bareETag(a.Header.Get("Etag"))
	}
	return a.linkedETag
}

// digest is what the hub states about the content: its sha256 or git blob id. A plain ETag counts only if it has the length of a
// sha256, because mirrors put other things there.
func (a *answer) digest() string {
	if commitName.MatchString(a.linkedETag) || sha256Hex.MatchString(a.linkedETag) {
		return a.linkedETag
	}
	if etag := a.contentETag(); sha256Hex.MatchString(etag) {
		return etag
	}
	return ""
}

// bareETag drops the quotes of an ETag, and the mark of a weak one.
func bareETag(etag string) string { return strings.Trim(strings.TrimPrefix(etag, "W/"), `"`) }

// strongETag is an ETag that a range request may rely on, "" if it may not (RFC 9110, 13.1.5).
func strongETag(etag string) string {
	if len(etag) < 2 || etag[0] != '"' || etag[len(etag)-1] != '"' {
		return ""
	}
	return etag
}

// sameOrigin tells whether two addresses have the same scheme, host and port.
func sameOrigin(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}

// guard is a body that fails when its server is silent for too long.
type guard struct {
	io.ReadCloser
	ctx    context.Context
	cancel context.CancelCauseFunc
	timer  *time.Timer
	stall  time.Duration
}

var errStalled = errors.New("the server fell silent")

func (g *guard) Read(p []byte) (int, error) {
	n, err := g.ReadCloser.Read(p)
	g.timer.Reset(g.stall)
	if err != nil && err != io.EOF {
		err = withCause(g.ctx, err)
	}
	return n, err
}

func (g *guard) Close() error {
	err := g.ReadCloser.Close()
	g.stop()
	return err
}

func (g *guard) stop() {
	g.timer.Stop()
	g.cancel(nil)
}

// withCause is err, or why ctx ended if that is the reason.
func withCause(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); cause != nil {
		return cause
	}
	return err
}

// readAPI reads an answer of the hub's API whole, with retries.
func (c *Client) readAPI(ctx context.Context, about subject, address string) ([]byte, error) {
	var text []byte
	err := c.again(ctx, Event{File: about.name}, func() (bool, error) {
		a, err := c.get(ctx, address, http.Header{"Accept": {"application/json"}})
		if err != nil {
			return false, err
		}
		defer a.Body.Close()
		if a.StatusCode != http.StatusOK {
			return false, c.statusError(a, about)
		}
		if text, err = io.ReadAll(io.LimitReader(a.Body, maxModelBytes+1)); err != nil {
			return false, transient(err)
		}
		if len(text) > maxModelBytes {
			return false, fmt.Errorf("the hub's answer about %s is larger than %d MiB", about.name, maxModelBytes>>20)
		}
		return false, nil
	})
	return text, err
}
