package e2e

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

// stopLimit is how long a test waits for a process to end.
const stopLimit = rig.StopLimit

// process is a running resift that is asked byte by byte.
type process struct {
	*rig.Process
	t       testing.TB
	address string // host:port of the search port
}

// settings are the parts of a configuration file that tests vary; each is YAML.
type settings struct {
	engine   string // engine.urls, "" for none
	reranker string // the members of reranker
	indices  string // the list of rules; "" for one for everything
	rest     string // further keys
}

// withScorer is a resift before e that asks s for scores and remembers none.
func withScorer(e *engine, s *rig.Scorer) settings {
	return settings{engine: e.url, reranker: fmt.Sprintf("{backend: tei, url: %q}", s.URL), rest: "cache: {size: 0}"}
}

func (c settings) yaml() string {
	if c.indices == "" {
		c.indices = `[{match: "*", fields: [title, text, key]}]`
	}
	if !strings.Contains(c.indices, "timeout:") { // the default is for users, not for busy machines that test
		c.indices = strings.ReplaceAll(c.indices, "{match:", "{timeout: 30s, match:")
	}
	return fmt.Sprintf(`listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
engine: {urls: [%q]}
reranker: %s
indices: %s
log: {format: json}
%s
`, c.engine, c.reranker, c.indices, c.rest)
}

// start runs `resift serve` until the test ends, and holds it to a clean stop.
func start(t testing.TB, c settings, env ...string) *process {
	t.Helper()
	p := rig.Start(t, shared.binary, c.yaml(), env...)
	_, address, _ := strings.Cut(p.URL, "://")
	return &process{Process: p, t: t, address: address}
}

// ask sends a search to the process.
func (p *process) ask(r request) answer {
	p.t.Helper()
	return ask(p.t, p.address, r)
}

func writeFile(t testing.TB, file, text string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
}

// eventually waits for something that another process does in its own time.
func eventually(t testing.TB, what string, limit time.Duration, done func() bool) {
	t.Helper()
	for end := time.Now().Add(limit); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within %v", what, limit)
		}
	}
}
