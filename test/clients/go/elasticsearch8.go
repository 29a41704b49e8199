package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync/atomic"
	"time"

	"github.com/elastic/go-elasticsearch/v8"
	"github.com/elastic/go-elasticsearch/v8/esapi"
	"github.com/elastic/go-elasticsearch/v8/esutil"
)

// elasticsearch8 uses the plain API of go-elasticsearch 8 and its bulk indexer.
func (a app) elasticsearch8() error {
	es, err := elasticsearch.NewClient(elasticsearch.Config{Addresses: []string{a.url}, CompressRequestBody: a.compress, DisableRetry: true})
	if err != nil {
		return err
	}
	steps := plain{a: a, es: es}
	return inTurn(steps.writes, steps.searches, steps.cursors, steps.failures, steps.end)
}

type plain struct {
	a  app
	es *elasticsearch.Client
}

// answer is the JSON of a response with the status it must have.
func answer(status int, res *esapi.Response, err error) (json.RawMessage, error) {
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return nil, err
	}
	if res.StatusCode != status {
		return nil, fmt.Errorf("status %d, want %d: %s", res.StatusCode, status, body)
	}
	return body, nil
}

// step records the answer of a call.
func step(name string, status, reranked int, res *esapi.Response, err error) error {
	body, err := answer(status, res, err)
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return record(name, body, reranked)
}

func (p plain) writes() error {
	es := p.es
	res, err := es.Indices.Delete([]string{index}, es.Indices.Delete.WithIgnoreUnavailable(true))
	if _, err := answer(200, res, err); err != nil {
		return err
	}
	res, err = es.Indices.Create(index, es.Indices.Create.WithBody(reader(creation)))
	if err := step("create", 200, 0, res, err); err != nil {
		return err
	}
	if err := p.bulk(); err != nil {
		return err
	}
	res, err = es.Index(index, reader(own), es.Index.WithDocumentID("own"), es.Index.WithRefresh("true"))
	if err := step("index", 201, 0, res, err); err != nil {
		return err
	}
	res, err = es.Get(index, "own")
	if err := step("get", 200, 0, res, err); err != nil {
		return err
	}
	res, err = es.Update(index, "own", reader(`{"doc":{"length":7}}`), es.Update.WithRefresh("true"))
	if err := step("update", 200, 0, res, err); err != nil {
		return err
	}
	res, err = es.Mget(reader(`{"ids":["own","none"]}`), es.Mget.WithIndex(index))
	if err := step("mget", 200, 0, res, err); err != nil {
		return err
	}
	res, err = es.Count(es.Count.WithIndex(index), es.Count.WithBody(reader(`{"query":`+match+`}`)))
	return step("count", 200, 0, res, err)
}

func (p plain) bulk() error {
	indexer, err := esutil.NewBulkIndexer(esutil.BulkIndexerConfig{Client: p.es, Index: index, NumWorkers: 1, FlushBytes: 20_000, FlushInterval: time.Minute})
	if err != nil {
		return err
	}
	var added atomic.Int64
	for _, d := range p.a.documents {
		err := indexer.Add(p.a.ctx, esutil.BulkIndexerItem{Action: "index", DocumentID: d.id, Body: bytes.NewReader(d.source),
			OnSuccess: func(_ context.Context, _ esutil.BulkIndexerItem, _ esutil.BulkIndexerResponseItem) { added.Add(1) }})
		if err != nil {
			return err
		}
	}
	if err := indexer.Close(p.a.ctx); err != nil {
		return err
	}
	if n := added.Load(); n != int64(len(p.a.documents)) {
		return fmt.Errorf("bulk: %d documents of %d", n, len(p.a.documents))
	}
	s := indexer.Stats()
	return record("bulk", []uint64{s.NumAdded, s.NumFlushed, s.NumFailed, s.NumIndexed, s.NumRequests}, 0)
}

func (p plain) searches() error {
	es := p.es
	for _, s := range searches() {
		res, err := es.Search(es.Search.WithIndex(index), es.Search.WithBody(reader(s.body)))
		if err == nil && res.Header.Get("X-Elastic-Product") != "Elasticsearch" {
			return fmt.Errorf("%s: no product header", s.step)
		}
		if err := step(s.step, 200, s.reranked, res, err); err != nil {
			return err
		}
	}
	res, err := es.Search(es.Search.WithIndex(index), es.Search.WithQuery("text:memory"), es.Search.WithFilterPath("hits"))
	if err := step("q", 200, 1, res, err); err != nil {
		return err
	}
	res, err = es.Msearch(reader(multi()), es.Msearch.WithIndex(index))
	return step("msearch", 200, 0, res, err)
}

// page is what is needed of an answer to go on to the next.
type page struct {
	Scroll string `json:"_scroll_id"`
	ID     string // of a point in time
	Hits   struct{ Hits []hit }
}

type hit struct {
	ID    string  `json:"_id"`
	Score float64 `json:"_score"`
	Sort  []any
}

func (p plain) cursors() error {
	es := p.es
	var pages [][]hit
	read := func(status int, res *esapi.Response, err error) (next page, _ error) {
		body, err := answer(status, res, err)
		if err != nil {
			return next, err
		}
		err = json.Unmarshal(body, &next)
		pages = append(pages, next.Hits.Hits)
		return next, err
	}
	res, err := es.Search(es.Search.WithIndex(index), es.Search.WithScroll(time.Minute), es.Search.WithBody(reader(`{"size":7,"query":`+match+`}`)))
	at, err := read(200, res, err)
	for err == nil && len(at.Hits.Hits) > 0 {
		res, err = es.Scroll(es.Scroll.WithScrollID(at.Scroll), es.Scroll.WithScroll(time.Minute))
		at, err = read(200, res, err)
	}
	if err != nil || len(pages) < 3 {
		return fmt.Errorf("scroll: %d pages: %w", len(pages), err)
	}
	res, err = es.ClearScroll(es.ClearScroll.WithScrollID(at.Scroll))
	if err := errors.Join(record("scroll", pages, 0), step("clear scroll", 200, 0, res, err)); err != nil {
		return err
	}

	res, err = es.OpenPointInTime([]string{index}, "1m")
	pit, err := read(200, res, err)
	if err != nil {
		return err
	}
	pages = nil
	from := ""
	for {
		res, err := es.Search(es.Search.WithBody(reader(fmt.Sprintf(byLength, pit.ID, from))))
		at, err := read(200, res, err)
		if err != nil {
			return err
		}
		if len(at.Hits.Hits) == 0 {
			break
		}
		if from, err = after(at.Hits.Hits[len(at.Hits.Hits)-1].Sort); err != nil {
			return err
		}
	}
	if len(pages) < 3 {
		return fmt.Errorf("point in time: %d pages", len(pages))
	}
	res, err = es.ClosePointInTime(es.ClosePointInTime.WithBody(reader(fmt.Sprintf(`{"id":%q}`, pit.ID))))
	return errors.Join(record("point in time", pages, 0), step("close point in time", 200, 0, res, err))
}

func (p plain) failures() error {
	es := p.es
	var all []error
	expect := func(name string, status int, res *esapi.Response, err error) {
		all = append(all, step(name, status, 0, res, err))
	}
	res, err := es.Search(es.Search.WithIndex(missing), es.Search.WithBody(reader(`{"query":`+match+`}`)))
	expect("missing index", 404, res, err)
	res, err = es.Get(index, "none")
	expect("missing document", 404, res, err)
	res, err = es.Search(es.Search.WithIndex(index), es.Search.WithBody(reader(`{"query":{"mach":{"text":"memory"}}}`)))
	expect("unknown query", 400, res, err)
	res, err = es.Search(es.Search.WithIndex(index), es.Search.WithBody(reader(`{"size":20000,"query":`+match+`}`)))
	expect("window too large", 400, res, err)
	res, err = es.Create(index, "own", reader(`{}`))
	expect("conflict", 409, res, err)
	return errors.Join(all...)
}

func (p plain) end() error {
	res, err := p.es.Indices.Delete([]string{index})
	return step("delete index", 200, 0, res, err)
}
