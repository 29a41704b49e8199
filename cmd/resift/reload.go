package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/fsnotify/fsnotify"

	"github.com/resift/resift/configs"
)

// settle is how long a configuration file must be left alone before it is read: editors and mounts write in steps.
const settle = 250 * time.Millisecond

// watch reloads on a signal and when the file's content changes, until ctx ends. It watches the folder: editors and
// mounted volumes replace files instead of writing to them.
func (s *server) watch(ctx context.Context, file string, hup <-chan os.Signal) error {
	w, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watch the configuration: %w", err)
	}
	defer w.Close()
	if err := w.Add(filepath.Dir(file)); err != nil {
		return fmt.Errorf("watch the configuration: %w", err)
	}
	last, _ := os.ReadFile(file)
	changed := time.NewTimer(0)
	<-changed.C
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-hup:
			last, _ = os.ReadFile(file)
			s.reload(file)
		case <-w.Events:
			changed.Reset(settle)
		case err := <-w.Errors:
			s.telemetry.logger.Warn("watching the configuration file", "error", err)
		case <-changed.C:
			if text, err := os.ReadFile(file); err == nil && string(text) != string(last) {
				last = text
				s.reload(file)
			}
		}
	}
}

// reload puts the file's configuration into service, or changes nothing and says why.
func (s *server) reload(file string) {
	err := s.tryReload(file)
	s.metrics.loaded(err == nil)
	if err != nil {
		s.telemetry.logger.Error("the configuration was not reloaded; the one in service stays", "error", err)
		return
	}
	s.telemetry.logger.Info("the configuration was reloaded")
}

func (s *server) tryReload(file string) error {
	c, err := s.program.load(file)
	if err != nil {
		return err
	}
	if err := s.reloadable(c); err != nil {
		return err
	}
	old := s.current.snapshot.Load()
	next, err := s.builder.build(c, old)
	if err != nil {
		return err
	}
	if err := s.telemetry.setLevel(c.Log.Level); err != nil {
		return errors.Join(err, next.close(old))
	}
	s.current.swap(next)
	ctx, cancel := context.WithTimeout(context.Background(), time.Duration(c.Limits.DrainTime))
	defer cancel()
	if err := old.drain(ctx); err != nil {
		s.telemetry.logger.Warn("the old configuration was closed early", "error", err)
	}
	if err := old.close(next); err != nil {
		s.telemetry.logger.Warn("closing parts of the old configuration", "error", err)
	}
	return nil
}

// reloadable tells whether c differs from the running configuration only in what a reload can change.
func (s *server) reloadable(c *configs.Config) error {
	var problems configs.Problems
	for _, k := range []struct {
		path string
		same bool
	}{
		{"listen", c.Listen == s.fixed.Listen},
		{"admin.listen", c.Admin == s.fixed.Admin},
		{"rerank_api.listen", c.RerankAPI.Listen == s.fixed.RerankAPI.Listen},
		{"tls", (c.TLS.Cert == "") == (s.fixed.TLS.Cert == "")},
		{"limits.headers", c.Limits.Headers == s.fixed.Limits.Headers},
		{"limits.header_time", c.Limits.HeaderTime == s.fixed.Limits.HeaderTime},
		{"limits.stall_time", c.Limits.StallTime == s.fixed.Limits.StallTime},
		{"limits.idle_time", c.Limits.IdleTime == s.fixed.Limits.IdleTime},
		{"log.format", c.Log.Format == s.fixed.Log.Format},
	} {
		if !k.same {
			problems = append(problems, configs.Problem{Path: k.path, Text: "changed; that takes a restart"})
		}
	}
	if len(problems) > 0 {
		return problems
	}
	return nil
}
