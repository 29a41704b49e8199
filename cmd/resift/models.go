package main

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/resift/resift/configs"
	"github.com/resift/resift/proxy"
	"github.com/resift/resift/rerankapi"
	"github.com/resift/resift/reranker"
)

// models are the open ones by name, configs.DefaultModel among them.
type models map[string]*reranker.Reranker

// openModels opens the models of a configuration, each with a queue of its own. Those of old, which may be nil, whose options did
// not change are kept. On an error, too, it returns what is open.
func (b *builder) openModels(c *configs.Config, old *snapshot) (models, error) {
	open := models{}
	all := c.ByName()
	for _, name := range slices.Sorted(maps.Keys(all)) {
		r := all[name]
		if old != nil {
			if before, ok := old.config.ByName()[name]; ok && before == r {
				open[name] = old.models[name]
				continue
			}
		}
		m, err := reranker.Open(b.rerankerOptions(name, r))
		if err != nil {
			return open, fmt.Errorf("%s: %w", configs.ModelPath(name), err)
		}
		open[name] = m
	}
	return open, nil
}

// close closes what other does not have too.
func (m models) close(other models) error {
	var errs []error
	for name, r := range m {
		if other[name] != r {
			errs = append(errs, r.Close())
		}
	}
	return errors.Join(errs...)
}

// names are all, the default one's first.
func (m models) names() []string {
	names := slices.Sorted(maps.Keys(m))
	names = slices.DeleteFunc(names, func(name string) bool { return name == configs.DefaultModel })
	return slices.Insert(names, 0, configs.DefaultModel)
}

// first is the model that answers where none is named.
func (m models) first() *reranker.Reranker { return m[configs.DefaultModel] }

// others are all but the first, as who takes them declares a model.
func others[T any](m models, as func(*reranker.Reranker) T) map[string]T {
	all := map[string]T{}
	for _, name := range m.names()[1:] {
		all[name] = as(m[name])
	}
	return all
}

func asScorer(r *reranker.Reranker) proxy.Scorer   { return r }
func asModel(r *reranker.Reranker) rerankapi.Model { return r }

func (b *builder) rerankerOptions(name string, r configs.Reranker) reranker.Options {
	o := reranker.Options{
		Backend: r.Backend, Model: r.Model, Library: r.Library, Device: r.Device, Sessions: r.Sessions, Threads: r.Threads,
		MaxTokens: r.MaxTokens, BatchTokens: r.BatchTokens, BatchDelay: time.Duration(r.BatchDelay), TokenizeWorkers: r.TokenizeWorkers, MemoryLimit: int64(r.GPUMemory),
		URL: r.URL, Timeout: time.Duration(r.Timeout), Concurrency: r.Concurrency, QueuePairs: r.QueuePairs, OnBatch: b.metrics.batches(name),
	}
	if r.Token != "" {
		o.Header = http.Header{"Authorization": {"Bearer " + string(r.Token)}}
	}
	return o
}
