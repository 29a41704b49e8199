package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"golang.org/x/term"
)

// progress tells what takes time: on a terminal one line that is written over, elsewhere a plain line for each step that
// ended.
type progress struct {
	w        io.Writer
	terminal bool
	start    time.Time

	mu   sync.Mutex
	last time.Time
}

func (p *program) progress() *progress {
	f, ok := p.stderr.(*os.File)
	return &progress{w: p.stderr, terminal: ok && term.IsTerminal(int(f.Fd())), start: time.Now()}
}

// say names the step that begins.
func (g *progress) say(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.terminal {
		fmt.Fprintf(g.w, "\r\x1b[K%5.1fs  %s …", time.Since(g.start).Seconds(), text)
	}
}

// count shows how far a step is, at most ten times a second.
func (g *progress) count(text string, n, of int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if now := time.Now(); g.terminal && (n == of || now.Sub(g.last) > 100*time.Millisecond) {
		g.last = now
		fmt.Fprintf(g.w, "\r\x1b[K%5.1fs  %s %d/%d", time.Since(g.start).Seconds(), text, n, of)
	}
}

// done writes the line of a step that ended.
func (g *progress) done(text string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.terminal {
		fmt.Fprint(g.w, "\r\x1b[K")
	}
	fmt.Fprintf(g.w, "%5.1fs  %s\n", time.Since(g.start).Seconds(), text)
}
