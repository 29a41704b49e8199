package main

import (
	"log/slog"
	"net/http"
	"time"

	"github.com/resift/resift/configs"
	"github.com/resift/resift/ubi"
)

// recordsLimit is how long records may take to be written at a stop or a reload.
const recordsLimit = 10 * time.Second

// openRecords starts the writer of records; nil where none are kept.
func openRecords(c configs.Records, log *slog.Logger) (*ubi.Writer, error) {
	var sink ubi.Sink
	var err error
	switch {
	case c.Dir != "":
		sink, err = ubi.NewFiles(c.Dir, int64(c.FileSize), c.Files)
	case c.URL != "":
		header := http.Header{}
		if c.Authorization != "" {
			header.Set("Authorization", string(c.Authorization))
		}
		sink, err = ubi.NewBulk(&http.Client{Timeout: 30 * time.Second}, c.URL, c.IndexPrefix, header)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return ubi.NewWriter(ubi.Options{
		Sink: sink, Queue: c.Queue, Logger: log,
		Privacy: ubi.Privacy{Queries: ubi.Keep(c.Queries), Clients: ubi.Keep(c.Clients), Key: []byte(c.Key)},
	}), nil
}

// events serves POST /events and /events.js at the admin port.
func (s *server) events(w http.ResponseWriter, r *http.Request) {
	now := s.current.snapshot.Load()
	if now.records == nil {
		http.NotFound(w, r)
		return
	}
	ubi.Handler(now.records, now.config.Records.Origins).ServeHTTP(w, r)
}
