package main

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/http"
	"os"
	"reflect"
	"sync"
	"sync/atomic"
	"time"

	"github.com/resift/resift/cache"
	"github.com/resift/resift/compare"
	"github.com/resift/resift/configs"
	"github.com/resift/resift/proxy"
	"github.com/resift/resift/rerankapi"
	"github.com/resift/resift/searchclient"
	"github.com/resift/resift/ubi"
)

// snapshot is a configuration and all that was built from it. It is immutable.
type snapshot struct {
	config    *configs.Config
	engine    *searchclient.Client
	models    models
	cache     *cache.Cache
	handler   *proxy.Handler
	records   *ubi.Writer // nil: none
	compare   *compare.Handler
	rerankAPI *rerankapi.Handler // nil: none
	tls       *tls.Config        // of the search port and the rerank API's; nil: plain HTTP

	requests sync.WaitGroup // under way on this snapshot
}

// builder makes snapshots.
type builder struct {
	telemetry *telemetry
	metrics   *processMetrics
	search    http.Handler // what is in service, for the compare page
	examples  []string     // of the compare page
}

// build makes a snapshot of a configuration. Parts of old, which may be nil, whose configuration did not change are kept;
// on an error nothing that was opened stays open.
func (b *builder) build(c *configs.Config, old *snapshot) (s *snapshot, err error) {
	s = &snapshot{config: c}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close(old))
		}
	}()
	if s.tls, err = serverTLS(c.TLS); err != nil {
		return s, err
	}
	if old != nil && reflect.DeepEqual(old.config.Engine, c.Engine) {
		s.engine = old.engine
	} else if s.engine, err = openEngine(c.Engine); err != nil {
		return s, err
	}
	if s.models, err = b.openModels(c, old); err != nil {
		return s, err
	}
	if old != nil && old.config.Cache == c.Cache {
		s.cache = old.cache
	} else if s.cache, err = cache.New(cache.Options{Bytes: int64(c.Cache.Size), MaxAge: time.Duration(c.Cache.MaxAge)}); err != nil {
		return s, err
	}
	if s.rerankAPI, err = b.rerankAPI(c, s); err != nil {
		return s, err
	}
	if old != nil && reflect.DeepEqual(old.config.Records, c.Records) {
		s.records = old.records
	} else if s.records, err = openRecords(c.Records, b.telemetry.logger); err != nil {
		return s, fmt.Errorf("records: %w", err)
	}
	rules, err := rules(c)
	if err != nil {
		return s, err
	}
	var recorder proxy.Recorder
	if s.records != nil {
		recorder = s.records
	}
	s.handler, err = proxy.New(proxy.Options{
		Engine: s.engine, Scorer: s.models.first(), Models: others(s.models, asScorer), Scores: s.cache, Rules: rules,
		Recorder: recorder, Application: c.Records.Application,
		Limits:         proxy.Limits{Body: int64(c.Limits.Body), BodyTime: time.Duration(c.Limits.BodyTime), StallTime: time.Duration(c.Limits.StallTime), Searches: c.Limits.Searches},
		AllowHeaders:   c.Allow.Headers,
		Logger:         b.telemetry.logger,
		TracerProvider: b.telemetry.tracer, MeterProvider: b.telemetry.meter, Propagator: b.telemetry.propagator,
	})
	if err != nil {
		return s, err
	}
	first := c.Indices[0]
	var choice []string
	if c.Allow.Model && len(s.models) > 1 {
		choice = s.models.names()
	}
	s.compare, err = compare.New(compare.Options{
		Search: b.search, Index: expression(first.Match), Fields: first.Fields, Window: first.Window, Models: choice, Examples: b.examples,
		Experiments: newLiveExperiments(c),
	})
	return s, err
}

// expression is the index expression that a rule's match stands for; empty for all indices.
func expression(match string) string {
	if match == "*" {
		return ""
	}
	return match
}

// close closes what other, which may be nil, does not use too.
func (s *snapshot) close(other *snapshot) error {
	var errs []error
	if s.handler != nil {
		s.handler.Close()
	}
	if s.records != nil && (other == nil || other.records != s.records) {
		ctx, cancel := context.WithTimeout(context.Background(), recordsLimit)
		errs = append(errs, s.records.Close(ctx))
		cancel()
	}
	var kept models
	if other != nil {
		kept = other.models
	}
	errs = append(errs, s.models.close(kept))
	if s.engine != nil && (other == nil || other.engine != s.engine) {
		errs = append(errs, s.engine.Close())
	}
	return errors.Join(errs...)
}

func openEngine(e configs.Engine) (*searchclient.Client, error) {
	o := searchclient.Options{
		URLs: e.URLs, DialTimeout: time.Duration(e.ConnectTimeout), HeaderTimeout: time.Duration(e.HeaderTimeout),
		StallTimeout: time.Duration(e.StallTimeout),
		IdlePerHost:  e.IdlePerHost, MaxAnswer: int64(e.MaxAnswer),
	}
	var err error
	if o.TLS, err = engineTLS(e.TLS); err != nil {
		return nil, err
	}
	return searchclient.New(o)
}

func engineTLS(t configs.EngineTLS) (*tls.Config, error) {
	c := &tls.Config{ServerName: t.ServerName, InsecureSkipVerify: t.InsecureSkipVerify, MinVersion: tls.VersionTLS12}
	var err error
	if t.CA != "" {
		if c.RootCAs, err = pool(t.CA); err != nil {
			return nil, fmt.Errorf("engine.tls.ca: %w", err)
		}
	}
	if t.Cert != "" {
		pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
		if err != nil {
			return nil, fmt.Errorf("engine.tls.cert: %w", err)
		}
		c.Certificates = []tls.Certificate{pair}
	}
	return c, nil
}

func serverTLS(t configs.TLS) (*tls.Config, error) {
	if t.Cert == "" {
		return nil, nil
	}
	pair, err := tls.LoadX509KeyPair(t.Cert, t.Key)
	if err != nil {
		return nil, fmt.Errorf("tls.cert: %w", err)
	}
	c := &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	if t.ClientCA != "" {
		if c.ClientCAs, err = pool(t.ClientCA); err != nil {
			return nil, fmt.Errorf("tls.client_ca: %w", err)
		}
		c.ClientAuth = tls.RequireAndVerifyClientCert
	}
	return c, nil
}

func pool(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	p := x509.NewCertPool()
	if !p.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("%s holds no PEM certificate", file)
	}
	return p, nil
}

// current is the snapshot in service. Requests run on the one they began with; a swap waits for those of the old one.
type current struct {
	mu       sync.RWMutex
	snapshot atomic.Pointer[snapshot]
}

// ServeHTTP answers with the snapshot in service.
func (c *current) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s, done := c.enter()
	defer done()
	s.handler.ServeHTTP(w, r)
}

// enter begins a request on the snapshot in service; done ends it.
func (c *current) enter() (s *snapshot, done func()) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	s = c.snapshot.Load()
	s.requests.Add(1)
	return s, s.requests.Done
}

// swap puts next into service and returns what was.
func (c *current) swap(next *snapshot) *snapshot {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.snapshot.Swap(next)
}

// drain waits for the requests on s, at most until ctx ends.
func (s *snapshot) drain(ctx context.Context) error {
	done := make(chan struct{})
	go func() { s.requests.Wait(); close(done) }()
	select {
	case <-done:
		return nil
	case <-ctx.Done():
		return fmt.Errorf("requests under way were cut off: %w", ctx.Err())
	}
}
