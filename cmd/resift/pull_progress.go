package main

import (
	"fmt"
	"time"

	"github.com/resift/resift/reranker/hub"
)

// pullProgress shows a download: bytes and rate of the file at hand on a terminal, elsewhere a line for each file and, while
// a large one takes long, one every ten seconds.
type pullProgress struct {
	*progress
	began time.Time // of the transfer
	from  int64     // byte it began at
	shown time.Time
}

const (
	pullTerminalEvery = 100 * time.Millisecond
	pullLineEvery     = 10 * time.Second
)

// clear empties the line of a transfer that did not end, so that an error begins a new one.
func (g *pullProgress) clear() {
	if g.terminal {
		fmt.Fprint(g.w, "\r\x1b[K")
	}
}

func (g *pullProgress) event(e hub.Event) {
	switch e.Kind {
	case hub.Started:
		g.began, g.from, g.shown = time.Now(), e.Done, time.Now()
		if e.Done > 0 {
			g.done(fmt.Sprintf("%s: going on at %s", e.File, hub.Size(e.Done)))
		}
	case hub.Advanced:
		g.advanced(e)
	case hub.Finished:
		g.done(fmt.Sprintf("%s: %s%s", e.File, hub.Size(e.Done), g.rate(e.Done)))
	case hub.Found:
		g.done(fmt.Sprintf("%s: there already", e.File))
	case hub.Retrying:
		g.done(fmt.Sprintf("%v; again in %s", e.Err, e.Wait.Round(100*time.Millisecond)))
	}
}

func (g *pullProgress) advanced(e hub.Event) {
	every := pullLineEvery
	if g.terminal {
		every = pullTerminalEvery
	}
	if time.Since(g.shown) < every {
		return
	}
	g.shown = time.Now()
	text := fmt.Sprintf("%s: %s", e.File, hub.Size(e.Done))
	if e.Size > 0 {
		text += fmt.Sprintf(" of %s (%d %%)", hub.Size(e.Size), e.Done*100/e.Size)
	}
	text += g.rate(e.Done)
	if g.terminal {
		g.say(text)
	} else {
		g.done(text)
	}
}

// rate is that of the transfer so far; nothing for one too short to tell.
func (g *pullProgress) rate(done int64) string {
	took := time.Since(g.began)
	if took < 50*time.Millisecond || done <= g.from {
		return ""
	}
	return fmt.Sprintf(", %s/s", hub.Size(int64(float64(done-g.from)/took.Seconds())))
}
