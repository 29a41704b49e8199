package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/resift/resift/demo"
	"github.com/resift/resift/demo/corpus"
)

const (
	longIndex   = "resift-bench-long"
	longEntries = 20 // entries of the dictionary that a long document has
	longEvery   = 4  // entries from one long document's first to the next one's
)

// highlight is the topic of fragments: those of a whole window in one search, beside a window without any and a second search
// for those of the page, at the engine and as resift does it.
func (b *bench) highlight(ctx context.Context) (err error) {
	if err := b.startEngine(ctx); err != nil {
		return err
	}
	b.say("indexing long documents")
	long, total, err := longDocuments()
	if err != nil {
		return err
	}
	x := demo.Index{URL: b.engine.URL, Name: longIndex, Client: &http.Client{Timeout: time.Minute}}
	if err := x.Load(ctx, long, total, func(int) {}); err != nil {
		return err
	}
	p, err := b.startResift(ctx, b.int8, "*")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, p.stop()) }()
	client := &http.Client{Transport: &http.Transport{DisableCompression: true}}
	defer client.CloseIdleConnections()

	t := b.table(fmt.Sprintf("Highlight: a page of 10 from a window of %d, ms of one client", benchWindow),
		"texts", "highlighter", "page, from the engine", "window without", "window with", "page by identifiers", "resift, from cache")
	for _, index := range []struct{ name, label string }{{benchIndex, "FOLDOC"}, {longIndex, fmt.Sprintf("%d entries each", longEntries)}} {
		for _, kind := range []string{"unified", "plain"} {
			took, err := b.highlightWays(ctx, client, p.url, index.name, kind)
			if err != nil {
				return err
			}
			cells := []string{index.label, kind}
			for _, d := range took {
				cells = append(cells, milliseconds(median(d)))
			}
			t.row(cells...)
		}
	}
	return t.flush()
}

// longDocuments are entries joined to texts that a highlighter has work with.
func longDocuments() (iter.Seq2[demo.Document, error], int, error) {
	var all []corpus.Document
	for d, err := range corpus.Documents() {
		if err != nil {
			return nil, 0, err
		}
		all = append(all, d)
	}
	total := (len(all) - longEntries) / longEvery
	return func(yield func(demo.Document, error) bool) {
		for i := range total {
			d := all[i*longEvery]
			var texts []string
			for _, entry := range all[i*longEvery : i*longEvery+longEntries] {
				texts = append(texts, entry.Text)
			}
			d.Text = strings.Join(texts, "\n")
			source, err := json.Marshal(d)
			if !yield(demo.Document{ID: d.ID, Source: source}, err) {
				return
			}
		}
	}, total, nil
}

// highlightWays measures each way in turns; the first turn warms up, and fills resift's cache.
func (b *bench) highlightWays(ctx context.Context, client *http.Client, resift, index, kind string) (took [5][]time.Duration, err error) {
	type object = map[string]any
	ask := func(url, status string, body object) ([]byte, time.Duration, error) {
		raw, err := json.Marshal(body)
		if err != nil {
			return nil, 0, err
		}
		c := call{method: http.MethodPost, url: url + "/" + index + "/_search", body: raw, status: status}
		_, answer, d, err := c.send(ctx, client)
		return answer, d, err
	}
	for turn := range 4*b.rounds + 1 {
		for _, q := range questions(benchQuestions) {
			query := object{"multi_match": object{"query": q, "fields": []string{"title", "text"}}}
			fragments := object{"type": kind, "fields": object{"text": object{}}}
			var page []string
			for way, body := range []object{
				{"query": query, "size": 10, "highlight": fragments},
				{"query": query, "size": benchWindow, "version": true},
				{"query": query, "size": benchWindow, "highlight": fragments},
				nil, // by the identifiers of the second way's answer
				// The titles alone are scored, since scoring is not the topic: the first turn has them all.
				{"query": query, "size": 10, "highlight": fragments, "ext": object{"resift": object{"fields": []string{"title"}}}},
			} {
				url, status := b.engine.URL, ""
				switch way {
				case 3:
					body = object{
						"query": object{"ids": object{"values": page}}, "size": 30, "_source": false, "version": true, "track_total_hits": false,
						"highlight": object{"type": kind, "fields": object{"text": object{}}, "highlight_query": query},
					}
				case 4:
					url, status = resift, "reranked"
				}
				answer, d, err := ask(url, status, body)
				if err != nil {
					return took, err
				}
				if way == 1 {
					if page, err = tenIDs(answer); err != nil {
						return took, err
					}
				}
				if turn > 0 {
					took[way] = append(took[way], d)
				}
			}
		}
	}
	return took, nil
}

// tenIDs are the identifiers of ten hits from all over the window, as a re-ranked page has them.
func tenIDs(answer []byte) ([]string, error) {
	var a struct {
		Hits struct {
			Hits []struct {
				ID string `json:"_id"`
			}
		}
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return nil, err
	}
	var ids []string
	for i := 0; i < len(a.Hits.Hits) && len(ids) < 10; i += max(1, len(a.Hits.Hits)/10) {
		ids = append(ids, a.Hits.Hits[i].ID)
	}
	return ids, nil
}
