package main

import (
	"bytes"
	"errors"
	"fmt"
	"time"

	"github.com/opensearch-project/opensearch-go/v4"
	"github.com/opensearch-project/opensearch-go/v4/opensearchapi"
	"github.com/opensearch-project/opensearch-go/v4/opensearchutil"
)

// opensearch uses opensearch-go 4 and its bulk indexer.
func (a app) opensearch() error {
	client, err := opensearchapi.NewClient(opensearchapi.Config{
		Client: opensearch.Config{Addresses: []string{a.url}, CompressRequestBody: a.compress, DisableRetry: true},
	})
	if err != nil {
		return err
	}
	steps := forked{a: a, os: client}
	return inTurn(steps.writes, steps.searches, steps.cursors, steps.failures, steps.end)
}

type forked struct {
	a  app
	os *opensearchapi.Client
}

func (f forked) writes() error {
	os, ctx := f.os, f.a.ctx
	unavailable := true
	_, err := os.Indices.Delete(ctx, opensearchapi.IndicesDeleteReq{Indices: []string{index}, Params: opensearchapi.IndicesDeleteParams{IgnoreUnavailable: &unavailable}})
	if err != nil {
		return err
	}
	info, err := os.Info(ctx, nil)
	if err != nil {
		return err
	}
	created, err := os.Indices.Create(ctx, opensearchapi.IndicesCreateReq{Index: index, Body: reader(creation)})
	if err := errors.Join(record("info", info.Version.Number, 0), typedStep("create", 0, created, err)); err != nil {
		return err
	}
	if err := f.bulk(); err != nil {
		return err
	}
	indexed, err := os.Index(ctx, opensearchapi.IndexReq{Index: index, DocumentID: "own", Body: reader(own), Params: opensearchapi.IndexParams{Refresh: "true"}})
	if err := typedStep("index", 0, indexed, err); err != nil {
		return err
	}
	got, err := os.Document.Get(ctx, opensearchapi.DocumentGetReq{Index: index, DocumentID: "own"})
	if err := typedStep("get", 0, got, err); err != nil {
		return err
	}
	updated, err := os.Update(ctx, opensearchapi.UpdateReq{Index: index, DocumentID: "own", Body: reader(`{"doc":{"length":7}}`), Params: opensearchapi.UpdateParams{Refresh: "true"}})
	if err := typedStep("update", 0, updated, err); err != nil {
		return err
	}
	some, err := os.MGet(ctx, opensearchapi.MGetReq{Index: index, Body: reader(`{"ids":["own","none"]}`)})
	if err := typedStep("mget", 0, some, err); err != nil {
		return err
	}
	count, err := os.Indices.Count(ctx, &opensearchapi.IndicesCountReq{Indices: []string{index}, Body: reader(`{"query":` + match + `}`)})
	return typedStep("count", 0, count, err)
}

func (f forked) bulk() error {
	indexer, err := opensearchutil.NewBulkIndexer(opensearchutil.BulkIndexerConfig{Client: f.os, Index: index, NumWorkers: 1, FlushBytes: 20_000, FlushInterval: time.Minute})
	if err != nil {
		return err
	}
	for _, d := range f.a.documents {
		if err := indexer.Add(f.a.ctx, opensearchutil.BulkIndexerItem{Action: "index", DocumentID: d.id, Body: bytes.NewReader(d.source)}); err != nil {
			return err
		}
	}
	if err := indexer.Close(f.a.ctx); err != nil {
		return err
	}
	s := indexer.Stats()
	if s.NumIndexed != uint64(len(f.a.documents)) {
		return fmt.Errorf("bulk: %d documents of %d", s.NumIndexed, len(f.a.documents))
	}
	return record("bulk", []uint64{s.NumAdded, s.NumFlushed, s.NumFailed, s.NumIndexed, s.NumRequests}, 0)
}

func (f forked) searches() error {
	for _, s := range searches() {
		got, err := f.os.Search(f.a.ctx, &opensearchapi.SearchReq{Indices: []string{index}, Body: reader(s.body)})
		if err := typedStep(s.step, s.reranked, got, err); err != nil {
			return err
		}
	}
	got, err := f.os.Search(f.a.ctx, &opensearchapi.SearchReq{Indices: []string{index}, Params: opensearchapi.SearchParams{Query: "text:memory", FilterPath: []string{"hits"}}})
	if err := typedStep("q", 1, got, err); err != nil {
		return err
	}
	many, err := f.os.MSearch(f.a.ctx, opensearchapi.MSearchReq{Indices: []string{index}, Body: reader(multi())})
	return typedStep("msearch", 0, many, err)
}

func (f forked) cursors() error {
	os, ctx := f.os, f.a.ctx
	first, err := os.Search(ctx, &opensearchapi.SearchReq{Indices: []string{index}, Body: reader(`{"size":7,"query":` + match + `}`),
		Params: opensearchapi.SearchParams{Scroll: time.Minute}})
	if err != nil {
		return fmt.Errorf("scroll: %w", err)
	}
	pages, hits, scroll := []any{first.Hits}, first.Hits.Hits, *first.ScrollID
	for len(hits) > 0 {
		next, err := os.Scroll.Get(ctx, opensearchapi.ScrollGetReq{ScrollID: scroll, Params: opensearchapi.ScrollGetParams{Scroll: time.Minute}})
		if err != nil {
			return fmt.Errorf("scroll: %w", err)
		}
		pages, hits, scroll = append(pages, next.Hits), next.Hits.Hits, *next.ScrollID
	}
	if len(pages) < 3 {
		return fmt.Errorf("scroll: %d pages", len(pages))
	}
	if err := record("scroll", pages, 0); err != nil {
		return err
	}

	pit, err := os.PointInTime.Create(ctx, opensearchapi.PointInTimeCreateReq{Indices: []string{index}, Params: opensearchapi.PointInTimeCreateParams{KeepAlive: time.Minute}})
	if err != nil {
		return fmt.Errorf("point in time: %w", err)
	}
	pages = nil
	for from := ""; ; {
		next, err := os.Search(ctx, &opensearchapi.SearchReq{Body: reader(fmt.Sprintf(byLength, pit.PitID, from))})
		if err != nil {
			return fmt.Errorf("point in time: %w", err)
		}
		pages = append(pages, next.Hits)
		if len(next.Hits.Hits) == 0 {
			break
		}
		if from, err = after(next.Hits.Hits[len(next.Hits.Hits)-1].Sort); err != nil {
			return err
		}
	}
	if len(pages) < 3 {
		return fmt.Errorf("point in time: %d pages", len(pages))
	}
	closed, err := os.PointInTime.Delete(ctx, opensearchapi.PointInTimeDeleteReq{PitID: []string{pit.PitID}})
	if err != nil {
		return fmt.Errorf("close point in time: %w", err)
	}
	return errors.Join(record("point in time", pages, 0), record("close point in time", len(closed.Pits), 0))
}

func (f forked) failures() error {
	os, ctx := f.os, f.a.ctx
	expect := func(name string, status int, err error) error {
		var failure *opensearch.StructError
		if !errors.As(err, &failure) || failure.Status != status {
			return fmt.Errorf("%s: %T %v, want a *StructError with %d", name, err, err, status)
		}
		return record(name, failure, 0)
	}
	_, gone := os.Search(ctx, &opensearchapi.SearchReq{Indices: []string{missing}, Body: reader(`{"query":` + match + `}`)})
	_, unknown := os.Search(ctx, &opensearchapi.SearchReq{Indices: []string{index}, Body: reader(`{"query":{"mach":{"text":"memory"}}}`)})
	_, large := os.Search(ctx, &opensearchapi.SearchReq{Indices: []string{index}, Body: reader(`{"size":20000,"query":` + match + `}`)})
	_, conflict := os.Document.Create(ctx, opensearchapi.DocumentCreateReq{Index: index, DocumentID: "own", Body: reader(`{}`)})
	_, none := os.Document.Get(ctx, opensearchapi.DocumentGetReq{Index: index, DocumentID: "none"})
	if none == nil {
		return errors.New("missing document: no error")
	}
	return errors.Join(expect("missing index", 404, gone), record("missing document", none.Error(), 0), expect("unknown query", 400, unknown),
		expect("window too large", 400, large), expect("conflict", 409, conflict))
}

func (f forked) end() error {
	deleted, err := f.os.Indices.Delete(f.a.ctx, opensearchapi.IndicesDeleteReq{Indices: []string{index}})
	return typedStep("delete index", 0, deleted, err)
}
