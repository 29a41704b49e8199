package mlcommons

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"strings"
	"testing"

	"go.uber.org/goleak"

	"github.com/resift/resift/engines"
	"github.com/resift/resift/test/rig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "right"

// texts are what is searched: some with what templates that paste JSON together get wrong.
func texts() []string {
	return []string{
		"A compiler translates a program from one language to another.",
		"Garbage collection: a program's unused memory is found and freed automatically.",
		"The program of the theatre, from memory: the cat sat on the mat.",
		"Virtual memory makes a program's address space larger than the machine's memory.",
		"free() gives memory back to the heap of a program: “naïve”, 日本語, C:\\temp, \"quoted\", tab\tand\nline.",
		"memory program",
	}
}

func TestRerankProcessor(t *testing.T) {
	folder := os.Getenv("RESIFT_TEST_MLCOMMONS")
	if folder == "" {
		t.Skip("RESIFT_TEST_MLCOMMONS is not set: make test-mlcommons")
	}
	model, binary := rig.Model(t), rig.Binary(t)
	var log bytes.Buffer
	engine, err := Start(t.Context(), folder, engines.Options{Log: &log})
	if err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	t.Cleanup(func() {
		if err := engine.Stop(); err != nil {
			t.Error(err)
		}
	})
	resift := rig.Start(t, binary, fmt.Sprintf(`listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
rerank_api: {listen: "127.0.0.1:0", token: %s}
engine: {urls: [%q]}
reranker: {model: %q, device: cpu}
indices: [{match: "*", fields: [text], timeout: 60s}]
log: {format: json}
`, token, engine.URL, model))
	for i, text := range texts() {
		send(t, http.MethodPut, fmt.Sprintf("%s/docs/_doc/%d?refresh=true", engine.URL, i), "", map[string]any{"text": text}, nil)
	}
	if _, err := engine.Connect(t.Context(), "reranked", resift.Rerank, token, "text"); err != nil {
		t.Fatalf("%v\n%s", err, &log)
	}
	for _, question := range []string{"How does a program free memory that it no longer uses?", `memory "quoted" \ program`} {
		t.Run(question, func(t *testing.T) { holdOrder(t, engine.URL, resift, question) })
	}
	t.Run("a wrong token", func(t *testing.T) {
		if _, err := engine.Connect(t.Context(), "refused", resift.Rerank, "wrong", "text"); err != nil {
			t.Fatal(err)
		}
		var said json.RawMessage
		status := send(t, http.MethodPost, engine.URL+"/docs/_search?search_pipeline=refused", "", search("memory program"), &said)
		if status/100 == 2 || !strings.Contains(string(said), "bearer token") {
			t.Errorf("%d %s", status, said)
		}
	})
}

func search(question string) map[string]any {
	return map[string]any{
		"query": map[string]any{"match": map[string]any{"text": question}},
		"ext":   map[string]any{"rerank": map[string]any{"query_context": map[string]any{"query_text": question}}},
	}
}

// holdOrder compares the engine's processor, the same request at resift's search port without the processor, and the
// model's scores.
func holdOrder(t *testing.T, engine string, resift *rig.Process, question string) {
	type found struct {
		Hits struct {
			Hits []struct {
				ID    string  `json:"_id"`
				Score float64 `json:"_score"`
			}
		}
	}
	var processor, proxied found
	send(t, http.MethodPost, engine+"/docs/_search?search_pipeline=reranked", "", search(question), &processor)
	send(t, http.MethodPost, resift.URL+"/docs/_search", "", search(question), &proxied)
	var ranks []struct {
		Index int
		Score float64
	}
	send(t, http.MethodPost, resift.Rerank+"/rerank", token, map[string]any{"query": question, "texts": texts(), "raw_scores": true}, &ranks)
	if len(processor.Hits.Hits) != len(ranks) || len(proxied.Hits.Hits) != len(ranks) {
		t.Fatalf("%d, %d and %d hits", len(processor.Hits.Hits), len(proxied.Hits.Hits), len(ranks))
	}
	for n, rank := range ranks {
		id := fmt.Sprint(rank.Index)
		hit := processor.Hits.Hits[n]
		if want := 1 / (1 + math.Exp(-rank.Score)); hit.ID != id || math.Abs(hit.Score-want) > 1e-6 {
			t.Errorf("place %d by the processor: %s with %v, want %s with %v", n, hit.ID, hit.Score, id, want)
		}
		if proxied.Hits.Hits[n].ID != id {
			t.Errorf("place %d through resift: %s, want %s", n, proxied.Hits.Hits[n].ID, id)
		}
	}
}

func send(t *testing.T, method, url, token string, body, to any) (status int) {
	t.Helper()
	text, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), method, url, bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err = io.ReadAll(res.Body); err != nil {
		t.Fatal(err)
	}
	if to == nil {
		if res.StatusCode/100 != 2 {
			t.Fatalf("%s %s: %d %s", method, url, res.StatusCode, text)
		}
		return res.StatusCode
	}
	if err := json.Unmarshal(text, to); err != nil {
		t.Fatalf("%s: %v: %s", url, err, text)
	}
	return res.StatusCode
}
