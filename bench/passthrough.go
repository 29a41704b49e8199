package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
)

const (
	// bulkyIndex takes the large bodies. Its fields are stored and not indexed, so that the engine's work hides little.
	bulkyIndex = "resift-bench-bulky"
	// bulkyBytes is about what a client library sends in one bulk request.
	bulkyBytes = 1 << 20
)

// passthrough is the topic of resift as a plain proxy: requests that no rule covers, at the engine and through nginx, Caddy
// and resift before it, in turns.
func (b *bench) passthrough(ctx context.Context) (err error) {
	if err := b.startEngine(ctx); err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * benchClients, DisableCompression: true}}
	defer client.CloseIdleConnections()
	if err := b.makeBulky(ctx, client); err != nil {
		return err
	}
	nginx, err := b.startNginx(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, nginx.stop()) }()
	caddy, err := b.startCaddy(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, caddy.stop()) }()
	resift, err := b.startResift(ctx, b.int8, "nothing-has-this-name")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, resift.stop()) }()

	proxies := []struct {
		name, url, searched string // searched: the X-Resift-Status of a search
		pid                 int    // 0: not measured
	}{
		{name: "the engine itself", url: b.engine.URL},
		{name: "nginx", url: nginx.url, pid: nginx.cmd.Process.Pid},
		{name: "Caddy", url: caddy.url, pid: caddy.cmd.Process.Pid},
		{name: "resift", url: resift.url, pid: resift.cmd.Process.Pid, searched: "bypassed"},
	}
	var ways []way
	for _, kind := range plainKinds() {
		for _, p := range proxies {
			ways = append(ways, way{name: kind.name + "\t" + p.name, calls: kind.calls(p.url, p.searched), usage: processUsage(p.pid)})
		}
	}
	if err := b.takeTurns(ctx, client, ways); err != nil {
		return err
	}
	return b.showPlain(ways, len(proxies))
}

// plainKind is a kind of request that proxies only pass on.
type plainKind struct {
	name  string
	calls func(url, searched string) []call
}

func plainKinds() []plainKind {
	return []plainKind{
		{"a document", func(url, _ string) []call {
			return []call{{method: http.MethodGet, url: url + "/" + benchIndex + "/_doc/c"}}
		}},
		{"a search, 10 hits", func(url, searched string) []call {
			var calls []call
			for _, q := range questions(benchQuestions) {
				calls = append(calls, search(url, q, 10, searched, nil))
			}
			return calls
		}},
		{"an answer of 1 MB", func(url, _ string) []call {
			return []call{{method: http.MethodGet, url: url + "/" + bulkyIndex + "/_doc/large"}}
		}},
		{"a bulk of 1 MB", func(url, _ string) []call {
			return []call{{method: http.MethodPost, url: url + "/" + bulkyIndex + "/_bulk", body: bulkBody()}}
		}},
	}
}

// bulkBody replaces the same ten documents each time.
func bulkBody() []byte {
	var b bytes.Buffer
	for i := range 10 {
		fmt.Fprintf(&b, "{\"index\":{\"_id\":\"%d\"}}\n{\"text\":%q}\n", i, strings.Repeat("running text ", bulkyBytes/130))
	}
	return b.Bytes()
}

// makeBulky makes the index of large documents, with one of bulkyBytes.
func (b *bench) makeBulky(ctx context.Context, client *http.Client) error {
	url := b.engine.URL + "/" + bulkyIndex
	settings := `{"settings":{"number_of_shards":1,"number_of_replicas":0,"refresh_interval":-1,"translog.durability":"async"},
		"mappings":{"enabled":false}}`
	for _, c := range []call{
		{method: http.MethodPut, url: url, body: []byte(settings)},
		{method: http.MethodPost, url: url + "/_bulk?refresh=true", body: fmt.Appendf(nil,
			"{\"index\":{\"_id\":\"large\"}}\n{\"text\":%q}\n", strings.Repeat("running text ", bulkyBytes/13))},
	} {
		if _, _, _, err := c.send(ctx, client); err != nil {
			return err
		}
	}
	return nil
}

// processUsage measures the CPU time of a process; that of none is 0.
func processUsage(pid int) func() (usage, error) {
	return func() (usage, error) {
		if pid == 0 {
			return usage{}, nil
		}
		used, err := cpuTimeOf(pid)
		return usage{cpuSeconds: used.Seconds()}, err
	}
}

// showPlain shows the ways, so many of a kind together, the engine's own first.
func (b *bench) showPlain(ways []way, together int) error {
	t := b.table(fmt.Sprintf("As a plain proxy: latency of one client, requests/s of %d clients, CPU time of the proxy a request", benchClients),
		"request", "through", "p50 ms", "p99 ms", "p50 added", "requests/s", "of the engine's", "CPU ms")
	for i, w := range ways {
		engine := ways[i-i%together]
		cells := []string{w.name, milliseconds(median(w.took)), milliseconds(quantile(w.took, .99)), "", fmt.Sprintf("%.0f", median(w.rates)), "", ""}
		if i%together > 0 {
			cells[3] = milliseconds(median(w.took) - median(engine.took))
			cells[5] = fmt.Sprintf("%.0f %%", 100*median(w.rates)/median(engine.rates))
			cells[6] = fmt.Sprintf("%.3f", w.used.cpuSeconds/float64(w.request)*1000)
		}
		t.row(cells...)
	}
	return t.flush()
}
