package rig

import (
	"encoding/json"
	"fmt"
	"hash/fnv"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// Scorer is a real HTTP server that speaks text-embeddings-inference's protocol, with a function in place of a model.
type Scorer struct {
	*httptest.Server
	Batch int    // texts a call, as /info says; set before resift starts
	Model string // its name, likewise

	mu      sync.Mutex
	queries []string // of all calls
	headers []http.Header
	before  func() // runs before a call is answered; nil: nothing
}

// Scoring gives the i-th text of a call its score.
type Scoring func(i int, query, text string) float64

// KeepOrder scores texts so that they stay in the order in which they came, ReverseOrder so that the last one comes
// first. Both hold for a search whose texts fit one call, and whose texts all differ.
func KeepOrder(i int, _, _ string) float64    { return float64(-i) / 8 }
func ReverseOrder(i int, _, _ string) float64 { return float64(i)/8 - 5 }

// Equal scores all texts alike, so that they stay in the order in which they came whether they differ or not.
func Equal(int, string, string) float64 { return 0 }

// ByHash scores a pair by nothing but its texts, as a model does.
func ByHash(_ int, query, text string) float64 {
	h := fnv.New32a()
	h.Write([]byte(query + "\n" + text))
	return float64(h.Sum32()%8192)/512 - 8
}

// NewScorer starts a scorer that ends with the test.
func NewScorer(t testing.TB, score Scoring) *Scorer {
	s := &Scorer{Batch: 100_000, Model: "test/order"}
	m := http.NewServeMux()
	m.HandleFunc("GET /health", func(http.ResponseWriter, *http.Request) {})
	m.HandleFunc("GET /info", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"model_id":%q,"model_sha":"1","model_dtype":"float32","model_type":{"reranker":{"id2label":{"0":"LABEL_0"},"label2id":{"LABEL_0":0}}},`+
			`"max_concurrent_requests":512,"max_input_length":512,"max_batch_tokens":16384,"max_client_batch_size":%d}`, s.Model, s.Batch)
	})
	m.HandleFunc("POST /rerank", func(w http.ResponseWriter, r *http.Request) { s.rerank(w, r, score) })
	s.Server = httptest.NewServer(m)
	t.Cleanup(s.Close)
	return s
}

func (s *Scorer) rerank(w http.ResponseWriter, r *http.Request, score Scoring) {
	var in struct {
		Query string   `json:"query"`
		Texts []string `json:"texts"`
	}
	if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
		http.Error(w, `{"error":"malformed","error_type":"validation"}`, http.StatusUnprocessableEntity)
		return
	}
	s.mu.Lock()
	s.queries = append(s.queries, in.Query)
	s.headers = append(s.headers, r.Header)
	before := s.before
	s.mu.Unlock()
	if before != nil {
		before()
	}
	type rank struct {
		Index int     `json:"index"`
		Score float64 `json:"score"`
	}
	ranks := make([]rank, len(in.Texts))
	for i := range ranks {
		ranks[i] = rank{i, score(i, in.Query, in.Texts[i])}
	}
	slices.SortStableFunc(ranks, func(a, b rank) int { // as the real server answers: best first
		switch {
		case a.Score > b.Score:
			return -1
		case a.Score < b.Score:
			return 1
		}
		return 0
	})
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(ranks)
}

// HoldCalls makes every call from now on wait until the returned function is called; entered gets one element a call.
func (s *Scorer) HoldCalls() (entered <-chan struct{}, release func()) {
	in, out := make(chan struct{}, 1000), make(chan struct{})
	s.mu.Lock()
	s.before = func() { in <- struct{}{}; <-out }
	s.mu.Unlock()
	return in, sync.OnceFunc(func() {
		s.mu.Lock()
		s.before = nil
		s.mu.Unlock()
		close(out)
	})
}

// HoldAfter lets n calls through and makes those after them wait until the returned function is called.
func (s *Scorer) HoldAfter(n int) (release func()) {
	out := make(chan struct{})
	s.mu.Lock()
	s.before = func() {
		s.mu.Lock()
		n--
		hold := n < 0
		s.mu.Unlock()
		if hold {
			<-out
		}
	}
	s.mu.Unlock()
	return sync.OnceFunc(func() { close(out) })
}

// Asked are the distinct query texts of all calls.
func (s *Scorer) Asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := slices.Clone(s.queries)
	slices.Sort(list)
	return slices.Compact(list)
}

// Headers are those of all calls.
func (s *Scorer) Headers() []http.Header {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.headers)
}
