package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/resift/resift/demo"
	"github.com/resift/resift/demo/corpus"
	"github.com/resift/resift/engines"
	"github.com/resift/resift/test/mlcommons"
)

// processorUnknown is how many searches of each way are timed with no score known: each keeps the model busy for seconds.
const processorUnknown = 4

// processor is the topic of the other ways to the same order: OpenSearch's own rerank processor, whose ml-commons asks
// resift's rerank API, and a client that asks the engine and then the API. One engine, one model, one process of resift.
func (b *bench) processor(ctx context.Context) (err error) {
	engine, err := mlcommons.Start(ctx, b.plugins, engines.Options{Progress: func(step string) { b.say("%s", step) }})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, engine.Stop()) }()
	b.say("indexing FOLDOC in %s %s", engine.Name, engine.Version)
	x := demo.Index{URL: engine.URL, Name: benchIndex, Client: &http.Client{Timeout: time.Minute}}
	if err := x.Load(ctx, demo.Corpus(), corpus.Count(), func(int) {}); err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 2 * benchClients, DisableCompression: true}}
	defer client.CloseIdleConnections()

	known, err := b.knownScores(ctx, engine, client)
	if err != nil {
		return err
	}
	unknown, err := b.unknownScores(ctx, engine, client)
	if err != nil {
		return err
	}
	t := b.table(fmt.Sprintf("The first %d hits re-ranked, on OpenSearch %s: scores from the cache, one client and %d, and no score known",
		benchWindow, engine.Version, benchClients), "way", "p50 ms", "p99 ms", "p50 added", "requests/s", "no score known, p50 ms")
	for i, w := range known {
		cells := []string{w.name, milliseconds(median(w.took)), milliseconds(quantile(w.took, .99)), "", fmt.Sprintf("%.0f", median(w.rates)), ""}
		if i > 0 {
			cells[3] = milliseconds(median(w.took) - median(known[0].took))
			cells[5] = milliseconds(median(unknown[i].took))
		}
		t.row(cells...)
	}
	return t.flush()
}

// knownScores measures the ways in turns with all scores in the cache.
func (b *bench) knownScores(ctx context.Context, engine *mlcommons.OpenSearch, client *http.Client) ([]way, error) {
	var ways []way
	err := b.withAPI(ctx, engine, "known", "64MiB", func(p *process) error {
		ways = processorWays(engine.URL, p, "known", questions(benchQuestions))
		b.say("scoring %d windows of %d for the cache", benchQuestions, benchWindow)
		for _, w := range ways { // every way reads the same texts: the first to score them does for all
			for _, c := range w.calls {
				if _, _, _, err := c.send(ctx, client); err != nil {
					return err
				}
			}
		}
		b.say("%d turns of %d ways", b.rounds, len(ways))
		for range b.rounds {
			for i := range ways {
				if err := ways[i].turn(ctx, client); err != nil {
					return err
				}
			}
		}
		return nil
	})
	return ways, err
}

// unknownScores measures the ways in turns with nothing in the cache.
func (b *bench) unknownScores(ctx context.Context, engine *mlcommons.OpenSearch, client *http.Client) ([]way, error) {
	var ways []way
	err := b.withAPI(ctx, engine, "unknown", "0", func(p *process) error {
		ways = processorWays(engine.URL, p, "unknown", questions(processorUnknown+1))
		b.say("%d searches of %d ways with no score known", processorUnknown, len(ways))
		for n := range processorUnknown + 1 { // the first warms up
			for i := range ways {
				_, _, took, err := ways[i].calls[n].send(ctx, client)
				if err != nil {
					return err
				}
				if n > 0 {
					ways[i].took = append(ways[i].took, took)
				}
			}
		}
		return nil
	})
	return ways, err
}

// withAPI runs resift before the engine with a cache of that size, and a pipeline whose processor asks its rerank API.
func (b *bench) withAPI(ctx context.Context, engine *mlcommons.OpenSearch, pipeline, cache string, run func(*process) error) error {
	const token = "bench"
	p, err := b.serve(ctx, fmt.Sprintf(`engine: {urls: [%q]}
reranker: {model: %q, device: cpu}
rerank_api: {listen: "127.0.0.1:0", token: %s, timeout: 10m}
cache: {size: %s}
indices: [{match: "*", fields: [text], window: %d, timeout: 10m}]
`, engine.URL, b.int8, token, cache, benchWindow))
	if err != nil {
		return err
	}
	_, err = engine.Connect(ctx, pipeline, p.rerank, token, "text")
	if err == nil {
		err = run(p)
	}
	return errors.Join(err, p.stop())
}

// processorWays are the engine alone and the three ways to the model's order. The processor has no window of its own: it
// orders the hits that were asked for.
func processorWays(engine string, p *process, pipeline string, questions []string) []way {
	var window, proxied, processor, client []call
	for _, q := range questions {
		window = append(window, search(engine, q, benchWindow, "", nil))
		proxied = append(proxied, search(p.url, q, 10, "reranked", nil))
		ordered := search(engine, q, benchWindow, "", nil)
		ordered.url += "?search_pipeline=" + pipeline
		ordered.body = withMember(ordered.body, "ext", map[string]any{"rerank": map[string]any{"query_context": map[string]any{"query_text": q}}})
		processor = append(processor, ordered)
		first := search(engine, q, benchWindow, "", nil)
		first.then = func(answer []byte) (call, error) { return rerankHits(p.rerank, q, answer) }
		client = append(client, first)
	}
	return []way{
		{name: "100 hits, from the engine", calls: window, usage: p.usage},
		{name: "10 of 100 hits, through resift", calls: proxied, usage: p.usage},
		{name: "100 hits, by OpenSearch's rerank processor and resift's API", calls: processor, usage: p.usage},
		{name: "100 hits, by a client that asks the engine, then resift's API", calls: client, usage: p.usage},
	}
}

// rerankHits is the call that ranks the hits of an answer by TEI's API.
func rerankHits(url, query string, answer []byte) (call, error) {
	var found struct {
		Hits struct {
			Hits []struct {
				Source struct{ Text string } `json:"_source"`
			}
		}
	}
	if err := json.Unmarshal(answer, &found); err != nil {
		return call{}, err
	}
	texts := make([]string, len(found.Hits.Hits))
	for i, h := range found.Hits.Hits {
		texts[i] = h.Source.Text
	}
	body, err := json.Marshal(map[string]any{"query": query, "texts": texts})
	return call{method: http.MethodPost, url: url + "/rerank", body: body, header: http.Header{"Authorization": {"Bearer bench"}}}, err
}

// withMember is a JSON object with one member more.
func withMember(object []byte, name string, value any) []byte {
	var members map[string]any
	err := json.Unmarshal(object, &members)
	if err == nil {
		members[name] = value
		object, err = json.Marshal(members)
	}
	if err != nil {
		panic(err) // an object of ours
	}
	return object
}
