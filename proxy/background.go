package proxy

import (
	"context"
	"sync"
)

// background runs what goes on after an answer, until it is closed.
type background struct {
	mu     sync.Mutex
	stop   context.CancelFunc
	ctx    context.Context
	tasks  sync.WaitGroup
	closed bool
}

func newBackground() *background {
	b := &background{}
	b.ctx, b.stop = context.WithCancel(context.Background())
	return b
}

// start runs f, whose context ends when b is closed. It returns false, without running f, if b is closed already.
func (b *background) start(f func(ctx context.Context)) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.closed {
		return false
	}
	b.tasks.Go(func() { f(b.ctx) })
	return true
}

// close ends what runs and waits for it.
func (b *background) close() {
	b.mu.Lock()
	b.closed = true
	b.mu.Unlock()
	b.stop()
	b.tasks.Wait()
}
