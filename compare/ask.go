package compare

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// Fragments of a highlight are marked with characters for private use, which no text has for a meaning of its own.
const markStart, markEnd = "\ue000", "\ue001"

// question is what the form asks.
type question struct {
	Query, Index, Fields string
	Model                string // by name; empty: the rule's
	Window, Size         int
}

// order is one arm's answer.
type order struct {
	Status, Reason, Model, QueryID string
	Latency                        *latency
	Total                          int64  // of hits.total
	Relation                       string // "eq", or "gte" where the engine stopped counting
	Hits                           []hit
}

// hit is what the page shows of a hit.
type hit struct {
	Rank       int // from 1
	Moved      int // places up in the model's order, negative down
	ID, Index  string
	Title      []piece
	Text       []piece
	Engine     *float64 // the engine's score
	Model      *float64 // the model's, where it read the hit
	EngineRank int      // 0: unknown
	ModelRank  int      // 0: unknown
	Why        *why     // nil: nothing is known of it
}

// piece is a run of text, marked where the engine highlights it.
type piece struct {
	Text string
	Mark bool
}

// answer is the part of an engine's answer that the page reads.
type answer struct {
	Hits struct {
		Total json.RawMessage `json:"total"`
		Hits  []rawHit        `json:"hits"`
	} `json:"hits"`
}

type rawHit struct {
	Index     string              `json:"_index"`
	ID        string              `json:"_id"`
	Score     *float64            `json:"_score"`
	Source    map[string]any      `json:"_source"`
	Highlight map[string][]string `json:"highlight"`
	Fields    struct {
		Engine  []float64 `json:"resift.engine_score"`
		Model   []float64 `json:"resift.model_score"`
		Rank    []int     `json:"resift.engine_rank"`
		Passage []string  `json:"resift.passage"`
		Window  []int     `json:"resift.passage_window"`
		Windows []int     `json:"resift.passage_windows"`
		Cut     []bool    `json:"resift.passage_cut"`
	} `json:"fields"`
}

// refused is an answer that is no 200.
type refused struct {
	status int
	header http.Header
	body   []byte
}

func (r *refused) Error() string {
	var e struct {
		Error json.RawMessage `json:"error"`
	}
	var detail struct {
		Type, Reason string
	}
	if json.Unmarshal(r.body, &e) == nil && json.Unmarshal(e.Error, &detail) == nil && detail.Reason != "" {
		return fmt.Sprintf("the engine answered %d: %s: %s", r.status, detail.Type, detail.Reason)
	}
	return fmt.Sprintf("the engine answered %d", r.status)
}

// ask sends one search through the proxy: for the engine's order, as many hits as are shown; for the model's, more, which tell
// where the engine's first hits went, unless they are too large.
func (h *Handler) ask(r *http.Request, q question, off bool) (*order, error) {
	if off {
		return h.askFor(r, q, q.Size, off)
	}
	o, err := h.askFor(r, q, max(q.Size, min(q.Window, maxTraced)), off)
	if errors.Is(err, errTooLarge) {
		return h.askFor(r, q, q.Size, off)
	}
	return o, err
}

func (h *Handler) askFor(r *http.Request, q question, size int, off bool) (*order, error) {
	body, err := searchBody(q, size, off)
	if err != nil {
		return nil, err
	}
	path := "/_search"
	if q.Index != "" {
		path = "/" + url.PathEscape(q.Index) + path
	}
	req, err := http.NewRequestWithContext(r.Context(), http.MethodPost, "http://search"+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.RequestURI, req.RemoteAddr = req.URL.RequestURI(), r.RemoteAddr
	req.Header.Set("Content-Type", "application/json")
	if !off {
		req.Header.Set("X-Resift-Arm", "treatment") // whatever experiment there is
		if q.Model != "" {
			req.Header.Set("X-Resift-Model", q.Model)
		}
	}
	if auth := r.Header["Authorization"]; auth != nil {
		req.Header["Authorization"] = auth
	}
	w := &memory{header: http.Header{}, limit: maxAnswer}
	if err := serve(h.search, w, req); err != nil {
		if w.full {
			err = errTooLarge
		}
		return nil, err
	}
	if w.status != http.StatusOK {
		return nil, &refused{w.status, w.header, w.body.Bytes()}
	}
	var a answer
	decoder := json.NewDecoder(&w.body)
	decoder.UseNumber() // a passage has numbers as they are written
	if err := decoder.Decode(&a); err != nil {
		return nil, fmt.Errorf("the engine's answer cannot be read: %w", err)
	}
	return read(&a, w.header, q), nil
}

// serve runs the proxy's handler; a handler that aborts because the engine broke off becomes an error.
func serve(h http.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		if v := recover(); v == http.ErrAbortHandler {
			err = context.Cause(r.Context())
			if err == nil {
				err = fmt.Errorf("the answer broke off")
			}
		} else if v != nil {
			panic(v)
		}
	}()
	h.ServeHTTP(w, r)
	return nil
}

func searchBody(q question, size int, off bool) ([]byte, error) {
	fields := fieldList(q.Fields)
	ours := map[string]any{"details": true, "passage": true, "window": q.Window}
	if off {
		ours = map[string]any{"mode": "off"}
	}
	highlight := map[string]any{}
	for _, f := range fields {
		highlight[f] = map[string]any{}
	}
	return json.Marshal(map[string]any{
		"query":     map[string]any{"multi_match": map[string]any{"query": q.Query, "fields": fields}},
		"size":      size,
		"_source":   fields,
		"highlight": map[string]any{"pre_tags": []string{markStart}, "post_tags": []string{markEnd}, "number_of_fragments": 1, "fragment_size": 220, "fields": highlight},
		"ext":       map[string]any{"resift": ours},
	})
}

func fieldList(text string) []string {
	var out []string
	for f := range strings.SplitSeq(text, ",") {
		if f = strings.TrimSpace(f); f != "" {
			out = append(out, f)
		}
	}
	return out
}

func read(a *answer, header http.Header, q question) *order {
	fields := fieldList(q.Fields)
	o := &order{
		Status: header.Get("X-Resift-Status"), Reason: header.Get("X-Resift-Reason"), Model: header.Get("X-Resift-Model"),
		QueryID: header.Get("X-Resift-Query-Id"), Latency: readLatency(header.Values("Server-Timing")),
	}
	var total struct {
		Value    int64
		Relation string
	}
	if json.Unmarshal(a.Hits.Total, &total) == nil {
		o.Total, o.Relation = total.Value, total.Relation
	}
	for i := range a.Hits.Hits {
		x := &a.Hits.Hits[i]
		h := hit{Rank: i + 1, ID: x.ID, Index: x.Index, Engine: x.Score}
		if d := x.Fields; len(d.Rank) == 1 {
			h.EngineRank, h.ModelRank, h.Moved, h.Engine = d.Rank[0], h.Rank, d.Rank[0]-h.Rank, nil
			h.Why = explain(x, q.Query, fields)
			if len(d.Engine) == 1 {
				h.Engine = &d.Engine[0]
			}
			if len(d.Model) == 1 {
				h.Model = &d.Model[0]
			}
		}
		for n, f := range fields {
			text := pieces(x.Highlight[f], x.Source[f])
			if n == 0 {
				h.Title = text
			} else if len(h.Text) == 0 {
				h.Text = text
			}
		}
		if len(h.Title) == 0 {
			h.Title = []piece{{Text: x.ID}}
		}
		o.Hits = append(o.Hits, h)
	}
	return o
}

// maxTraced is how far down the model's order the page looks for the engine's first hits.
const maxTraced = 200

// maxShown bounds a text without a fragment, in runes.
const maxShown = 220

// pieces are the engine's fragment of a field, or the beginning of its text.
func pieces(fragments []string, source any) []piece {
	if len(fragments) > 0 {
		return fragmentPieces(fragments[0])
	}
	text, ok := source.(string)
	if !ok || text == "" {
		return nil
	}
	return []piece{{Text: firstRunes(text, maxShown)}}
}

func fragmentPieces(fragment string) []piece {
	var out []piece
	for fragment != "" {
		before, after, found := strings.Cut(fragment, markStart)
		if before != "" {
			out = append(out, piece{Text: before})
		}
		if !found {
			break
		}
		marked, tail, _ := strings.Cut(after, markEnd)
		out = append(out, piece{Text: marked, Mark: true})
		fragment = tail
	}
	return out
}
