package proxy

import (
	"math"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/resift/resift/searchclient"
	"github.com/resift/resift/searchclient/coding"
)

// answer cuts the client's page out of the engine's answer, in the model's order, or, for a fallback, in the engine's: its
// first hits with their own scores are what it would have said to the client's own search.
func (s *search) answer(res *searchclient.SearchResponse, answer *searchclient.Answer, model []float32, took time.Duration) {
	if s.status == StatusFallback && s.plan.OnFailure == OnFailureError {
		s.refuse(failReranking)
		return
	}
	page := s.page(answer, model, took)
	if s.plan.Deferred != nil {
		var ok bool
		if page.Highlights, ok = s.pageHighlights(answer, page.Order); !ok {
			s.plan.Deferred = nil
			s.rerankWindow()
			return
		}
		page.DropVersion = s.plan.Deferred.HideVersion
	}
	begin := time.Now()
	buffer := s.bodies.get()
	defer s.bodies.put(buffer)
	body, err := answer.Append((*buffer)[:0], page)
	if err == nil && len(s.plan.FilterPath) > 0 {
		// Elasticsearch keeps what was empty before the filter; OpenSearch, which sends no product header, drops it.
		filter := searchclient.PathFilter{Patterns: s.plan.FilterPath, DropEmpty: res.Header.Get("X-Elastic-Product") == ""}
		body, err = filter.Apply(body)
	} else if err == nil {
		*buffer = body
	}
	if err != nil {
		s.logFailure("engine's answer cannot be written again", err)
		s.fallBack(ReasonAnswer)
		return
	}
	s.times[stageAnswer] = time.Since(begin)
	s.write(res, body)
}

// page says which hits the client gets, and what of them changes.
func (s *search) page(answer *searchclient.Answer, model []float32, took time.Duration) searchclient.Page {
	hits := answer.Hits()
	from := min(s.plan.From, len(hits))
	to := min(s.plan.From+s.plan.Size, len(hits))
	p := searchclient.Page{DropFields: s.plan.Strip, DropHighlight: s.plan.StripHighlight}
	if s.status == StatusFallback {
		p.Order = make([]int, to-from)
		for n := range p.Order {
			p.Order[n] = from + n
		}
		return p
	}
	engine := make([]float64, len(hits))
	for i, hit := range hits {
		engine[i] = hit.Score()
	}
	r := rank(model, engine, s.plan.Score)
	p.Order, p.Scores, p.AddTook = r.order[from:to], r.scores, took
	if !math.IsNaN(answer.MaxScore()) { // an engine that tracked none has said so
		p.MaxScore = &r.max
	}
	if s.plan.Details || s.plan.Explain {
		p.AddFields, p.Explain, p.Details = s.plan.Details, s.plan.Explain, details(model, len(hits))
	}
	return p
}

// details are what each hit can tell about its place.
func details(model []float32, hits int) []searchclient.Details {
	d := make([]searchclient.Details, hits)
	for i := range d {
		d[i] = searchclient.Details{ModelScore: float64(unscored), EngineRank: i + 1}
		if i < len(model) {
			d[i].ModelScore = float64(model[i])
		}
	}
	return d
}

// write sends body in place of the engine's, under the engine's own status and fields, coded as that was.
func (s *search) write(res *searchclient.SearchResponse, body []byte) {
	h := s.w.Header()
	copyAnswerHeader(h, res.Header)
	if _, ok := h["Content-Type"]; !ok {
		h["Content-Type"] = nil // net/http would guess one
	}
	if res.Coding != coding.Identity {
		buffer := s.bodies.get()
		defer s.bodies.put(buffer)
		*buffer = s.coder.Encode((*buffer)[:0], res.Coding, body)
		body = *buffer
		h.Set("Content-Encoding", res.Coding)
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	s.mark(h)
	s.written = true
	s.w.WriteHeader(res.StatusCode)
	if _, err := s.w.Write(body); err != nil {
		panic(http.ErrAbortHandler) // the client has gone
	}
}

// bodies lends the room in which answers are written, and keeps it but for what a rare large answer has grown.
type bodies struct{ pool sync.Pool }

// maxKept bounds a kept buffer, in bytes.
const maxKept = 1 << 20

func (b *bodies) get() *[]byte {
	if p, ok := b.pool.Get().(*[]byte); ok {
		return p
	}
	return new([]byte)
}

func (b *bodies) put(p *[]byte) {
	if cap(*p) <= maxKept {
		b.pool.Put(p)
	}
}
