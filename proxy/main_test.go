package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"hash/fnv"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/resift/resift/cache"
	"github.com/resift/resift/reranker"
	"github.com/resift/resift/searchclient"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// hashScorer is a model whose opinion is a digest of the pair: arbitrary, and the same whenever it is asked.
type hashScorer struct {
	calls atomic.Int64
	pairs atomic.Int64

	// score, if set, answers in its place.
	score func(ctx context.Context, query string, passages []string) (reranker.Result, error)
	early int // passages that each hears of before score is called
}

func opinion(query, passage string) float32 {
	h := fnv.New32a()
	io.WriteString(h, query+"\x00"+passage)
	return float32(h.Sum32()%2000)/100 - 10
}

func opinions(query string, passages []string) reranker.Result {
	r := reranker.Result{
		Scores: make([]float32, len(passages)), Tokens: 7 * len(passages),
		Tokenize: time.Millisecond, Queue: time.Microsecond, Model: 2 * time.Millisecond,
	}
	for i, p := range passages {
		r.Scores[i] = opinion(query, p)
	}
	return r
}

func (s *hashScorer) ScoreEach(ctx context.Context, query string, passages []string, each reranker.Each) (reranker.Result, error) {
	s.calls.Add(1)
	s.pairs.Add(int64(len(passages)))
	for i := range min(s.early, len(passages)) {
		each(i, opinion(query, passages[i]))
	}
	if s.score != nil {
		return s.score(ctx, query, passages)
	}
	r := opinions(query, passages)
	for i, score := range r.Scores {
		each(i, score)
	}
	return r, nil
}

// Windows counts a word as a token.
func (s *hashScorer) Windows(text string, maxTokens, overlap int) []string {
	words := strings.Fields(text)
	var windows []string
	for at := 0; at < len(words); at += maxTokens - overlap {
		windows = append(windows, strings.Join(words[at:min(at+maxTokens, len(words))], " "))
		if at+maxTokens >= len(words) {
			break
		}
	}
	return windows
}

// maxWords is how many words of a query and a passage hashScorer reads. What is past them decides its opinion all the same.
const maxWords = 64

// Reach counts a word as a token.
func (s *hashScorer) Reach(query, passage string) int {
	left := maxWords - len(strings.Fields(query))
	if words := word.FindAllStringIndex(passage, -1); len(words) > left {
		return words[left-1][1]
	}
	return len(passage)
}

var word = regexp.MustCompile(`\S+`)

func (s *hashScorer) Revision() string { return "hash" }

func (s *hashScorer) Name() string { return "hash-scorer@01234567" }

// recording is what a real engine said, headers and all.
type recording struct {
	status int
	header http.Header
	body   []byte
}

func recorded(t testing.TB, engine, name string) recording {
	t.Helper()
	raw := readFile(t, "testdata/"+engine+"/"+name+".http")
	res, err := http.ReadResponse(newReader(raw), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return recording{res.StatusCode, res.Header, body}
}

func (a recording) write(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	w.Write(a.body)
}

// page is what the engine would have said to from and size: its own hits, byte for byte, fewer of them.
func (a recording) page(from, size int) recording {
	open := bytes.Index(a.body, []byte(`"hits":[`)) + len(`"hits":[`)
	var parsed struct {
		Hits struct{ Hits []json.RawMessage }
	}
	if err := json.Unmarshal(a.body, &parsed); err != nil {
		panic(err)
	}
	all := parsed.Hits.Hits
	length := 0
	for i, hit := range all {
		if i > 0 {
			length++
		}
		length += len(hit)
	}
	from = min(from, len(all))
	to := min(from+size, len(all))
	var b bytes.Buffer
	b.Write(a.body[:open])
	for i, hit := range all[from:to] {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(hit)
	}
	b.Write(a.body[open+length:])
	header := a.header.Clone()
	header.Del("Content-Length")
	return recording{a.status, header, b.Bytes()}
}

// seen is a request as the engine got it.
type seen struct {
	method, uri, host string
	header, trailer   http.Header
	body              []byte
}

// engine is a listener that answers searches as a real engine was recorded to, page by page.
type engine struct {
	*httptest.Server
	all recording

	// answer, if set, may answer in the recording's place; it tells whether it did.
	answer func(w http.ResponseWriter, r *http.Request, body []byte) bool

	mu   sync.Mutex
	seen []seen
}

func startEngine(t testing.TB, recorded recording) *engine {
	t.Helper()
	e := &engine{all: recorded}
	e.Server = httptest.NewServer(e)
	t.Cleanup(e.Close)
	return e
}

func (e *engine) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	e.mu.Lock()
	e.seen = append(e.seen, seen{r.Method, r.RequestURI, r.Host, r.Header.Clone(), r.Trailer, body})
	e.mu.Unlock()
	if e.answer != nil && e.answer(w, r, body) {
		return
	}
	from, size := pageOf(body)
	e.all.page(from, size).write(w)
}

func (e *engine) requests() []seen {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]seen(nil), e.seen...)
}

func pageOf(body []byte) (from, size int) {
	asked := struct{ From, Size int }{0, 10}
	_ = json.Unmarshal(body, &asked)
	return asked.From, asked.Size
}

// rig is a proxy in front of an engine.
type rig struct {
	*httptest.Server
	engine *engine
	scorer *hashScorer
	logs   *syncBuffer
	client *http.Client
}

type setup struct {
	rule    func(*Rule)
	options func(*Options)
	client  func(*searchclient.Options)
	urls    []string // instead of the engine's
}

func testRule() Rule {
	return Rule{
		Match: "*", Fields: []string{"title", "text"}, Window: 20, MaxWindow: 100, Timeout: 5 * time.Second, Score: ScoreModel,
		LongText: LongText{Mode: LongTextFirst, MaxTokens: 60, Overlap: 10}, OnFailure: OnFailureEngine,
	}
}

func startProxy(t testing.TB, e *engine, s setup) *rig {
	t.Helper()
	r := &rig{engine: e, scorer: &hashScorer{}, logs: &syncBuffer{}}
	rule := testRule()
	if s.rule != nil {
		s.rule(&rule)
	}
	urls := s.urls
	if urls == nil {
		urls = []string{e.URL}
	}
	options := searchclient.Options{URLs: urls}
	if s.client != nil {
		s.client(&options)
	}
	client, err := searchclient.New(options)
	if err != nil {
		t.Fatal(err)
	}
	scores, err := cache.New(cache.Options{Bytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	o := Options{
		Engine: client, Scorer: r.scorer, Scores: scores, Rules: &Rules{List: []Rule{rule}, Allow: AllowAll()},
		Logger: slog.New(slog.NewJSONHandler(r.logs, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}
	if s.options != nil {
		s.options(&o)
	}
	h, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	r.Server = httptest.NewUnstartedServer(h)
	r.Server.Config = NewServer(h, ServerOptions{})
	r.Server.Listener = Guard(r.Server.Listener, ServerOptions{})
	r.Server.Config.ErrorLog = slog.NewLogLogger(slog.NewJSONHandler(r.logs, nil), slog.LevelInfo)
	r.Server.Start()
	r.client = &http.Client{
		Transport:     &http.Transport{DisableCompression: true},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(func() {
		r.client.CloseIdleConnections()
		r.Server.Close()
		client.Close()
	})
	return r
}

// answer is what a client got.
type answer struct {
	status int
	header http.Header
	body   []byte
}

func (r *rig) do(t testing.TB, method, target, body string, header ...string) answer {
	t.Helper()
	a, err := r.try(context.Background(), method, target, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	return a
}

func (r *rig) try(ctx context.Context, method, target, body string, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, method, r.URL+target, strings.NewReader(body))
	if err != nil {
		return answer{}, err
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := r.client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return answer{res.StatusCode, res.Header, b}, err
}

const query = `"query":{"multi_match":{"query":"how to repair note","fields":["title","text"]}}`

func (r *rig) search(t testing.TB, more string, header ...string) answer {
	t.Helper()
	return r.do(t, "POST", "/notes/_search", "{"+query+more+"}", header...)
}

// expect checks the status and reason of a search.
func (a answer) expect(t testing.TB, status Status, reason Reason) {
	t.Helper()
	if got, why := a.header.Get(headerStatus), a.header.Get(headerReason); got != string(status) || why != string(reason) {
		t.Fatalf("status %q, reason %q, want %q, %q; %d %s", got, why, status, reason, a.status, cut(a.body))
	}
}

type hit struct {
	ID     string          `json:"_id"`
	Score  *float64        `json:"_score"`
	Source json.RawMessage `json:"_source"`
	Fields json.RawMessage `json:"fields"`
}

func (a answer) hits(t testing.TB) []hit {
	t.Helper()
	var parsed struct{ Hits struct{ Hits []hit } }
	if err := json.Unmarshal(a.body, &parsed); err != nil {
		t.Fatalf("%v: %s", err, cut(a.body))
	}
	return parsed.Hits.Hits
}

func ids(hits []hit) []string {
	var names []string
	for _, h := range hits {
		names = append(names, h.ID)
	}
	return names
}

func cut(b []byte) string { return string(b[:min(len(b), 300)]) }

// syncBuffer is a log that can be read while it is written.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// rawEngine accepts connections and hands each to serve, which owns it. It returns the address.
func rawEngine(t testing.TB, serve func(net.Conn)) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	wg.Go(func() {
		for {
			conn, err := l.Accept()
			if errors.Is(err, net.ErrClosed) {
				return
			}
			if err == nil {
				wg.Go(func() { serve(conn) })
			}
		}
	})
	t.Cleanup(func() {
		l.Close()
		wg.Wait()
	})
	return "http://" + l.Addr().String()
}

// eventually waits for what another goroutine brings about.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(5 * time.Second); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within 5 s: %s", what)
		}
	}
}
