package proxy

import (
	"context"
	"errors"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/resift/resift/searchclient"
	"github.com/resift/resift/searchclient/coding"
)

// plain undoes the coding of a request body, so that it can be planned: it returns the body and fields that say nothing of a coding.
// coded is false where a body is not coded, or in a way that cannot be read: it then comes back as it is. One that holds more than
// limits.body is errBodyTooLarge: no more than that is made of it.
func (h *Handler) plain(header http.Header, body []byte) (_ []byte, _ http.Header, coded bool, _ error) {
	name, err := coding.Of(header)
	if err != nil || name == coding.Identity || len(body) == 0 {
		return body, header, false, nil
	}
	decoded, err := h.coder.Decode(name, body, h.limits.Body)
	switch {
	case errors.Is(err, coding.ErrTooLarge):
		return nil, nil, false, errBodyTooLarge
	case err != nil:
		return body, header, false, nil
	}
	header = header.Clone()
	header.Del("Content-Encoding")
	return decoded, header, true, nil
}

// habit is whether the engine compresses answers for who asks for it, which http.compression settles on its nodes. The answers to
// re-ranked searches are coded by it, while the first stage comes plain: on loopback, 100 hits of 1.3 KB took a busy Elasticsearch 9.5 and
// OpenSearch 3.8 10 to 25 ms longer with gzip than without. So a search asks for a compressed first stage only to learn the habit, and
// again when what was learned is old.
type habit struct{ learned atomic.Pointer[habitSeen] }

type habitSeen struct {
	compresses bool
	at         time.Time
}

const habitAge = time.Minute

// known tells whether the engine compresses; ok is false where it has to be learned.
func (h *habit) known() (compresses, ok bool) {
	seen := h.learned.Load()
	if seen == nil || time.Since(seen.at) > habitAge {
		return false, false
	}
	return seen.compresses, true
}

func (h *habit) learn(compresses bool) {
	h.learned.Store(&habitSeen{compresses, time.Now()})
}

// askEngine sends a first stage. The response's coding is the one that its answer to the client would have had.
func (h *Handler) askEngine(ctx context.Context, r *searchclient.SearchRequest, acceptEncoding []string) (*searchclient.SearchResponse, error) {
	accept, best := coding.Accept(acceptEncoding)
	compresses, known := h.habit.known()
	if best != coding.Identity && !known {
		r.Header.Set("Accept-Encoding", accept)
	}
	res, err := h.engine.Search(ctx, r)
	switch {
	case err != nil || best == coding.Identity:
	case known && compresses:
		res.Coding = best
	case !known && res.StatusCode < 300:
		h.habit.learn(res.Coding != coding.Identity)
	}
	return res, err
}
