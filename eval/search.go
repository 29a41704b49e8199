package eval

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"
)

// Searcher asks a running proxy for both arms of a query.
type Searcher struct {
	URL      string      // of the proxy's search port
	Index    string      // index expression; empty searches all
	Template string      // JSON body; the string "{{query}}" (or part of a string) stands for the query's text; empty: DefaultTemplate
	Fields   []string    // of DefaultTemplate
	Size     int         // hits a query; 0: 100
	Window   int         // 0: the proxy's own
	Model    string      // by the name that the proxy has for it; empty: its rules'
	Header   http.Header // sent with each search, for example Authorization
	Client   *http.Client
	Texts    bool // keep the beginning of each document's text, of Fields, for a report
	// First, if not nil, replaces the index's own first stage: the candidates of each query are the documents of this run.
	First Run
}

// Answer is one arm's order for a query.
type Answer struct {
	Docs    []Ranked
	Texts   map[string]string // document → the beginning of its text; nil unless asked for
	Status  string            // X-Resift-Status and X-Resift-Reason
	Reason  string
	Model   string // X-Resift-Model: what scored; empty where nothing did
	Elapsed time.Duration
}

// Arms of a comparison, as X-Resift-Arm names them.
const (
	Control   = "control"
	Treatment = "treatment"
)

// maxAnswer bounds an answer, in bytes.
const maxAnswer = 256 << 20

// Body is the search for one query.
func (s *Searcher) Body(q Query) ([]byte, error) {
	query, err := s.query(q)
	if err != nil {
		return nil, err
	}
	size := s.Size
	if size == 0 {
		size = 100
	}
	var top map[string]json.RawMessage
	if err := json.Unmarshal(query, &top); err != nil {
		return nil, fmt.Errorf("template: %w", err)
	}
	top["size"] = json.RawMessage(fmt.Sprint(size))
	if s.First == nil {
		return json.Marshal(top)
	}
	ids := make([]string, 0, len(s.First[q.ID]))
	for _, d := range s.First[q.ID] {
		ids = append(ids, d.ID)
	}
	// The query scores, but does not choose: candidates that it does not match stay.
	top["query"], err = json.Marshal(map[string]any{"bool": map[string]any{
		"filter": map[string]any{"ids": map[string]any{"values": ids}},
		"should": []json.RawMessage{top["query"]},
	}})
	if err != nil {
		return nil, err
	}
	return json.Marshal(top)
}

func (s *Searcher) query(q Query) ([]byte, error) {
	if s.Template == "" {
		return json.Marshal(map[string]any{"query": map[string]any{"multi_match": map[string]any{"query": q.Text, "fields": s.Fields}}})
	}
	text, err := json.Marshal(q.Text)
	if err != nil {
		return nil, err
	}
	if !strings.Contains(s.Template, "{{query}}") {
		return nil, errors.New("template: holds no {{query}}")
	}
	return []byte(strings.ReplaceAll(s.Template, "{{query}}", string(text[1:len(text)-1]))), nil
}

// Search asks for one arm's order of one query.
func (s *Searcher) Search(ctx context.Context, q Query, arm string) (Answer, error) {
	body, err := s.Body(q)
	if err != nil {
		return Answer{}, err
	}
	target := strings.TrimRight(s.URL, "/")
	if s.Index != "" {
		target += "/" + url.PathEscape(s.Index)
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, target+"/_search", bytes.NewReader(body))
	if err != nil {
		return Answer{}, err
	}
	for name, values := range s.Header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Resift-Arm", arm)
	if s.Window > 0 && arm == Treatment {
		req.Header.Set("X-Resift-Window", fmt.Sprint(s.Window))
	}
	if s.Model != "" && arm == Treatment {
		req.Header.Set("X-Resift-Model", s.Model)
	}
	start := time.Now()
	resp, err := s.Client.Do(req)
	if err != nil {
		return Answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer))
	if err != nil {
		return Answer{}, err
	}
	a := Answer{
		Status: resp.Header.Get("X-Resift-Status"), Reason: resp.Header.Get("X-Resift-Reason"), Model: resp.Header.Get("X-Resift-Model"),
		Elapsed: time.Since(start),
	}
	if resp.StatusCode != http.StatusOK {
		return a, fmt.Errorf("%s answered %s: %.300s", target, resp.Status, text)
	}
	if a.Status == "" {
		return a, fmt.Errorf("%s is no resift: its answer has no X-Resift-Status", s.URL)
	}
	return a, s.readHits(&a, text)
}

// readHits fills in what the hits of an answer say.
func (s *Searcher) readHits(a *Answer, text []byte) error {
	var answer struct {
		Hits struct {
			Hits []struct {
				ID     string          `json:"_id"`
				Score  *float64        `json:"_score"`
				Source json.RawMessage `json:"_source"`
			} `json:"hits"`
		} `json:"hits"`
	}
	if err := json.Unmarshal(text, &answer); err != nil {
		return fmt.Errorf("answer: %w", err)
	}
	a.Docs = make([]Ranked, len(answer.Hits.Hits))
	if s.Texts {
		a.Texts = make(map[string]string, len(a.Docs))
	}
	for i, h := range answer.Hits.Hits {
		a.Docs[i].ID = h.ID
		if h.Score != nil {
			a.Docs[i].Score = *h.Score
		}
		if s.Texts {
			a.Texts[h.ID] = s.beginning(h.Source)
		}
	}
	return nil
}

// beginningSize is how much of a document's text a report shows, in runes.
const beginningSize = 200

// beginning is the first text of a hit's fields, cut short.
func (s *Searcher) beginning(source json.RawMessage) string {
	var doc map[string]any
	if json.Unmarshal(source, &doc) != nil {
		return ""
	}
	var parts []string
	for _, name := range s.Fields {
		name, _, _ = strings.Cut(name, "^") // a boost
		if text, ok := doc[name].(string); ok && text != "" {
			parts = append(parts, text)
		}
	}
	text := []rune(strings.Join(parts, " · "))
	if len(text) > beginningSize {
		return string(text[:beginningSize]) + "…"
	}
	return string(text)
}

// Outcome is one arm over all queries.
type Outcome struct {
	Run      Run
	Statuses map[string]int // "reranked", "fallback: overloaded", … → searches
	Models   []string       // that scored, such as resift-tiny@1f3a9c04
	Elapsed  []time.Duration
	Texts    map[string]string // document → the beginning of its text; empty unless asked for
}

// RunArm asks for every query, at most parallel at a time; done is called after each. The first error ends it.
func (s *Searcher) RunArm(ctx context.Context, queries []Query, arm string, parallel int, done func()) (*Outcome, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answers := make([]Answer, len(queries))
	next := make(chan int)
	var wg sync.WaitGroup
	for range max(parallel, 1) {
		wg.Go(func() {
			for i := range next {
				a, err := s.Search(ctx, queries[i], arm)
				if err != nil {
					cancel(fmt.Errorf("query %s: %w", queries[i].ID, err))
					continue
				}
				answers[i] = a
				done()
			}
		})
	}
feed:
	for i := range queries {
		select {
		case next <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(next)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	o := &Outcome{Run: Run{}, Statuses: map[string]int{}, Texts: map[string]string{}}
	for i, a := range answers {
		maps.Copy(o.Texts, a.Texts)
		o.Run[queries[i].ID] = a.Docs
		o.Elapsed = append(o.Elapsed, a.Elapsed)
		if a.Model != "" && !slices.Contains(o.Models, a.Model) {
			o.Models = append(o.Models, a.Model)
		}
		status := a.Status
		if a.Reason != "" {
			status += ": " + a.Reason
		}
		o.Statuses[status]++
	}
	return o, nil
}
