package ubi

import (
	"bytes"
	"context"
	"encoding/json"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"
)

// Stream is one of UBI's two kinds of records.
type Stream string

// The streams, named as UBI's indices are.
const (
	Queries Stream = "ubi_queries"
	Events  Stream = "ubi_events"
)

// Record is one line for one stream.
type Record struct {
	Stream Stream
	JSON   []byte // one JSON object on one line, without its newline
}

// Sink keeps a batch of records. Write returns how many of them, from the first, are settled, and how many of those it refused for
// good; with an error the rest may be tried again. It is called by one goroutine.
type Sink interface {
	Write(ctx context.Context, records []Record) (settled, refused int, err error)
	Close() error
}

// Options of a Writer.
type Options struct {
	Sink    Sink
	Privacy Privacy
	Queue   int          // records that may wait; 0: 10,000. What comes while it is full is lost, and counted
	Batch   int          // records of one Write, at most; 0: 500
	Logger  *slog.Logger // nil: discarded
	// Backoff is the first wait after a failed Write; each further one waits twice as long, up to 64 times; 0: 250 ms.
	Backoff time.Duration
}

// Stats count records since the start.
type Stats struct {
	Written, Lost, Failed uint64 // Lost: dropped, for whatever reason; Failed: failed writes, each of which is tried again
	Waiting               int
}

// Writer hands records to a sink. Its methods are safe for concurrent use and never wait for the sink.
type Writer struct {
	o                     Options
	queue                 chan Record
	stop                  context.CancelFunc // ends waiting between tries
	done                  chan struct{}
	written, lost, failed atomic.Uint64

	mu     sync.RWMutex // held for reading while a record is queued
	closed bool
}

// NewWriter starts a writer; Close ends it.
func NewWriter(o Options) *Writer {
	if o.Queue == 0 {
		o.Queue = 10_000
	}
	if o.Batch == 0 {
		o.Batch = 500
	}
	if o.Backoff == 0 {
		o.Backoff = 250 * time.Millisecond
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	ctx, stop := context.WithCancel(context.Background())
	w := &Writer{o: o, queue: make(chan Record, o.Queue), stop: stop, done: make(chan struct{})}
	go w.run(ctx)
	return w
}

// Query records a search.
func (w *Writer) Query(q Query) {
	w.o.Privacy.Query(&q)
	w.put(Queries, q)
}

// Event records what a user did. It returns false if the record was lost.
func (w *Writer) Event(e Event) bool {
	w.o.Privacy.Event(&e)
	return w.put(Events, e)
}

func (w *Writer) put(s Stream, v any) bool {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if enc.Encode(v) != nil {
		w.lost.Add(1)
		return false
	}
	w.mu.RLock()
	defer w.mu.RUnlock()
	if !w.closed {
		select {
		case w.queue <- Record{s, bytes.TrimSuffix(b.Bytes(), []byte("\n"))}:
			return true
		default:
		}
	}
	w.lost.Add(1)
	return false
}

// Stats are the counts so far.
func (w *Writer) Stats() Stats {
	return Stats{w.written.Load(), w.lost.Load(), w.failed.Load(), len(w.queue)}
}

// Close writes what waits, within ctx, and closes the sink. What is left then is lost.
func (w *Writer) Close(ctx context.Context) error {
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		<-w.done
		return nil
	}
	w.closed = true
	close(w.queue)
	w.mu.Unlock()
	select {
	case <-w.done:
	case <-ctx.Done():
		w.stop()
		<-w.done
	}
	w.stop()
	return w.o.Sink.Close()
}

func (w *Writer) run(ctx context.Context) {
	defer close(w.done)
	batch := make([]Record, 0, w.o.Batch)
	for first := range w.queue {
		batch = append(batch[:0], first)
	more:
		for len(batch) < w.o.Batch {
			select {
			case r, ok := <-w.queue:
				if !ok {
					break more
				}
				batch = append(batch, r)
			default:
				break more
			}
		}
		w.write(ctx, batch)
	}
}

// write keeps at a batch until the sink has it, or ctx ends.
func (w *Writer) write(ctx context.Context, batch []Record) {
	wait := w.o.Backoff
	for {
		settled, refused, err := w.o.Sink.Write(ctx, batch)
		w.written.Add(uint64(settled - refused))
		w.lost.Add(uint64(refused))
		if refused > 0 {
			w.o.Logger.LogAttrs(ctx, slog.LevelWarn, "records were refused", slog.Int("records", refused))
		}
		batch = batch[settled:]
		if err == nil {
			return
		}
		w.failed.Add(1)
		w.o.Logger.LogAttrs(ctx, slog.LevelWarn, "records could not be written", slog.Int("records", len(batch)), slog.Any("error", err))
		select {
		case <-ctx.Done():
			w.lost.Add(uint64(len(batch)))
			return
		case <-time.After(wait):
		}
		wait = min(2*wait, 64*w.o.Backoff)
	}
}
