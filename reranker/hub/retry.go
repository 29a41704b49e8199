package hub

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strconv"
	"time"
)

// temporary is a failure that another attempt may not have.
type temporary struct {
	error
	after time.Duration // the server's word; 0: none
}

func (t *temporary) Unwrap() error { return t.error }

// transient makes a failure of the connection temporary, unless it would come again: a host that does not exist, a
// certificate that does not fit.
func transient(err error) error {
	var name *net.DNSError
	var certificate *tls.CertificateVerificationError
	var authority x509.UnknownAuthorityError
	switch {
	case errors.As(err, &name) && name.IsNotFound, errors.As(err, &certificate), errors.As(err, &authority):
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return &temporary{error: err}
}

// again calls attempt until it succeeds or fails for good. Attempts that brought the download on do not count: a large
// file over a bad line takes as many as it takes. e is the event's file, for the report of a retry.
func (c *Client) again(ctx context.Context, e Event, attempt func() (progress bool, err error)) error {
	failed := 0
	for {
		progress, err := attempt()
		var t *temporary
		if err == nil || ctx.Err() != nil || !errors.As(err, &t) {
			return ended(ctx, err)
		}
		if progress {
			failed = 0
		}
		failed++
		switch {
		case failed == attempts:
			return fmt.Errorf("%w (%d attempts)", t.error, attempts)
		case t.after > longestAsked:
			return fmt.Errorf("%w: the server asks to wait for %s; try again then", t.error, t.after.Round(time.Second))
		}
		e.Kind, e.Err, e.Wait = Retrying, t.error, max(t.after, wait(failed))
		c.o.Report(e)
		if err := c.sleep(ctx, e.Wait); err != nil {
			return err
		}
	}
}

// ended is ctx's reason to end if it has ended, else err.
func ended(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}

// wait before the attempt after n failures: 1, 2, 4 … 30 seconds, of which up to half is taken off at random, so that many
// clients do not come back together.
func wait(n int) time.Duration {
	d := min(firstWait<<(n-1), longestWait)
	return d - rand.N(d/2)
}

// sleep waits for d or until ctx ends.
func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// rateLimit is the IETF draft's RateLimit field as the hub sends it: "api";r=0;t=55 is none left for 55 seconds.
var rateLimit = regexp.MustCompile(`;\s*r\s*=\s*0\s*;\s*t\s*=\s*(\d{1,9})\b`)

// retryAfter is how long a server asks to wait, 0 if it does not.
func retryAfter(h http.Header, now time.Time) time.Duration {
	asked := h.Get("Retry-After")
	if n, err := strconv.ParseInt(asked, 10, 32); err == nil && n > 0 {
		return time.Duration(n) * time.Second
	}
	if t, err := http.ParseTime(asked); err == nil && t.After(now) {
		return t.Sub(now)
	}
	if m := rateLimit.FindStringSubmatch(h.Get("RateLimit")); m != nil {
		n, _ := strconv.Atoi(m[1])
		return time.Duration(n) * time.Second
	}
	return 0
}
