package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

const nearIndex = "e2e-near"

// TestRemoteClusters has a second node of each engine, whose remote cluster "far" is the engine with the corpus. "gone" and
// "strict" are remote clusters that nobody serves; a search does without the first, and fails by the second.
func TestRemoteClusters(t *testing.T) {
	for _, far := range []*engine{shared.opensearch, shared.elasticsearch} {
		t.Run(far.name, func(t *testing.T) { // one after the other: each boots a node
			near, stop, err := boot(t.Context(), far.recipe)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				httpClient.CloseIdleConnections()
				if err := stop(); err != nil {
					t.Error(err)
				}
			})
			joinClusters(t, near, far)
			keep := withScorer(near, rig.NewScorer(t, rig.KeepOrder))
			keep.indices = `[{match: "*", fields: [title, text, key], score: keep, window: 50}]`
			kept := start(t, keep)
			reversed := withReversal(t, near)
			for _, x := range remoteCases() {
				t.Run(x.name, func(t *testing.T) {
					x.run(t, near, kept)
					if x.want == "reranked" && bytes.Contains(x.send.body, []byte(`"size":50`)) {
						direct, proxied := ask(t, near.address, x.send), reversed.ask(x.send)
						direct.body, proxied.body = tookMask.apply(direct.body), tookMask.apply(proxied.body) // each cluster tells its own
						compareReversed(t, direct, proxied)
					}
				})
			}
			t.Run("rule of a remote index", func(t *testing.T) { ruleOfRemote(t, near) })
		})
	}
}

func remoteCases() []sameAnswer {
	const body = `{"query":{"multi_match":{"query":"memory system","fields":["title","text"]}}`
	remote := func(name, want, target, more string) sameAnswer {
		if !strings.Contains(more, `"size"`) {
			more += `,"size":50`
		}
		return sameAnswer{name: name, want: want, send: post(target, body+more+"}")}
	}
	return []sameAnswer{
		remote("one index", "reranked", "/far:e2e-docs/_search", ""),
		remote("beside a local one", "reranked", "/far:e2e-docs,"+nearIndex+"/_search", ""),
		remote("wildcards", "reranked", "/far:e2e-sh*,e2e-ne*/_search", ""),
		remote("a wildcard for clusters", "reranked", "/f*:e2e-docs/_search", ""),
		remote("every cluster", "fallback engine_status", "/*:e2e-docs/_search", ""),
		remote("date math", "reranked", "/far:%3Ce2e-log-%7B2026.11.24%7C%7C%2Fd%7Byyyy.MM.dd%7D%7D%3E/_search", ""),
		remote("minimized round trips", "reranked", "/far:e2e-docs,"+nearIndex+"/_search?ccs_minimize_roundtrips=true", ""),
		remote("every round trip", "reranked", "/far:e2e-docs,"+nearIndex+"/_search?ccs_minimize_roundtrips=false", ""),
		remote("aggregations and fields", "reranked", "/far:e2e-docs,"+nearIndex+"/_search", `,"aggs":{"t":{"terms":{"field":"topics"}}},"fields":["title"],"_source":false`),
		remote("highlight", "reranked", "/far:e2e-docs,"+nearIndex+"/_search", `,"highlight":{"fields":{"text":{}}},"from":3,"size":9`),
		remote("collapse", "reranked", "/far:e2e-docs,"+nearIndex+"/_search", `,"collapse":{"field":"key","inner_hits":{"name":"same","size":1}}`),
		remote("a cluster that is gone", "reranked", "/gone:e2e-docs,far:e2e-docs/_search", ""),
		remote("a cluster that must not be gone", "fallback engine_status", "/strict:e2e-docs,far:e2e-docs/_search", ""),
		remote("a cluster that nobody knows", "fallback engine_status", "/nobody:e2e-docs/_search", ""),
	}
}

// joinClusters makes far a remote cluster of near, and gives near an index of its own.
func joinClusters(t *testing.T, near, far *engine) {
	t.Helper()
	var info struct {
		Nodes map[string]struct {
			Address string `json:"transport_address"`
		}
	}
	answer, err := far.read(t.Context(), "GET", "/_nodes/transport", "", nil)
	if err == nil {
		err = json.Unmarshal(answer, &info)
	}
	if err != nil || len(info.Nodes) != 1 {
		t.Fatalf("%v: %.300s", err, answer)
	}
	address := ""
	for _, n := range info.Nodes {
		address = n.Address
	}
	const nobody = "127.0.0.1:1" // a port that only root could open
	settings := fmt.Sprintf(`{"persistent":{"cluster.remote":{"far":{"seeds":[%q]},"gone":{"seeds":[%q],"skip_unavailable":true},"strict":{"seeds":[%q],"skip_unavailable":false}}}}`,
		address, nobody, nobody)
	list, err := entries()
	if err != nil {
		t.Fatal(err)
	}
	var bulk bytes.Buffer
	for _, d := range list[:200] {
		add(&bulk, nearIndex, d.ID, source(d, "near-"+d.ID))
	}
	for _, c := range []struct {
		method, path, contentType string
		body                      []byte
	}{
		{"PUT", "/_cluster/settings", "application/json", []byte(settings)},
		{"PUT", "/" + nearIndex, "application/json", fmt.Appendf(nil, mappings, 1)},
		{"POST", "/_bulk?refresh=true", "application/x-ndjson", bulk.Bytes()},
	} {
		if err := near.call(t.Context(), c.method, c.path, c.contentType, c.body); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "a connection to the remote cluster", time.Minute, func() bool {
		return near.call(context.Background(), "GET", "/far:e2e-docs/_search?size=1", "", nil) == nil
	})
}

// ruleOfRemote: a rule may name what is remote, and only that.
func ruleOfRemote(t *testing.T, near *engine) {
	c := withScorer(near, rig.NewScorer(t, rig.KeepOrder))
	c.indices = `[{match: "far:*", fields: [title, text]}]`
	p := start(t, c)
	for target, want := range map[string]string{
		"far:e2e-docs": "reranked", nearIndex: "bypassed no_rule", "far:e2e-docs," + nearIndex: "bypassed no_rule", "*:e2e-docs": "bypassed no_rule",
	} {
		if a := p.ask(post("/"+target+"/_search", `{"query":{"match":{"text":"memory"}}}`)); a.resiftStatus() != want {
			t.Errorf("%s: %s, want %s", target, a, want)
		}
	}
}
