package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/pprof"
	"time"
)

// adminHandler serves the compare page, that of experiments, metrics, health and profiles.
func (s *server) adminHandler() http.Handler {
	m := http.NewServeMux()
	m.Handle("GET /metrics", s.telemetry.metrics)
	m.HandleFunc("GET /healthz", s.health)
	m.HandleFunc("GET /readyz", s.ready)
	m.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) { s.current.snapshot.Load().compare.ServeHTTP(w, r) })
	m.HandleFunc("GET /experiments", func(w http.ResponseWriter, r *http.Request) { s.current.snapshot.Load().compare.ServeExperiments(w, r) })
	m.HandleFunc("/events", s.events)
	m.HandleFunc("GET /events.js", s.events)
	m.HandleFunc("/debug/pprof/", pprof.Index)
	m.HandleFunc("/debug/pprof/cmdline", pprof.Cmdline)
	m.HandleFunc("/debug/pprof/profile", pprof.Profile)
	m.HandleFunc("/debug/pprof/symbol", pprof.Symbol)
	m.HandleFunc("/debug/pprof/trace", pprof.Trace)
	return m
}

// condition is what health and readiness say.
type condition struct {
	Status  string `json:"status"` // ok, degraded (searches fall back to the engine's order), unavailable
	Version string `json:"version"`
	Engine  string `json:"engine,omitempty"`
	Model   string `json:"model"` // failing if any is
	Device  any    `json:"devices"`
	Down    int    `json:"sessions_down,omitempty"` // whose device failed and is being opened again

	Models map[string]modelCondition `json:"models,omitempty"` // each by name, where there are several
}

// modelCondition is that of one of several models.
type modelCondition struct {
	Model  string   `json:"model"` // ok, failing
	Device []string `json:"devices"`
	Down   int      `json:"sessions_down,omitempty"`
}

// health answers 200 while the process works: with a model in trouble searches still get the engine's answers.
func (s *server) health(w http.ResponseWriter, r *http.Request) {
	writeCondition(w, http.StatusOK, s.condition())
}

func (s *server) condition() condition {
	now := s.current.snapshot.Load()
	c := condition{Status: "ok", Version: version, Model: "ok", Device: now.models.first().Info().Devices}
	for _, name := range now.models.names() {
		m := now.models[name]
		one := modelCondition{Model: "ok", Device: m.Info().Devices, Down: m.Stats().Down}
		if err := m.Healthy(); err != nil {
			s.telemetry.logger.Warn("the model is not healthy", "name", name, "error", err)
			one.Model = "failing"
			c.Status, c.Model = "degraded", one.Model
		}
		c.Down += one.Down
		if len(now.models) > 1 {
			if c.Models == nil {
				c.Models = map[string]modelCondition{}
			}
			c.Models[name] = one
		}
	}
	return c
}

// ready answers 503 while searches should go elsewhere: at a stop, and when the engine cannot be reached.
func (s *server) ready(w http.ResponseWriter, r *http.Request) {
	c := s.condition()
	c.Engine = "ok"
	select {
	case <-s.draining:
		c.Status = "unavailable"
		writeCondition(w, http.StatusServiceUnavailable, c)
		return
	default:
	}
	if err := s.reach(r.Context()); err != nil {
		s.telemetry.logger.Warn("the engine cannot be reached", "error", err)
		c.Status, c.Engine = "unavailable", "unreachable"
		writeCondition(w, http.StatusServiceUnavailable, c)
		return
	}
	writeCondition(w, http.StatusOK, c)
}

// reach asks the engine for anything; every answer counts, a 401 too: no credentials are sent.
func (s *server) reach(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodHead, "http://engine/", nil)
	if err != nil {
		return err
	}
	resp, err := s.current.snapshot.Load().engine.RoundTrip(req)
	if err != nil {
		return err
	}
	return resp.Body.Close()
}

func writeCondition(w http.ResponseWriter, status int, c condition) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(c) // a client that left needs no answer
}
