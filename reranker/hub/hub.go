package hub

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// DefaultEndpoint is the public hub. It is the one host that resift knows by name; HF_ENDPOINT or --endpoint replace it.
const DefaultEndpoint = "https://huggingface.co"

// Limits of a download.
const (
	defaultStall  = time.Minute
	attempts      = 6
	firstWait     = time.Second
	longestWait   = 30 * time.Second
	longestAsked  = 5 * time.Minute // a hub that asks for more is not waited for
	maxRedirects  = 10
	maxModelBytes = 32 << 20 // of the hub's answer about a repository
	maxIndexBytes = 32 << 20
)

// Options of a Client.
type Options struct {
	Endpoint  string            // base address of the hub; "": DefaultEndpoint
	Token     string            // sent to Endpoint alone; "": none
	UserAgent string            // "": resift
	MaxBytes  int64             // a model whose files are larger in all is refused; 0: any size
	Stall     time.Duration     // longest silence of a server before a connection is given up; 0: 1 minute
	Transport http.RoundTripper // nil: one of its own, which uses the environment's proxies
	Report    func(Event)       // what happens, for a person to see; called from the goroutine of Resolve or Download; may be nil
}

// Event is one step of a download.
type Event struct {
	Kind EventKind
	File string        // its name
	Done int64         // bytes of the file on disk
	Size int64         // bytes of the file; -1: not known
	Err  error         // Retrying: what failed
	Wait time.Duration // Retrying: until the next attempt
}

// EventKind tells what an Event is about.
type EventKind int

// The kinds of events.
const (
	Started  EventKind = iota // a file's transfer begins, or goes on at Done
	Advanced                  // some more bytes arrived
	Finished                  // a file is whole and checked
	Found                     // a file was there already, and its content is right
	Retrying                  // an attempt failed
)

// Client downloads from one hub. It is safe for concurrent use.
type Client struct {
	o        Options
	endpoint *url.URL
	http     *http.Client
	sleep    func(context.Context, time.Duration) error
}

// New checks the options and makes a client. Close it.
func New(o Options) (*Client, error) {
	if o.Endpoint == "" {
		o.Endpoint = DefaultEndpoint
	}
	u, err := url.Parse(strings.TrimRight(strings.TrimSpace(o.Endpoint), "/"))
	switch {
	case err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("the hub's endpoint is not an address such as https://hub.example.com")
	case u.User != nil:
		return nil, errors.New("the hub's endpoint must not hold a user or password: use HF_TOKEN")
	case u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("the hub's endpoint must not hold a query or fragment")
	}
	o.Token = strings.TrimSpace(o.Token)
	for _, r := range o.Token {
		if r <= ' ' || r >= 0x7f {
			return nil, errors.New("the hub's token holds a character that no token has")
		}
	}
	if o.UserAgent == "" {
		o.UserAgent = "resift"
	}
	if o.Stall == 0 {
		o.Stall = defaultStall
	}
	if o.Report == nil {
		o.Report = func(Event) {}
	}
	if o.Transport == nil {
		o.Transport = transport()
	}
	c := &Client{o: o, endpoint: u, sleep: sleep}
	c.http = &http.Client{Transport: o.Transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return c, nil
}

// Close drops idle connections.
func (c *Client) Close() { c.http.CloseIdleConnections() }

func transport() *http.Transport {
	return &http.Transport{
		Proxy:               http.ProxyFromEnvironment,
		DialContext:         (&net.Dialer{Timeout: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout: 15 * time.Second,
		IdleConnTimeout:     30 * time.Second,
		MaxIdleConnsPerHost: 2,
		ForceAttemptHTTP2:   true,
		DisableCompression:  true, // sizes, ranges and digests are those of the file
	}
}

// Resolve asks the hub for a model at a revision: a branch, a tag, or a commit; "" is the branch main.
func (c *Client) Resolve(ctx context.Context, name, revision string) (*Model, error) {
	if err := CheckName(name); err != nil {
		return nil, err
	}
	if revision == "" {
		revision = "main"
	}
	if err := checkRevision(revision); err != nil {
		return nil, err
	}
	about := subject{name: name, revision: revision}
	text, err := c.readAPI(ctx, about, c.address("/api/models/"+name+"/revision/"+url.PathEscape(revision)+"?blobs=true"))
	if err != nil {
		return nil, err
	}
	m, err := parseModel(name, text)
	if err != nil {
		return nil, fmt.Errorf("%s is no hub, or one that resift does not understand: its answer about %s: %w", c.endpoint, name, err)
	}
	if commitName.MatchString(revision) && m.Commit != revision {
		return nil, fmt.Errorf("asked for commit %s of %s, the hub answered about %s", revision, name, m.Commit)
	}
	return m, nil
}

// address is that of a path on the hub, which is escaped already and may have a query.
func (c *Client) address(path string) string { return c.endpoint.String() + path }

// fileAddress is where a file's content is.
func (c *Client) fileAddress(m *Model, f File) string {
	parts := strings.Split(f.Path, "/")
	for i := range parts {
		parts[i] = url.PathEscape(parts[i])
	}
	return c.address("/" + m.Name + "/resolve/" + m.Commit + "/" + strings.Join(parts, "/"))
}
