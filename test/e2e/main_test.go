package e2e

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
	"golang.org/x/sync/errgroup"

	"github.com/resift/resift/engines"
	"github.com/resift/resift/test/rig"
)

// shared is what TestMain makes once for all tests.
var shared struct {
	binary        string // of resift
	opensearch    *engine
	elasticsearch *engine
}

// engine is a running engine with the corpus in it.
type engine struct {
	name    string // opensearch, elasticsearch
	recipe  string // what package engines calls it
	url     string
	address string // host:port of url
}

// TestMain builds the binary, boots both engines and loads the corpus, all at the same time.
func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("end-to-end tests need engines: skipped by -short")
		return
	}
	code, err := runAll(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, "e2e:", err)
		code = 1
	}
	os.Exit(code)
}

func runAll(m *testing.M) (code int, err error) {
	dir, err := os.MkdirTemp("", "resift-e2e-*")
	if err != nil {
		return 1, err
	}
	defer os.RemoveAll(dir)
	shared.binary = filepath.Join(dir, "resift")
	begin := time.Now()
	var stops [2]func() error
	g, ctx := errgroup.WithContext(context.Background())
	g.Go(func() error { return rig.Build(ctx, shared.binary) })
	g.Go(func() (err error) {
		shared.opensearch, stops[0], err = bootAndLoad(ctx, "opensearch-3.8", os.Getenv("RESIFT_TEST_OPENSEARCH"))
		return err
	})
	g.Go(func() (err error) {
		shared.elasticsearch, stops[1], err = bootAndLoad(ctx, "elasticsearch-9.5", os.Getenv("RESIFT_TEST_ELASTICSEARCH"))
		return err
	})
	defer func() {
		for _, stop := range stops {
			if stop != nil {
				err = errors.Join(err, stop())
			}
		}
		httpClient.CloseIdleConnections()
		if code == 0 && err == nil {
			err = goleak.Find()
		}
	}()
	if err := g.Wait(); err != nil {
		return 1, err
	}
	fmt.Printf("engines, corpus and binary are ready after %.1f s\n", time.Since(begin).Seconds())
	return m.Run(), nil
}

// bootAndLoad starts an engine, unless url names one that is up, and fills it.
func bootAndLoad(ctx context.Context, name, url string) (e *engine, stop func() error, err error) {
	e, stop = newEngine(name, url), func() error { return nil }
	if url == "" {
		if e, stop, err = boot(ctx, name); err != nil {
			return nil, nil, err
		}
	}
	if err := load(ctx, e); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", name, err), stop())
	}
	return e, stop, nil
}

// boot starts an empty engine.
func boot(ctx context.Context, name string) (e *engine, stop func() error, err error) {
	var log bytes.Buffer
	running, err := engines.Start(ctx, engines.Options{Name: name, Heap: "512m", Log: &log})
	if err != nil {
		return nil, nil, err
	}
	return newEngine(name, running.URL), running.Stop, nil
}

func newEngine(recipe, url string) *engine {
	return &engine{name: recipe[:len(recipe)-len("-9.5")], recipe: recipe, url: url, address: strings.TrimPrefix(url, "http://")}
}

// onBoth runs a test against each engine.
func onBoth(t *testing.T, test func(t *testing.T, e *engine)) {
	for _, e := range []*engine{shared.opensearch, shared.elasticsearch} {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}
