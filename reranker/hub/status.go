package hub

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// Reasons why a hub refuses; errors of Resolve and Download wrap them.
var (
	ErrNotFound = errors.New("not found on the hub")
	ErrAccess   = errors.New("no access to the model")
)

// subject is what a request is about, for messages.
type subject struct {
	name, revision, file string
}

func (s subject) String() string {
	if s.file != "" {
		return s.file + " of " + s.name
	}
	return s.name
}

// statusError explains an answer that is not the wanted one. The hub's codes: X-Error-Code is RepoNotFound, RevisionNotFound,
// EntryNotFound or GatedRepo. A repository that does not exist is answered with 401, as a private one is.
func (c *Client) statusError(a *answer, about subject) error {
	code, detail := a.Header.Get("X-Error-Code"), c.detail(a)
	switch s := a.StatusCode; {
	case s == http.StatusRequestTimeout, s == http.StatusTooManyRequests, s == 500, s == 502, s == 503, s == 504:
		return &temporary{error: fmt.Errorf("%s answers %d%s", a.Request.URL.Host, s, detail), after: retryAfter(a.Header, time.Now())}
	case !a.hub && (s == http.StatusForbidden || s == http.StatusUnauthorized):
		// An address of the content network is signed for minutes; the hub gives a new one.
		return &temporary{error: fmt.Errorf("%s answers %d%s", a.Request.URL.Host, s, detail)}
	case code == "GatedRepo":
		return fmt.Errorf("%w: %s is gated: accept its terms at %s, and %s%s", ErrAccess, about.name, c.address("/"+about.name), c.tokenAdvice("belongs to the account that did"), detail)
	case code == "RevisionNotFound":
		return fmt.Errorf("%w: %s has no branch, tag or commit %q", ErrNotFound, about.name, about.revision)
	case code == "EntryNotFound":
		return fmt.Errorf("%w: %s", ErrNotFound, about)
	case s == http.StatusUnauthorized && c.o.Token != "" && strings.Contains(detail, "Invalid credentials"):
		return fmt.Errorf("%w: %s refuses the token%s", ErrAccess, c.endpoint.Host, detail)
	case s == http.StatusUnauthorized || code == "RepoNotFound":
		return fmt.Errorf("%w: %s does not exist at %s, or it is private: %s%s", ErrAccess, about.name, c.endpoint, c.tokenAdvice("may read it"), detail)
	case s == http.StatusForbidden:
		return fmt.Errorf("%w: %s: %s%s", ErrAccess, about, c.tokenAdvice("may read it"), detail)
	case s == http.StatusNotFound:
		return fmt.Errorf("%w: %s at %s%s", ErrNotFound, about, c.endpoint, detail)
	}
	return fmt.Errorf("%s answers %d about %s%s", a.Request.URL.Host, a.StatusCode, about, detail)
}

func (c *Client) tokenAdvice(that string) string {
	if c.o.Token == "" {
		return "set HF_TOKEN to a token that " + that
	}
	return "check that the token in HF_TOKEN " + that
}

// detail is the server's own message, as far as it is fit to be printed.
func (c *Client) detail(a *answer) string {
	m := a.Header.Get("X-Error-Message")
	if c.o.Token != "" {
		m = strings.ReplaceAll(m, c.o.Token, "…")
	}
	m = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f || r == '\uFFFD' {
			return -1
		}
		return r
	}, m)
	if len(m) > 200 {
		m = strings.ToValidUTF8(m[:200], "") + "…"
	}
	if m != "" {
		m = ": " + m
	}
	return m
}
