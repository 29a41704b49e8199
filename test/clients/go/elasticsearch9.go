package main

import (
	"encoding/json"
	"errors"
	"fmt"

	"github.com/elastic/go-elasticsearch/v9"
	"github.com/elastic/go-elasticsearch/v9/typedapi/core/search"
	"github.com/elastic/go-elasticsearch/v9/typedapi/types"
	"github.com/elastic/go-elasticsearch/v9/typedapi/types/enums/refresh"
)

// elasticsearch9 uses the typed API of go-elasticsearch 9, which reads every answer into structs of its own.
func (a app) elasticsearch9() error {
	es, err := elasticsearch.NewTypedClient(elasticsearch.Config{Addresses: []string{a.url}, CompressRequestBody: a.compress, DisableRetry: true})
	if err != nil {
		return err
	}
	steps := typed{a: a, es: es}
	return inTurn(steps.writes, steps.searches, steps.cursors, steps.failures, steps.end)
}

type typed struct {
	a  app
	es *elasticsearch.TypedClient
}

// typedStep records what a call got.
func typedStep[T any](name string, reranked int, got T, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", name, err)
	}
	return record(name, got, reranked)
}

func (t typed) writes() error {
	es, ctx := t.es, t.a.ctx
	if _, err := es.Indices.Delete(index).IgnoreUnavailable(true).Do(ctx); err != nil {
		return err
	}
	created, err := es.Indices.Create(index).Raw(reader(creation)).Do(ctx)
	if err := typedStep("create", 0, created, err); err != nil {
		return err
	}
	for _, name := range []string{index, missing} {
		exists, err := es.Indices.Exists(name).IsSuccess(ctx)
		if err := typedStep("exists "+name, 0, exists, err); err != nil {
			return err
		}
	}
	bulk := es.Bulk().Index(index).Refresh(refresh.True)
	for _, d := range t.a.documents {
		if err := bulk.IndexOp(types.IndexOperation{Id_: &d.id}, json.RawMessage(d.source)); err != nil {
			return err
		}
	}
	added, err := bulk.Do(ctx)
	if err == nil && (added.Errors || len(added.Items) != len(t.a.documents)) {
		err = fmt.Errorf("%d of %d, errors %v", len(added.Items), len(t.a.documents), added.Errors)
	}
	if err := typedStep("bulk", 0, added, err); err != nil {
		return err
	}
	indexed, err := es.Index(index).Id("own").Raw(reader(own)).Refresh(refresh.True).Do(ctx)
	if err := typedStep("index", 0, indexed, err); err != nil {
		return err
	}
	got, err := es.Get(index, "own").Do(ctx)
	if err := typedStep("get", 0, got, err); err != nil {
		return err
	}
	updated, err := es.Update(index, "own").Raw(reader(`{"doc":{"length":7}}`)).Refresh(refresh.True).Do(ctx)
	if err := typedStep("update", 0, updated, err); err != nil {
		return err
	}
	count, err := es.Count().Index(index).Query(&types.Query{Match: map[string]types.MatchQuery{"text": {Query: "memory"}}}).Do(ctx)
	return typedStep("count", 0, count, err)
}

func (t typed) searches() error {
	es, ctx := t.es, t.a.ctx
	for _, s := range searches() {
		got, err := es.Search().Index(index).Raw(reader(s.body)).Do(ctx)
		if err := typedStep(s.step, s.reranked, got, err); err != nil {
			return err
		}
	}
	size := 4
	built, err := es.Search().Index(index).Request(&search.Request{
		Query: &types.Query{Match: map[string]types.MatchQuery{"text": {Query: "memory"}}},
		Size:  &size,
	}).Do(ctx)
	if err == nil && len(built.Hits.Hits) != size {
		err = fmt.Errorf("%d hits, want %d", len(built.Hits.Hits), size)
	}
	if err := typedStep("a built request", 1, built, err); err != nil {
		return err
	}
	many, err := es.Msearch().Index(index).Raw(reader(multi())).Do(ctx)
	return typedStep("msearch", 0, many, err)
}

func (t typed) cursors() error {
	es, ctx := t.es, t.a.ctx
	first, err := es.Search().Index(index).Scroll("1m").Raw(reader(`{"size":7,"query":` + match + `}`)).Do(ctx)
	if err != nil {
		return fmt.Errorf("scroll: %w", err)
	}
	pages, hits, scroll := []any{first.Hits}, first.Hits.Hits, *first.ScrollId_
	for len(hits) > 0 {
		next, err := es.Scroll().Raw(reader(fmt.Sprintf(`{"scroll_id":%q,"scroll":"1m"}`, scroll))).Do(ctx)
		if err != nil {
			return fmt.Errorf("scroll: %w", err)
		}
		pages, hits, scroll = append(pages, next.Hits), next.Hits.Hits, *next.ScrollId_
	}
	if len(pages) < 3 {
		return fmt.Errorf("scroll: %d pages", len(pages))
	}
	if err := record("scroll", pages, 0); err != nil {
		return err
	}

	pit, err := es.OpenPointInTime(index).KeepAlive("1m").Do(ctx)
	if err != nil {
		return fmt.Errorf("point in time: %w", err)
	}
	pages = nil
	for from := ""; ; {
		next, err := es.Search().Raw(reader(fmt.Sprintf(byLength, pit.Id, from))).Do(ctx)
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
	closed, err := es.ClosePointInTime().Id(pit.Id).Do(ctx)
	return errors.Join(record("point in time", pages, 0), typedStep("close point in time", 0, closed, err))
}

func (t typed) failures() error {
	es, ctx := t.es, t.a.ctx
	expect := func(name string, status int, err error) error {
		var failure *types.ElasticsearchError
		if !errors.As(err, &failure) || failure.Status != status {
			return fmt.Errorf("%s: %T %v, want an *ElasticsearchError with %d", name, err, err, status)
		}
		return record(name, failure, 0)
	}
	_, gone := es.Search().Index(missing).Raw(reader(`{"query":` + match + `}`)).Do(ctx)
	_, unknown := es.Search().Index(index).Raw(reader(`{"query":{"mach":{"text":"memory"}}}`)).Do(ctx)
	_, large := es.Search().Index(index).Raw(reader(`{"size":20000,"query":` + match + `}`)).Do(ctx)
	_, conflict := es.Create(index, "own").Raw(reader(`{}`)).Do(ctx)
	none, err := es.Get(index, "none").Do(ctx)
	if err == nil && none.Found {
		err = errors.New("it was found")
	}
	return errors.Join(expect("missing index", 404, gone), typedStep("missing document", 0, none, err), expect("unknown query", 400, unknown),
		expect("window too large", 400, large), expect("conflict", 409, conflict))
}

func (t typed) end() error {
	deleted, err := t.es.Indices.Delete(index).Do(t.a.ctx)
	return typedStep("delete index", 0, deleted, err)
}
