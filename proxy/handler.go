package proxy

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httputil"
	"os"
	"time"

	"github.com/google/uuid"
	"go.opentelemetry.io/otel/metric"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	"github.com/resift/resift/cache"
	"github.com/resift/resift/proxy/wire"
	"github.com/resift/resift/reranker"
	"github.com/resift/resift/searchclient"
	"github.com/resift/resift/searchclient/coding"
)

// Engine is the search engine. RoundTrip sends a request as it is, to a host of its own choice, and never twice; Search may
// try a second node before any byte of an answer.
type Engine interface {
	http.RoundTripper
	Search(context.Context, *searchclient.SearchRequest) (*searchclient.SearchResponse, error)
}

// Scorer is the model. See reranker.Reranker for what its methods promise.
type Scorer interface {
	ScoreEach(ctx context.Context, query string, passages []string, each reranker.Each) (reranker.Result, error)
	Windows(text string, maxTokens, overlap int) []string
	Reach(query, passage string) int
	Revision() string
	Name() string
}

// Scores remembers what the model said. See cache.Cache.
type Scores interface {
	Key(model, query, passage string) cache.Key
	Fill(ctx context.Context, keys []cache.Key, scores []float32, score func(mine []int, put func(i int, score float32)) error) (known int, err error)
}

// Options are the parts of a Handler. Engine, Scorer, Scores and Rules are needed; the zero value of the rest is usable.
type Options struct {
	Engine Engine
	Scorer Scorer // the model of every rule that names no other
	Scores Scores
	Rules  *Rules // what is re-ranked, and which controls a request may use

	// Models are further models by name, for rules, arms and requests; DefaultModel is no name of them.
	Models map[string]Scorer

	// Recorder, if not nil, hears of the searches of experiments; Application is written into each record.
	Recorder    Recorder
	Application string

	Limits Limits
	// AllowHeaders are names of request fields that pass although they tell the engine who asks, or hold an underscore. A "*" at the
	// end stands for any rest. See docs/operations.md, Safe on the wire.
	AllowHeaders []string
	// TrustForwarded passes the client's Forwarded and X-Forwarded-* on and adds the peer to X-Forwarded-For. Without it they
	// are removed: an engine that trusts this proxy would believe any address a client writes.
	TrustForwarded bool

	Logger         *slog.Logger                  // nil: discarded
	TracerProvider trace.TracerProvider          // nil: no spans
	MeterProvider  metric.MeterProvider          // nil: no metrics
	Propagator     propagation.TextMapPropagator // nil: W3C trace context
}

// Handler is the proxy. It is immutable and safe for concurrent use.
type Handler struct {
	engine      Engine
	models      map[string]Scorer // DefaultModel among them
	scores      Scores
	rules       *Rules
	recorder    Recorder
	application string
	background  *background
	limits      Limits
	trust       bool
	fields      fieldRules
	log         *slog.Logger
	telemetry   *telemetry
	forwarder   *httputil.ReverseProxy
	slots       chan struct{} // one element a search in the pipeline
	bodies      bodies
	coder       coding.Coder
	habit       habit
}

// New makes a handler of its parts.
func New(o Options) (*Handler, error) {
	switch {
	case o.Engine == nil:
		return nil, errors.New("proxy needs an engine")
	case o.Scorer == nil:
		return nil, errors.New("proxy needs a scorer")
	case o.Scores == nil:
		return nil, errors.New("proxy needs a cache of scores")
	case o.Rules == nil:
		return nil, errors.New("proxy needs rules")
	case o.Limits.Body < 0 || o.Limits.BodyTime < 0 || o.Limits.StallTime < 0 || o.Limits.Searches < 0 || o.Limits.WindowsPerHit < 0:
		return nil, errors.New("a limit is negative")
	}
	models, rules, err := o.models()
	if err != nil {
		return nil, err
	}
	t, err := newTelemetry(o.TracerProvider, o.MeterProvider, o.Propagator, rules.models)
	if err != nil {
		return nil, err
	}
	if o.Logger == nil {
		o.Logger = slog.New(slog.DiscardHandler)
	}
	limits := o.Limits.withDefaults()
	f := &forwarder{engine: o.Engine, log: o.Logger, trust: o.TrustForwarded}
	return &Handler{
		engine: o.Engine, models: models, scores: o.Scores, rules: rules, limits: limits, trust: o.TrustForwarded,
		fields: newFieldRules(o.AllowHeaders),
		log:    o.Logger, telemetry: t, forwarder: f.proxy(), slots: make(chan struct{}, limits.Searches),
		recorder: o.Recorder, application: o.Application, background: newBackground(),
	}, nil
}

// Close ends the scoring for shadow arms that goes on after answers, and waits for it. Searches are still answered then.
func (h *Handler) Close() { h.background.close() }

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(to http.ResponseWriter, r *http.Request) {
	w := newPacedWriter(to, r, h.limits.StallTime)
	defer w.begin() // for what the server has yet to write
	f, refused := refuse(r)
	if !refused {
		r, f, refused = h.fields.apply(r)
	}
	if refused {
		h.telemetry.request(r.Context(), outcome{status: statusRefused}, 0)
		w.Header().Set("Connection", "close")
		f.write(w, "")
		return
	}
	if k, index := classify(r.Method, r.URL.EscapedPath()); k != kindOther {
		h.serveSearches(w, r, k, index)
		return
	}
	h.serveOther(w, r)
}

// AnswerRefused answers a request that Guard refused; it returns false for any other. Handler does so by itself: this is for other
// handlers behind a Guard.
func AnswerRefused(w http.ResponseWriter, r *http.Request) bool {
	v, refused := wire.Refused(r)
	if refused {
		w.Header().Set("Connection", "close")
		failWire(v).write(w, "")
	}
	return refused
}

// refuse tells what cannot be forwarded without changing its meaning.
func refuse(r *http.Request) (failure, bool) {
	if v, ok := wire.Refused(r); ok {
		return failWire(v), true
	}
	switch r.Method {
	case http.MethodConnect, http.MethodTrace:
		return failMethod, true
	}
	if upgrade(r.Header) {
		return failUpgrade, true
	}
	if _, ok := nominated(r.Header); ok {
		return failConnection, true
	}
	return failure{}, false
}

// serveOther forwards what is not a search.
func (h *Handler) serveOther(w http.ResponseWriter, r *http.Request) {
	begin := time.Now()
	status, answered := statusForwarded, false
	defer func() {
		if !answered && r.Context().Err() != nil { // who hangs up after the last byte has got all
			status = statusCanceled
		}
		h.telemetry.request(r.Context(), outcome{status: status}, time.Since(begin))
	}()
	out, err := buffer(w, r, h.limits.StallTime)
	if err != nil {
		status = statusRefused
		refuseBody(w, err, "")
		return
	}
	fw := &forward{query: r.URL.RawQuery}
	h.forward(w, out, fw)
	answered = true
	if fw.refused {
		status = statusRefused
	}
}

// forward sends r to the engine and its answer to the client.
func (h *Handler) forward(w http.ResponseWriter, r *http.Request, fw *forward) {
	w.Header()["Content-Type"] = nil // the engine's or none: net/http would guess one
	h.forwarder.ServeHTTP(w, withForward(r, fw))
}

// refuseBody answers a request whose body did not arrive. The rest of it may still be on its way, so the connection ends.
func refuseBody(w http.ResponseWriter, err error, id string) {
	f := failBody
	var v *wire.Violation
	if errors.Is(err, os.ErrDeadlineExceeded) || errors.As(err, &v) && v.Status == http.StatusRequestTimeout {
		f = failBodyTime
	}
	w.Header().Set("Connection", "close")
	f.write(w, id)
}

// newID names a request: a UUID of version 7 (RFC 9562), which sorts by time.
func newID() string { return uuid.Must(uuid.NewV7()).String() }
