package ubi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"
)

// Limits of one POST.
const (
	maxBody   = 64 << 10
	maxEvents = 100
)

// script is for web pages: it reports clicks on marked elements.
//
//go:embed events.js
var script []byte

// Recorder takes events; false: the event is lost.
type Recorder interface{ Event(Event) bool }

// Handler serves POST /events, which takes one event, a list of them or a line each, and GET /events.js. origins are the sites
// whose pages may call it from a browser; "*" is any.
func Handler(r Recorder, origins []string) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("POST /events", func(w http.ResponseWriter, req *http.Request) {
		allowOrigin(w, req, origins)
		takeEvents(w, req, r)
	})
	m.HandleFunc("OPTIONS /events", func(w http.ResponseWriter, req *http.Request) {
		if allowOrigin(w, req, origins) {
			w.Header().Set("Access-Control-Allow-Methods", "POST")
			w.Header().Set("Access-Control-Allow-Headers", "Content-Type")
			w.Header().Set("Access-Control-Max-Age", "600")
		}
		w.WriteHeader(http.StatusNoContent)
	})
	m.HandleFunc("GET /events.js", func(w http.ResponseWriter, req *http.Request) {
		allowOrigin(w, req, origins)
		w.Header().Set("Content-Type", "text/javascript; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=3600")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		w.Write(script)
	})
	return m
}

// allowOrigin tells a browser whether a page of another site may read the answer.
func allowOrigin(w http.ResponseWriter, req *http.Request, origins []string) bool {
	w.Header().Add("Vary", "Origin")
	origin := req.Header.Get("Origin")
	if origin == "" || !slices.Contains(origins, origin) && !slices.Contains(origins, "*") {
		return false
	}
	w.Header().Set("Access-Control-Allow-Origin", origin)
	return true
}

// takeEvents answers 204 when all events are recorded, 400 for one that is wrong (none is recorded then), 413 for too many, and
// 503 where the queue is full.
func takeEvents(w http.ResponseWriter, req *http.Request, r Recorder) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("the events are larger than %d bytes", maxBody))
		return
	} else if err != nil {
		refuse(w, http.StatusBadRequest, "the events could not be read")
		return
	}
	events, err := readEvents(body)
	if err != nil {
		refuse(w, http.StatusBadRequest, err.Error())
		return
	}
	if len(events) > maxEvents {
		refuse(w, http.StatusRequestEntityTooLarge, fmt.Sprintf("more than %d events", maxEvents))
		return
	}
	now := time.Now()
	for i := range events {
		if err := events[i].Check(now); err != nil {
			refuse(w, http.StatusBadRequest, fmt.Sprintf("event %d: %v", i+1, err))
			return
		}
	}
	for _, e := range events {
		if !r.Event(e) {
			w.Header().Set("Retry-After", "1")
			refuse(w, http.StatusServiceUnavailable, "too many records are waiting")
			return
		}
	}
	w.WriteHeader(http.StatusNoContent)
}

// readEvents reads one event, a list, or a line each.
func readEvents(body []byte) ([]Event, error) {
	body = bytes.TrimSpace(body)
	if len(body) == 0 {
		return nil, errors.New("no event: the body is empty")
	}
	if body[0] == '[' {
		var list []Event
		if err := json.Unmarshal(body, &list); err != nil {
			return nil, fmt.Errorf("the list of events: %w", err)
		}
		return list, nil
	}
	var list []Event
	for dec := json.NewDecoder(bytes.NewReader(body)); ; {
		var e Event
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			return list, nil
		} else if err != nil {
			return nil, fmt.Errorf("event %d: %w", len(list)+1, err)
		}
		list = append(list, e)
	}
}

// refuse writes an error in the engines' shape.
func refuse(w http.ResponseWriter, status int, reason string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	cause := map[string]string{"type": "illegal_argument_exception", "reason": reason}
	_ = json.NewEncoder(w).Encode(map[string]any{ // a client that left needs no answer
		"error": map[string]any{"root_cause": []any{cause}, "type": cause["type"], "reason": reason}, "status": status,
	})
}
