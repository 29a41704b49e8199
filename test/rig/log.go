package rig

import (
	"bufio"
	"bytes"
	"encoding/json"
	"strings"
	"sync"
)

// Log is what a process wrote to standard error, and what its first lines tell.
type Log struct {
	mu            sync.Mutex
	text          bytes.Buffer
	up            chan struct{} // closed by "resift is up"
	listen, admin string        // set before up is closed, as is rerank
	rerank        string
}

func newLog() *Log { return &Log{up: make(chan struct{})} }

func (l *Log) readFrom(r *bufio.Reader) {
	for {
		line, err := r.ReadBytes('\n')
		l.add(line)
		if err != nil {
			return
		}
	}
}

func (l *Log) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.text.Write(line)
	var entry struct {
		Msg, Listen, Admin string
		Rerank             string `json:"rerank_api"`
	}
	if json.Unmarshal(line, &entry) == nil && entry.Msg == "resift is up" && l.listen == "" {
		l.listen, l.admin, l.rerank = entry.Listen, entry.Admin, entry.Rerank
		close(l.up)
	}
}

// String is all of it so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// Count is how often text stands in it.
func (l *Log) Count(text string) int { return strings.Count(l.String(), text) }
