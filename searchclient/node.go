package searchclient

import (
	"net/url"
	"sync"
	"sync/atomic"
	"time"

	"github.com/elastic/elastic-transport-go/v8/elastictransport"
)

// A node that refuses connections is left alone for firstRest, then twice as long after each further refusal.
const (
	firstRest = 500 * time.Millisecond
	maxRest   = 30 * time.Second
)

// node is one URL of the engine.
type node struct {
	prefix    string // the escaped path of the URL, put before each request's path
	transport *elastictransport.Client

	mu       sync.Mutex
	refusals int       // in a row
	until    time.Time // when the rest is over
}

func newNode(u *url.URL, wire *wire) (*node, error) {
	transport, err := elastictransport.NewClient(
		elastictransport.WithURLs(&url.URL{Scheme: u.Scheme, Host: u.Host}),
		elastictransport.WithTransport(wire),
		elastictransport.WithDisableRetry(),
	)
	if err != nil {
		return nil, err
	}
	return &node{prefix: u.EscapedPath(), transport: transport}, nil
}

// refused puts the node to rest.
func (n *node) refused() {
	n.mu.Lock()
	defer n.mu.Unlock()
	rest := maxRest
	if n.refusals < 6 { // 500 ms · 2⁶ is past maxRest
		rest = firstRest << n.refusals
	}
	n.refusals++
	n.until = time.Now().Add(rest)
}

// reached ends the rest: the node accepted a connection.
func (n *node) reached() {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.refusals, n.until = 0, time.Time{}
}

func (n *node) restsUntil() time.Time {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.until
}

// nodes are used in turn.
type nodes struct {
	list []*node
	turn atomic.Uint64
}

// next returns the node whose turn it is, passing over those at rest and, if there are others, over not. If all rest it is
// the one that is up the soonest: trying is better than failing.
func (ns *nodes) next(not *node) *node {
	now := time.Now()
	var soonest *node
	var soonestUp time.Time
	turn := ns.turn.Add(1)
	for i := range uint64(len(ns.list)) {
		n := ns.list[(turn+i)%uint64(len(ns.list))]
		if n == not && len(ns.list) > 1 {
			continue
		}
		up := n.restsUntil()
		if !up.After(now) {
			return n
		}
		if soonest == nil || up.Before(soonestUp) {
			soonest, soonestUp = n, up
		}
	}
	return soonest
}
