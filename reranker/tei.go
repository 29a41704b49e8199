package reranker

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"
	"time"
)

// Defaults and limits of the tei backend.
const (
	teiTimeout     = 10 * time.Second
	teiConcurrency = 4
	teiBatch       = 32               // texts a call, where /info does not tell: TEI's own default
	teiBodyBytes   = 1 << 20          // of one call; TEI refuses 2 MB by default
	teiTextBytes   = 512 << 10        // of one passage; far more than any model reads
	teiInfoAge     = 30 * time.Second // before /info is asked again
	teiRetryInfo   = 2 * time.Second  // the same, when something failed since
	teiFresh       = 5 * time.Second  // a success this recent needs no GET /health
)

// tei is the backend that asks a server speaking Text Embeddings Inference's protocol.
type tei struct {
	client  *http.Client
	base    *url.URL
	header  http.Header
	timeout time.Duration
	slots   chan struct{} // calls at the same time
	onBatch func(BatchStats)

	life  context.Context // ends with close
	stop  context.CancelFunc
	calls sync.WaitGroup

	mu        sync.Mutex
	closed    bool
	counters  Stats
	about     Info
	batch     int       // texts a call
	asked     time.Time // of the last GET /info
	sure      bool      // it worked, and so did every call since
	succeeded time.Time // of the last call that worked

	asking atomic.Bool // a GET /info is under way
}

func openTEI(o Options) (*tei, error) {
	base, err := parseTEIURL(o.URL)
	if err != nil {
		return nil, err
	}
	transport := o.Transport
	if transport == nil {
		transport = &http.Transport{
			Proxy:                  nil, // the environment may not redirect documents
			DisableCompression:     true,
			MaxIdleConnsPerHost:    64,
			IdleConnTimeout:        90 * time.Second,
			MaxResponseHeaderBytes: 64 << 10,
		}
	}
	t := &tei{
		client: &http.Client{
			Transport:     transport,
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		},
		base: base, header: o.Header.Clone(), timeout: cmp.Or(max(0, o.Timeout), teiTimeout),
		slots: make(chan struct{}, cmp.Or(max(0, o.Concurrency), teiConcurrency)), onBatch: o.OnBatch, batch: teiBatch,
	}
	t.life, t.stop = context.WithCancel(context.Background())
	t.counters.QueueLimit = cmp.Or(max(0, o.QueuePairs), defaultQueuePairs)
	t.counters.Sessions = cap(t.slots)
	t.about = Info{
		Backend: BackendTEI, Name: cleanName(base.Host), Model: base.Redacted(), Devices: []string{base.Redacted()}, Sessions: cap(t.slots), MaxTokens: o.MaxTokens,
	}
	t.about.Revision = teiRevision(base, teiInfo{})
	// A server that is down now may be up when the first search comes: searches fail open until then.
	if err := t.describe(t.life); err != nil && isWrongModel(err) {
		t.stop()
		return nil, err
	}
	return t, nil
}

func parseTEIURL(text string) (*url.URL, error) {
	if text == "" {
		return nil, errors.New("the tei backend needs the URL of a server")
	}
	u, err := url.Parse(text)
	if err != nil {
		return nil, fmt.Errorf("tei backend: %w", err)
	}
	if (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.RawQuery != "" || u.Fragment != "" {
		return nil, fmt.Errorf("tei backend: %q is not the base URL of a server, such as http://127.0.0.1:8080", u.Redacted())
	}
	return u, nil
}

// score is Reranker.Score: the passages in calls of at most the server's batch size, the front first.
func (t *tei) score(ctx context.Context, query string, passages []string, each Each) (Result, error) {
	result := Result{Scores: make([]float32, len(passages))}
	for i := range result.Scores {
		result.Scores[i] = float32(math.NaN())
	}
	if err := ctx.Err(); err != nil || len(passages) == 0 {
		return result, err
	}
	if err := t.admit(len(passages)); err != nil {
		return result, err
	}
	defer t.leave(len(passages))
	t.refresh(ctx)

	work, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(t.life, func() { cancel(ErrClosed) })()
	job := &teiJob{query: query, passages: passages, chunks: t.split(query, passages), each: each, result: &result}
	begun := time.Now()
	var workers sync.WaitGroup
	for range min(cap(t.slots), len(job.chunks)) {
		workers.Go(func() {
			if err := t.work(work, job); err != nil {
				cancel(err)
			}
		})
	}
	workers.Wait()
	if !job.first.IsZero() {
		result.Queue = job.first.Sub(begun)
		result.Model = time.Since(job.first)
	}
	t.settle(result)
	if result.Scored() == len(passages) {
		return result, nil
	}
	return result, cmp.Or(ctx.Err(), context.Cause(work))
}

// teiJob is one request, worked on by several goroutines.
type teiJob struct {
	query    string
	passages []string
	each     Each // may be nil

	mu     sync.Mutex
	chunks [][2]int  // half-open ranges of passages that nobody took
	first  time.Time // when the first call began
	result *Result
}

func (j *teiJob) take() (from, to int, ok bool) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if len(j.chunks) == 0 {
		return 0, 0, false
	}
	c := j.chunks[0]
	j.chunks = j.chunks[1:]
	return c[0], c[1], true
}

// work sends chunk after chunk, each when a slot is free.
func (t *tei) work(ctx context.Context, job *teiJob) error {
	for {
		queued := time.Now()
		select {
		case t.slots <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
		from, to, ok := job.take()
		if !ok || ctx.Err() != nil {
			<-t.slots
			return ctx.Err()
		}
		begun := time.Now()
		job.mu.Lock()
		if job.first.IsZero() {
			job.first = begun
		}
		job.mu.Unlock()
		scores, tokens, err := t.rerank(ctx, job.query, job.passages[from:to])
		<-t.slots
		t.record(ctx, to-from, tokens, begun.Sub(queued), time.Since(begun), err)
		if err != nil {
			return err
		}
		job.mu.Lock()
		copy(job.result.Scores[from:to], scores)
		job.result.Tokens += tokens
		job.mu.Unlock()
		if job.each != nil {
			for n, score := range scores {
				job.each(from+n, score)
			}
		}
	}
}

// split cuts passages into chunks for one call each: by the server's batch size and by bytes.
func (t *tei) split(query string, passages []string) [][2]int {
	t.mu.Lock()
	batch := t.batch
	t.mu.Unlock()
	var chunks [][2]int
	from, bytes := 0, len(query)
	for i, p := range passages {
		size := min(len(p), teiTextBytes)
		if i > from && (i-from == batch || bytes+size > teiBodyBytes) {
			chunks = append(chunks, [2]int{from, i})
			from, bytes = i, len(query)
		}
		bytes += size
	}
	return append(chunks, [2]int{from, len(passages)})
}

func (t *tei) admit(pairs int) error {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.closed {
		return ErrClosed
	}
	t.counters.Requests++
	if t.counters.QueuePairs+pairs > t.counters.QueueLimit {
		t.counters.Overloaded++
		return ErrOverloaded
	}
	t.counters.QueuePairs += pairs
	t.calls.Add(1)
	return nil
}

func (t *tei) leave(pairs int) {
	t.mu.Lock()
	t.counters.QueuePairs -= pairs
	t.mu.Unlock()
	t.calls.Done()
}

// record books one call.
func (t *tei) record(ctx context.Context, pairs, tokens int, wait, run time.Duration, err error) {
	if t.onBatch != nil {
		t.onBatch(BatchStats{
			Pairs: pairs, Requests: 1, Tokens: tokens, Padded: tokens, Wait: wait, Run: run, Device: t.base.Redacted(), Err: err,
		})
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	switch {
	case err == nil:
		t.counters.Batches++
		t.counters.Pairs += uint64(pairs)
		t.counters.Tokens += uint64(tokens)
		t.counters.Padded += uint64(tokens)
		t.succeeded = time.Now()
	case ctx.Err() == nil:
		t.counters.Failed++
		t.succeeded = time.Time{}
		t.sure = false // the server may have been replaced
	}
}

func (t *tei) settle(r Result) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.counters.Dropped += uint64(len(r.Scores) - r.Scored())
}

func (t *tei) info() Info {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.about
}

func (t *tei) stats() Stats {
	t.mu.Lock()
	defer t.mu.Unlock()
	s := t.counters
	s.Busy = len(t.slots)
	return s
}

// healthy trusts a recent success, and else asks the server.
func (t *tei) healthy() error {
	t.mu.Lock()
	closed, fresh := t.closed, time.Since(t.succeeded) < teiFresh
	t.mu.Unlock()
	if closed {
		return ErrClosed
	}
	if fresh {
		return nil
	}
	ctx, cancel := context.WithTimeout(t.life, healthLimit)
	defer cancel()
	_, _, err := t.call(ctx, http.MethodGet, "health", nil, 64<<10)
	return err
}

func (t *tei) close() error {
	t.mu.Lock()
	t.closed = true
	t.mu.Unlock()
	t.stop()
	t.calls.Wait()
	t.client.CloseIdleConnections()
	return nil
}

// windows cuts by words: the server alone knows its tokens.
func (t *tei) windows(text string, maxTokens, overlap int) []string {
	return wordWindows(text, maxTokens, overlap)
}
