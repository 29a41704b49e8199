package reranker

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// teiServer speaks the protocol as text-embeddings-inference's router does: shapes, sorted answers, limits, failures.
type teiServer struct {
	*httptest.Server
	batch    int
	info     atomic.Pointer[string]
	answer   func(w http.ResponseWriter, query string, texts []string) bool // true: it has answered
	calls    atomic.Int64
	together atomic.Int64
	most     atomic.Int64

	mu    sync.Mutex
	sizes []int
	auth  []string
}

func startTEI(t testing.TB, batch int) *teiServer {
	s := &teiServer{batch: batch}
	s.setModel("cross-encoder/ms-marco-MiniLM-L-12-v2", "c5ee24cb16019beea0893ab7796b1df96625c6b8")
	mux := http.NewServeMux()
	mux.HandleFunc("GET /base/info", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, *s.info.Load()) })
	mux.HandleFunc("GET /base/health", func(http.ResponseWriter, *http.Request) {})
	mux.HandleFunc("POST /base/rerank", s.rerank)
	s.Server = httptest.NewServer(mux)
	t.Cleanup(s.Close)
	return s
}

func (s *teiServer) setModel(id, sha string) {
	info := fmt.Sprintf(`{"model_id":%q,"model_sha":%q,"model_dtype":"float16","model_type":{"reranker":{"id2label":{"0":"LABEL_0"},
		"label2id":{"LABEL_0":0}}},"max_concurrent_requests":512,"max_input_length":512,"max_batch_tokens":16384,
		"max_batch_requests":null,"max_client_batch_size":%d,"auto_truncate":false,"tokenization_workers":4,
		"version":"1.7.0","sha":null,"docker_label":null}`, id, sha, s.batch)
	s.info.Store(&info)
}

// teiScore is the score that the server gives a pair.
func teiScore(query, text string) float32 { return float32(len(text)) - float32(len(query))/8 - 3 }

func (s *teiServer) rerank(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	now := s.together.Add(1)
	defer s.together.Add(-1)
	for most := s.most.Load(); now > most && !s.most.CompareAndSwap(most, now); most = s.most.Load() {
	}
	var call struct {
		Query               string
		Texts               []string
		RawScores, Truncate bool
	}
	body, _ := io.ReadAll(r.Body)
	var raw map[string]json.RawMessage
	if json.Unmarshal(body, &raw) != nil || json.Unmarshal(raw["query"], &call.Query) != nil || json.Unmarshal(raw["texts"], &call.Texts) != nil ||
		string(raw["raw_scores"]) != "true" || string(raw["truncate"]) != "true" || r.Header.Get("Content-Type") != "application/json" {
		teiFail(w, 422, "Failed to deserialize the JSON body", "validation")
		return
	}
	s.mu.Lock()
	s.sizes = append(s.sizes, len(call.Texts))
	s.auth = append(s.auth, r.Header.Get("Authorization"))
	s.mu.Unlock()
	if s.answer != nil && s.answer(w, call.Query, call.Texts) {
		return
	}
	if len(call.Texts) > s.batch {
		teiFail(w, 413, fmt.Sprintf("batch size %d > maximum allowed batch size %d", len(call.Texts), s.batch), "validation")
		return
	}
	type rank struct {
		Index int     `json:"index"`
		Score float32 `json:"score"`
	}
	ranks, tokens := make([]rank, len(call.Texts)), 0
	for i, text := range call.Texts {
		ranks[i] = rank{i, teiScore(call.Query, text)}
		tokens += len(strings.Fields(text))
	}
	slices.SortFunc(ranks, func(a, b rank) int { return int(b.Score - a.Score) })
	w.Header().Set("X-Compute-Tokens", fmt.Sprint(tokens))
	json.NewEncoder(w).Encode(ranks)
}

func teiFail(w http.ResponseWriter, status int, message, kind string) {
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]string{"error": message, "error_type": kind})
}

func openTEITest(t testing.TB, o Options) *Reranker {
	t.Helper()
	o.Backend = BackendTEI
	r, err := Open(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

func (s *teiServer) options() Options { return Options{URL: s.URL + "/base/"} }
