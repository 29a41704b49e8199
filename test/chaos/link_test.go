package chaos

import (
	"fmt"
	"strings"
	"testing"

	"github.com/Shopify/toxiproxy/v2"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/rs/zerolog"
)

// link is a way between resift and something it depends on.
type link struct {
	t     *testing.T
	proxy *toxiproxy.Proxy
}

// newLink leads to an address, host:port, until the test ends.
func newLink(t *testing.T, to string) *link {
	t.Helper()
	zerolog.SetGlobalLevel(zerolog.Disabled) // its faults log on a logger of their own
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(prometheus.NewRegistry()), zerolog.Nop())
	l := &link{t, toxiproxy.NewProxy(server, t.Name(), "127.0.0.1:0", to)}
	l.up()
	t.Cleanup(l.proxy.Stop)
	return l
}

func (l *link) url() string { return "http://" + l.proxy.Listen }

// up lets connections through; the address stays what it was.
func (l *link) up() {
	if err := l.proxy.Start(); err != nil {
		l.t.Errorf("link up: %v", err)
	}
}

// down closes all connections and refuses new ones.
func (l *link) down() { l.proxy.Stop() }

// add puts a fault on what comes back from upstream; share is the part of the connections it meets. Attributes are
// toxiproxy's JSON.
func (l *link) add(kind string, share float64, attributes string) {
	toxic := fmt.Sprintf(`{"name":%q,"type":%q,"stream":"downstream","toxicity":%v,"attributes":%s}`, kind, kind, share, attributes)
	if _, err := l.proxy.Toxics.AddToxicJson(strings.NewReader(toxic)); err != nil {
		l.t.Errorf("fault %s: %v", kind, err)
	}
}

// heal takes all faults away.
func (l *link) heal() { l.proxy.Toxics.ResetToxics(l.t.Context()) }
