package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/resift/resift/configs"
	"github.com/resift/resift/proxy"
)

// serve runs the proxy until ctx ends.
func (p *program) serve(ctx context.Context, args []string) error {
	f := p.flags("serve", "serve --config FILE")
	file := f.String("config", "", "configuration `file`")
	if _, err := parse(f, args, 0); err != nil {
		return err
	}
	c, err := p.load(*file)
	if err != nil {
		return err
	}
	s, err := newServer(ctx, p, c)
	if err != nil {
		return err
	}
	hup := make(chan os.Signal, 1)
	signal.Notify(hup, syscall.SIGHUP)
	defer signal.Stop(hup)
	return s.run(ctx, func(ctx context.Context) error { return s.watch(ctx, *file, hup) })
}

// server is the running process: its listeners and the snapshot in service.
type server struct {
	program   *program
	telemetry *telemetry
	metrics   *processMetrics
	builder   *builder
	current   current
	fixed     configs.Config // what a reload cannot change: addresses and the limits of connections

	search, admin, rerank             net.Listener // admin and rerank may be nil
	searchHTTP, adminHTTP, rerankHTTP *http.Server
	draining                          chan struct{}
}

// newServer opens everything and listens; nothing is served before run. The compare page offers the examples.
func newServer(ctx context.Context, p *program, c *configs.Config, examples ...string) (_ *server, err error) {
	s := &server{program: p, fixed: *c, draining: make(chan struct{})}
	if s.telemetry, err = newTelemetry(ctx, p, c.Log); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.abandon(ctx))
		}
	}()
	if s.metrics, err = newProcessMetrics(s.telemetry.meter, s.current.snapshot.Load); err != nil {
		return nil, err
	}
	s.builder = &builder{telemetry: s.telemetry, metrics: s.metrics, search: &s.current, examples: examples}
	// Ports first: a port in use must not wait for a model to load.
	if s.search, err = listen("listen", c.Listen); err != nil {
		return nil, err
	}
	if c.Admin.Listen != "" {
		if s.admin, err = listen("admin.listen", c.Admin.Listen); err != nil {
			return nil, err
		}
	}
	if c.RerankAPI.Listen != "" {
		if s.rerank, err = listen("rerank_api.listen", c.RerankAPI.Listen); err != nil {
			return nil, err
		}
	}
	first, err := s.builder.build(c, nil)
	if err != nil {
		return nil, err
	}
	s.current.swap(first)
	s.metrics.loaded(true)
	limits := proxy.ServerOptions{
		HeaderTime: time.Duration(c.Limits.HeaderTime), IdleTime: time.Duration(c.Limits.IdleTime), HeaderBytes: int(c.Limits.Headers),
		StallTime: time.Duration(c.Limits.StallTime),
	}
	if first.tls != nil {
		limits.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return s.current.snapshot.Load().tls, nil
		}, MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
	}
	s.search, s.searchHTTP = s.publicPort(s.search, &s.current, limits)
	if s.rerank != nil {
		s.rerank, s.rerankHTTP = s.publicPort(s.rerank, s.rerankHandler(), limits)
	}
	s.adminHTTP = &http.Server{Handler: s.adminHandler(), ReadHeaderTimeout: 10 * time.Second}
	return s, nil
}

// publicPort is a port that apps call: the guarded listener and its server.
func (s *server) publicPort(l net.Listener, h http.Handler, limits proxy.ServerOptions) (net.Listener, *http.Server) {
	p := proxy.NewServer(h, limits)
	p.ErrorLog = slog.NewLogLogger(s.telemetry.logger.Handler(), slog.LevelDebug) // broken clients, mostly
	return proxy.Guard(l, limits), p
}

// abandon closes what a failed start had opened.
func (s *server) abandon(ctx context.Context) error {
	var errs []error
	for _, l := range []net.Listener{s.search, s.admin, s.rerank} {
		if l != nil {
			errs = append(errs, l.Close())
		}
	}
	if first := s.current.snapshot.Load(); first != nil {
		errs = append(errs, first.close(nil))
	}
	return errors.Join(append(errs, s.telemetry.close(ctx))...)
}

func listen(key, address string) (net.Listener, error) {
	l, err := net.Listen("tcp", address)
	if errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("%s: %s is in use by another program", key, address)
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", key, err)
	}
	return l, nil
}

// URL is where the search port is reached.
func (s *server) URL() string { return s.publicURL(s.search) }

// RerankURL is where the rerank API is reached; empty without one.
func (s *server) RerankURL() string {
	if s.rerank == nil {
		return ""
	}
	return s.publicURL(s.rerank)
}

func (s *server) publicURL(l net.Listener) string {
	scheme := "http"
	if s.current.snapshot.Load().tls != nil {
		scheme = "https"
	}
	return scheme + "://" + l.Addr().String()
}

// AdminURL is where the admin port is reached; empty without one.
func (s *server) AdminURL() string {
	if s.admin == nil {
		return ""
	}
	return "http://" + s.admin.Addr().String()
}

// run serves, and runs beside, until ctx ends or something fails; then it drains and closes everything.
func (s *server) run(ctx context.Context, beside ...func(context.Context) error) error {
	open := s.current.snapshot.Load().models
	info := open.first().Info()
	s.telemetry.logger.Info("resift is up", "version", version, "listen", s.URL(), "admin", s.AdminURL(), "rerank_api", s.RerankURL(),
		"model", open.first().Name(), "from", info.Model, "precision", info.Precision, "devices", info.Devices, "sessions", info.Sessions)
	for _, name := range open.names()[1:] {
		info := open[name].Info()
		s.telemetry.logger.Info("one more model", "name", name, "model", open[name].Name(), "from", info.Model, "precision", info.Precision,
			"devices", info.Devices, "sessions", info.Sessions)
	}
	g, ctx := errgroup.WithContext(ctx)
	g.Go(func() error { return served(s.searchHTTP.Serve(s.search)) })
	if s.rerank != nil {
		g.Go(func() error { return served(s.rerankHTTP.Serve(s.rerank)) })
	}
	if s.admin != nil {
		g.Go(func() error { return served(s.adminHTTP.Serve(s.admin)) })
	}
	for _, f := range beside {
		g.Go(func() error { return f(ctx) })
	}
	g.Go(func() error {
		<-ctx.Done()
		return s.shutdown()
	})
	return g.Wait()
}

func served(err error) error {
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// shutdown stops accepting, lets requests finish for the drain time, and closes everything in order.
func (s *server) shutdown() error {
	close(s.draining)
	last := s.current.snapshot.Load()
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(last.config.Limits.DrainTime))
	defer cancel()
	s.telemetry.logger.Info("resift is draining")
	var ports sync.WaitGroup
	ports.Go(func() { s.drainPort(ctx, s.searchHTTP) })
	if s.rerank != nil {
		ports.Go(func() { s.drainPort(ctx, s.rerankHTTP) })
	}
	ports.Wait()
	err := errors.Join(s.adminHTTP.Shutdown(ctx), last.drain(ctx), last.close(nil))
	flush, stop := context.WithTimeout(context.Background(), 5*time.Second)
	defer stop()
	return errors.Join(err, s.telemetry.close(flush))
}

// drainPort stops accepting at once, and cuts off what is not over when ctx ends.
func (s *server) drainPort(ctx context.Context, p *http.Server) {
	if err := p.Shutdown(ctx); err != nil {
		s.telemetry.logger.Warn("requests under way were cut off", "error", err)
		p.Close()
	}
}
