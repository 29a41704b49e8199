package reranker

import (
	"errors"
	"time"
)

// Waits between attempts to open a failed device again.
const (
	firstReopen = time.Second
	lastReopen  = time.Minute
)

// recoverer is a runner whose device may fail and be opened again.
type recoverer interface {
	// broken tells whether the device needs to be opened again.
	broken() bool
	reopen() error
}

// recover opens a failed device again, with growing waits, while the other runners go on; its runner takes no batches
// meanwhile. While none works, requests fail at once, so that searches fall back. False: the scheduler closed.
func (s *scheduler) recover(run runner, failure error) bool {
	r, ok := run.(recoverer)
	if !ok || !r.broken() {
		return true
	}
	s.down(run, failure)
	wait := firstReopen
	for {
		select {
		case <-s.stopped:
			return false
		case <-time.After(wait):
		}
		failure = r.reopen()
		if failure == nil {
			s.up(run)
			return true
		}
		s.mu.Lock()
		s.failure = failure
		s.mu.Unlock()
		wait = min(2*wait, lastReopen)
	}
}

// down counts a runner out. With the last one, what waits fails.
func (s *scheduler) down(run runner, failure error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters.Down++
	s.load[run.device()]++
	s.failure = failure
	if s.counters.Down < len(s.runners) {
		s.work.Broadcast()
		return
	}
	for r := range s.requests {
		s.endLocked(r, &BackendError{Backend: BackendONNX, Err: failure})
	}
}

func (s *scheduler) up(run runner) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.counters.Down--
	s.load[run.device()]--
	s.failure = nil
	s.work.Broadcast()
}

// broken is recoverer's.
func (l *lane) broken() bool { return l.lost }

// reopen is recoverer's.
func (l *lane) reopen() error {
	if err := l.on.reopen(l.failed); err != nil {
		l.failed = nil // closed: the device has no graph now
		return err
	}
	l.failed, l.lost = nil, false
	return nil
}

// note keeps what a failed batch tells of the device.
func (l *lane) note(g *graph, err error) {
	if errors.Is(err, errDeviceLost) || l.on.isLost(err) {
		l.failed, l.lost = g, true
	}
}
