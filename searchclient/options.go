package searchclient

import (
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"
)

// Options say which engine a Client speaks to and within what bounds. All but URLs may be left zero.
type Options struct {
	// URLs are the nodes of one cluster: http or https, a host, and perhaps a path that comes before every request's. They
	// carry no credentials: those are the caller's.
	URLs []string
	// TLS is for https nodes; nil takes the system's authorities.
	TLS *tls.Config
	// DialTimeout bounds making a connection, TLS included each time; 0 means 5 s.
	DialTimeout time.Duration
	// HeaderTimeout bounds the time from the end of a request to the first byte of its answer; 0 means no bound.
	HeaderTimeout time.Duration
	// StallTimeout bounds each wait for more of an answer that has begun, and for the engine to take more of a request; 0 means no
	// bound.
	StallTimeout time.Duration
	// IdlePerHost is how many idle connections are kept to each node; 0 means 128.
	IdlePerHost int
	// MaxAnswer is the largest answer that Search reads, in bytes; 0 means 64 MiB.
	MaxAnswer int64
}

const (
	defaultDialTimeout = 5 * time.Second
	defaultIdlePerHost = 128
	defaultMaxAnswer   = 64 << 20
)

func (o Options) withDefaults() Options {
	if o.DialTimeout == 0 {
		o.DialTimeout = defaultDialTimeout
	}
	if o.IdlePerHost == 0 {
		o.IdlePerHost = defaultIdlePerHost
	}
	if o.MaxAnswer == 0 {
		o.MaxAnswer = defaultMaxAnswer
	}
	return o
}

// parseURL reads the URL of a node. Its error does not repeat the URL: there may be a password in it.
func parseURL(s string) (*url.URL, error) {
	u, err := url.Parse(strings.TrimRight(s, "/"))
	if err != nil {
		return nil, errors.New("not a URL")
	}
	switch {
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("scheme is neither http nor https")
	case u.Hostname() == "":
		return nil, errors.New("host is missing")
	case u.User != nil:
		return nil, errors.New("credentials in the URL: callers bring their own")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "":
		return nil, errors.New("query or fragment in the URL")
	}
	return u, nil
}

func parseURLs(list []string) ([]*url.URL, error) {
	if len(list) == 0 {
		return nil, errors.New("no URL of an engine")
	}
	urls := make([]*url.URL, len(list))
	for i, s := range list {
		var err error
		if urls[i], err = parseURL(s); err != nil {
			return nil, fmt.Errorf("engine URL %d: %w", i+1, err)
		}
	}
	return urls, nil
}
