package engines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// Options say which engine to boot, and where.
type Options struct {
	Name     string            // one of Names; empty: what Best says
	StateDir string            // data and logs; empty: a temporary folder, removed by Stop
	Port     int               // of 127.0.0.1; 0: a free one
	Heap     string            // as in -Xmx; empty: 512m
	Settings map[string]string // engine settings besides or instead of this package's
	Log      io.Writer         // what the engine prints; may be nil
	Progress func(string)      // hears of each step that takes time, in a few words; may be nil
}

func (o *Options) setDefaults() {
	if o.Progress == nil {
		o.Progress = func(string) {}
	}
	if o.Heap == "" {
		o.Heap = "512m"
	}
}

// Engine is a running node.
type Engine struct {
	Name    string // as in Options
	Version string // such as 3.8.0
	URL     string // http://127.0.0.1:PORT
	Java    JavaHome

	process *process
	stop    func() error
}

// bootLimit is how long an engine may take until it answers. They take 5 to 15 s on two idle cores, and minutes where other
// work holds the cores. An engine that ends is not waited for.
const bootLimit = 10 * time.Minute

// stopLimit is how long an engine may take to end by itself before it is killed.
const stopLimit = 15 * time.Second

// Start fetches what the engine needs, boots it and returns when it answers. Cancelling ctx ends Start; the engine, once
// returned, runs until Stop, or until this process ends.
func Start(ctx context.Context, o Options) (*Engine, error) {
	o.setDefaults()
	if o.Name == "" {
		o.Name = Best(ctx, o.Progress)
	}
	r, err := findRecipe(o.Name)
	if err != nil {
		return nil, err
	}
	if err := portFree(o.Port); err != nil {
		return nil, err
	}
	java, err := Java(ctx, r.java, o.Progress)
	if err != nil {
		return nil, err
	}
	return start(ctx, r, java, o)
}

// start is Start when recipe and Java are known and o is complete.
func start(ctx context.Context, r recipe, java JavaHome, o Options) (*Engine, error) {
	lib, err := fetchJars(ctx, r, java, o.Progress)
	if err != nil {
		return nil, err
	}
	remove, err := o.makeStateDir()
	if err != nil {
		return nil, err
	}
	o.Progress(fmt.Sprintf("booting %s %s on Java %d", r.flavour, r.version, java.Feature))
	p, url, err := boot(ctx, r, java, lib, o)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", r.name, err), remove())
	}
	return &Engine{
		Name: r.name, Version: r.version, URL: url, Java: java, process: p,
		stop: sync.OnceValue(func() error { return errors.Join(p.stop(stopLimit), remove()) }),
	}, nil
}

// Stop ends the engine and waits until its processes are gone: it asks, and kills what is there after 15 s. Calls after
// the first return what the first did.
func (e *Engine) Stop() error { return e.stop() }

// Done is closed when the engine has ended, by Stop or by itself.
func (e *Engine) Done() <-chan struct{} { return e.process.done }

// boot starts the process and waits until it answers; on failure nothing of it is left running.
func boot(ctx context.Context, r recipe, java JavaHome, lib string, o Options) (*process, string, error) {
	cmd, err := command(r, java, lib, o)
	if err != nil {
		return nil, "", err
	}
	ports := filepath.Join(o.StateDir, "logs", "http.ports")
	if err := os.Remove(ports); err != nil && !errors.Is(err, os.ErrNotExist) {
		return nil, "", err
	}
	p, err := startProcess(cmd, o.Log)
	if err != nil {
		return nil, "", err
	}
	ctx, cancel := context.WithTimeoutCause(ctx, bootLimit, fmt.Errorf("no answer within %v", bootLimit))
	defer cancel()
	url, err := waitReady(ctx, p, ports)
	if err != nil {
		return nil, "", fmt.Errorf("%w; its last words:\n%s", errors.Join(err, p.stop(stopLimit)), p.tail.last(25))
	}
	return p, url, nil
}

// makeStateDir fills in StateDir; remove deletes it if it is ours to delete.
func (o *Options) makeStateDir() (remove func() error, err error) {
	if o.StateDir == "" {
		o.StateDir, err = os.MkdirTemp("", "resift-engine-*")
		return func() error { return os.RemoveAll(o.StateDir) }, err
	}
	if o.StateDir, err = filepath.Abs(o.StateDir); err != nil {
		return nil, err
	}
	return func() error { return nil }, os.MkdirAll(o.StateDir, 0o755)
}

// portFree tells early, and in plain words, what the engine would tell late and in a stack trace.
func portFree(port int) error {
	if port == 0 {
		return nil
	}
	l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return fmt.Errorf("port %d for the engine: %w", port, err)
	}
	return l.Close()
}
