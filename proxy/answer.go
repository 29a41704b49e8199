package proxy

import (
	"math"
	"sync"
	"time"

	"github.com/resift/resift/experiment"
	"github.com/resift/resift/searchclient"
)

// cutPage cuts the client's page out of the engine's answer, in the model's order, or, for a fallback, in the engine's: its
// first hits with their own scores are what it would have said to the client's own search. A search that is alone is written
// into buffer. It answers false if the fragments of the page are not to be had by themselves: then all has to be asked for.
func (s *search) cutPage(alone bool, buffer *[]byte, took time.Duration) bool {
	page := s.page(s.answer, s.model, took)
	s.show(s.answer, page.Order)
	if deferred := s.plan.Deferred; deferred != nil {
		var ok bool
		if page.Highlights, ok = s.pageHighlights(s.answer, page.Order); !ok {
			return false
		}
		page.DropVersion = deferred.HideVersion
	}
	begin := time.Now()
	var room []byte
	if alone {
		room = (*buffer)[:0]
	}
	out, err := s.answer.Append(room, page)
	if err != nil {
		s.logFailure("engine's answer cannot be written again", err)
		s.fail(ReasonAnswer)
		return true
	}
	if s.out = out; alone {
		*buffer = out
	}
	s.times[stageAnswer] = time.Since(begin)
	return true
}

// page says which hits the client gets, and what of them changes.
func (s *search) page(answer *searchclient.Answer, model []float32, took time.Duration) searchclient.Page {
	hits := answer.Hits()
	from := min(s.plan.From, len(hits))
	to := min(s.plan.From+s.plan.Size, len(hits))
	p := searchclient.Page{DropFields: s.plan.Strip, DropHighlight: s.plan.StripHighlight}
	if s.status == StatusFallback || s.status == StatusBypassed {
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
	if s.plan.kind() == experiment.Interleave {
		s.interleave(&r, len(model))
	}
	p.Order, p.Scores, p.AddTook = r.order[from:to], r.scores, took
	if !math.IsNaN(answer.MaxScore()) { // an engine that tracked none has said so
		p.MaxScore = &r.max
	}
	if s.plan.Details || s.plan.Passage || s.plan.Explain {
		p.AddFields, p.AddPassages, p.Explain = s.plan.Details, s.plan.Passage, s.plan.Explain
		p.Details = details(model, len(hits))
		for _, i := range p.Order {
			p.Details[i].Passage = s.passage(i)
		}
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
