package rerankapi

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"log/slog"
	"maps"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/resift/resift/cache"
	"github.com/resift/resift/reranker"
)

// Model scores texts. See reranker.Reranker for what its methods promise.
type Model interface {
	ScoreEach(ctx context.Context, query string, passages []string, each reranker.Each) (reranker.Result, error)
	Overlong(query string, passages []string) (i, tokens int)
	Windows(text string, maxTokens, overlap int) []string
	Revision() string
	About
}

// About tells what the model is and whether it works.
type About interface {
	Name() string
	Info() reranker.Info
	Healthy() error
}

// Scores remembers what the model said. See cache.Cache.
type Scores interface {
	Key(model, query, passage string) cache.Key
	Fill(ctx context.Context, keys []cache.Key, scores []float32, score func(mine []int, put func(i int, score float32)) error) (known int, err error)
}

// Options are the parts of a Handler. Model and Scores are needed; the zero value of the rest is usable.
type Options struct {
	Model   Model
	Models  map[string]Model // further ones, that callers may name
	Scores  Scores
	Limits  Limits
	Token   string // that a caller must bear; empty: none
	Version string // of this program, for /info

	Logger *slog.Logger                // nil: discarded
	OnCall func(context.Context, Call) // hears of each call when it has been answered; nil: nobody does
}

// Limits bound what callers may ask. The zero value of each field is its default.
type Limits struct {
	Body     int64         // bytes of a request's body; default 10 MiB
	BodyTime time.Duration // to send it; default 30 s
	Texts    int           // of one call; default 1000
	Calls    int           // at the same time; one more is refused; default 64
	Timeout  time.Duration // to score a call; default 30 s
}

func (l Limits) withDefaults() Limits {
	if l.Body == 0 {
		l.Body = 10 << 20
	}
	if l.BodyTime == 0 {
		l.BodyTime = 30 * time.Second
	}
	if l.Texts == 0 {
		l.Texts = 1000
	}
	if l.Calls == 0 {
		l.Calls = 64
	}
	if l.Timeout == 0 {
		l.Timeout = 30 * time.Second
	}
	return l
}

// Call is what one call came to.
type Call struct {
	Path   string // one of the paths that are served; empty for another
	Status int    // of the answer; 499 where the client left before it
	Took   time.Duration
	work
}

// Handler serves the APIs. It is immutable and safe for concurrent use.
type Handler struct {
	model   Model
	models  map[string]Model
	scores  Scores
	limits  Limits
	token   *[sha256.Size]byte // digest of the token; nil: none
	version string
	log     *slog.Logger
	onCall  func(context.Context, Call)
	slots   chan struct{} // one element a call in work
}

// New makes a handler of its parts.
func New(o Options) (*Handler, error) {
	switch l := o.Limits; {
	case o.Model == nil:
		return nil, errors.New("rerank API needs a model")
	case o.Scores == nil:
		return nil, errors.New("rerank API needs a cache of scores")
	case l.Body < 0 || l.BodyTime < 0 || l.Texts < 0 || l.Calls < 0 || l.Timeout < 0:
		return nil, errors.New("a limit is negative")
	}
	h := &Handler{model: o.Model, models: maps.Clone(o.Models), scores: o.Scores, limits: o.Limits.withDefaults(), version: o.Version, log: o.Logger, onCall: o.OnCall}
	if h.log == nil {
		h.log = slog.New(slog.DiscardHandler)
	}
	if h.onCall == nil {
		h.onCall = func(context.Context, Call) {}
	}
	if o.Token != "" {
		digest := sha256.Sum256([]byte(o.Token))
		h.token = &digest
	}
	h.slots = make(chan struct{}, h.limits.Calls)
	return h, nil
}

// endpoint is one path. Serve writes an answer, or returns why there is none.
type endpoint struct {
	method string
	open   bool  // answers without the token
	shape  shape // of its errors
	serve  func(*Handler, *call) error
}

func endpoints() map[string]endpoint {
	return map[string]endpoint{
		"/rerank":    {method: http.MethodPost, shape: shapeTEI, serve: (*Handler).rerank},
		"/v1/rerank": {method: http.MethodPost, shape: shapeDocuments, serve: (*Handler).rerankV1},
		"/v2/rerank": {method: http.MethodPost, shape: shapeDocuments, serve: (*Handler).rerankV2},
		"/info":      {method: http.MethodGet, shape: shapeTEI, serve: (*Handler).info},
		"/health":    {method: http.MethodGet, open: true, shape: shapeTEI, serve: (*Handler).health},
	}
}

// call is one call on its way. It belongs to the goroutine that serves it.
type call struct {
	w      http.ResponseWriter
	r      *http.Request
	id     string
	shape  shape
	model  Model // that scores
	status int   // of the answer that has begun
	work
}

// ServeHTTP answers one call.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	c := &call{w: w, r: r, id: uuid.Must(uuid.NewV7()).String(), shape: shapeDocuments, model: h.model}
	path := r.URL.Path
	e, ok := endpoints()[path]
	if !ok {
		path = ""
	} else {
		c.shape = e.shape
	}
	defer func() {
		if v := recover(); v != nil {
			h.log.LogAttrs(r.Context(), slog.LevelError, "panic while serving the rerank API", slog.String("request", c.id),
				slog.Any("panic", v), slog.String("stack", string(debug.Stack())))
			c.fail(errInternal)
		}
		h.onCall(r.Context(), Call{Path: path, Status: c.status, Took: time.Since(begin), work: c.work})
	}()
	w.Header().Set("X-Request-Id", c.id)
	if err := h.serve(c, e, ok); err != nil {
		h.refuse(c, err)
	}
}

func (h *Handler) serve(c *call, e endpoint, ok bool) error {
	switch {
	case !ok:
		return errNotFound
	case c.r.Method != e.method && !(e.method == http.MethodGet && c.r.Method == http.MethodHead):
		c.w.Header().Set("Allow", e.method)
		return errMethod
	case !e.open && !h.allowed(c.r):
		c.w.Header().Set("WWW-Authenticate", "Bearer")
		return errToken
	}
	return e.serve(h, c)
}

// allowed tells whether the caller bears the token. Digests are compared, in a time that tells nothing of the token.
func (h *Handler) allowed(r *http.Request) bool {
	if h.token == nil {
		return true
	}
	values := r.Header["Authorization"]
	if len(values) != 1 {
		return false
	}
	scheme, token, _ := strings.Cut(values[0], " ")
	digest := sha256.Sum256([]byte(strings.TrimLeft(token, " ")))
	return strings.EqualFold(scheme, "Bearer") && subtle.ConstantTimeCompare(digest[:], h.token[:]) == 1
}

// refuse answers a call that failed.
func (h *Handler) refuse(c *call, err error) {
	var f *failure
	switch {
	case errors.As(err, &f):
	case errors.Is(err, context.Canceled):
		f = errGone
	default:
		h.log.LogAttrs(c.r.Context(), slog.LevelWarn, "rerank call failed", slog.String("request", c.id), slog.Any("error", err))
		f = failureOf(err)
	}
	c.fail(f)
}
