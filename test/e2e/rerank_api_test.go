package e2e

import (
	"encoding/json"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

// TestRerankAPI asks for the model's scores of texts that a search had scored: they are the same to the bit, in the same
// order, and cost the model nothing.
func TestRerankAPI(t *testing.T) {
	c := withModel(t, shared.opensearch)
	c.indices = `[{match: e2e-docs, fields: [title, text], window: 20, timeout: 60s, details: true}]`
	c.rest = `rerank_api: {listen: "127.0.0.1:0"}`
	p := start(t, c)
	q := questions(1)[0]
	a := p.ask(post("/"+docs+"/_search", q.search(20)))
	if got := a.resiftStatus(); got != "reranked" {
		t.Fatal(a)
	}
	found, _ := readFound(t, a)
	var texts []string
	var scores []float32
	for _, raw := range found.Hits.Hits {
		var h struct {
			Source struct{ Title, Text any } `json:"_source"`
			Fields struct {
				Score []float32 `json:"resift.model_score"`
			}
		}
		if err := json.Unmarshal(raw, &h); err != nil {
			t.Fatalf("%s: %v", raw, err)
		}
		title, _ := h.Source.Title.(string)
		text, _ := h.Source.Text.(string)
		if title == "" || text == "" {
			continue // other shapes have their own tests
		}
		texts = append(texts, title+"\n"+text)
		scores = append(scores, h.Fields.Score[0])
	}
	if len(texts) < 5 {
		t.Fatalf("%d hits with both texts", len(texts))
	}
	body, err := json.Marshal(map[string]any{"query": q.text, "texts": texts, "raw_scores": true})
	if err != nil {
		t.Fatal(err)
	}
	_, address, _ := strings.Cut(p.Rerank, "://")
	ranked := ask(t, address, post("/rerank", string(body)))
	var ranks []struct {
		Index int
		Score float32
	}
	if err := json.Unmarshal(ranked.body, &ranks); err != nil || len(ranks) != len(texts) {
		t.Fatalf("%v: %s", err, ranked)
	}
	for i, r := range ranks {
		if r.Index != i || r.Score != scores[i] {
			t.Errorf("place %d: text %d with %v, want %d with %v", i, r.Index, r.Score, i, scores[i])
		}
	}
	if got := ranked.header.Get("X-Compute-Tokens"); got != "0" {
		t.Errorf("the model read %s tokens again", got)
	}
	if got := metric(t, p, "resift_rerank_api_texts_total", `known="true"`); got != float64(len(texts)) {
		t.Errorf("%v texts were known, want %d", got, len(texts))
	}
}

// TestRerankAPIDrains stops resift while a call is with the scorer: the call ends well.
func TestRerankAPIDrains(t *testing.T) {
	s := rig.NewScorer(t, rig.KeepOrder)
	c := withScorer(shared.opensearch, s)
	c.rest += "\nrerank_api: {listen: \"127.0.0.1:0\"}"
	p := start(t, c)
	_, address, _ := strings.Cut(p.Rerank, "://")
	entered, release := s.HoldCalls()
	defer release()
	type result struct {
		answer
		err error
	}
	done := make(chan result, 1)
	go func() {
		a, err := send(address, post("/v2/rerank", `{"query":"q","documents":["a","b"]}`))
		done <- result{a, err}
	}()
	<-entered
	p.Signal(syscall.SIGTERM)
	eventually(t, "the port is closed", 30*time.Second, func() bool {
		conn, err := net.DialTimeout("tcp", address, time.Second)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	release()
	if r := <-done; r.err != nil || r.status != 200 {
		t.Errorf("the call under way: %s %v", r.answer, r.err)
	}
	if code := p.Wait(rig.StopLimit); code != 0 {
		t.Errorf("exit code %d", code)
	}
}
