package rerankclients

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/resift/resift/test/rig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const token = "right"

// input is what every client ranks.
type input struct {
	Query     string   `json:"query"`
	Documents []string `json:"documents"`
}

func questions() input {
	return input{"How does a program get rid of memory that it no longer uses?", []string{
		"A compiler translates a program from one language to another.",
		"Garbage collection: a program's unused memory is found and freed automatically.",
		"The cat sat on the mat.",
		"Virtual memory makes the address space larger than the machine's memory.",
		"free() gives a block of memory, which malloc() had handed out, back to the heap: “naïve”, 日本語 \\ \"quoted\".",
	}}
}

// line is what clients.py prints of a client.
type line struct {
	Client  string
	Results [][2]float64 // index and score
	Error   string
}

// refusals are the errors of clients for a wrong token; the rest raise what UnauthorizedError is to Cohere's SDK.
func refusals() map[string]string {
	return map[string]string{
		"LangChain JinaRerank": "RuntimeError", "LlamaIndex JinaRerank": "RuntimeError", // with the answer's `detail`
		"LlamaIndex TEI": "AssertionError", // it takes no answer but a list
		"LiteLLM cohere": "AuthenticationError", "LiteLLM jina_ai": "AuthenticationError", "LiteLLM hosted_vllm": "AuthenticationError",
		"LiteLLM huggingface": "AuthenticationError",
	}
}

func TestClients(t *testing.T) {
	folder := os.Getenv("RESIFT_TEST_RERANK_CLIENTS")
	if folder == "" {
		t.Skip("RESIFT_TEST_RERANK_CLIENTS is not set: make test-rerank-clients")
	}
	model, binary := rig.Model(t), rig.Binary(t)
	p := rig.Start(t, binary, fmt.Sprintf(`listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
rerank_api: {listen: "127.0.0.1:0", token: %s}
engine: {urls: ["http://127.0.0.1:1"]}
reranker: {model: %q, device: cpu}
indices: [{match: "*", fields: [text]}]
log: {format: json}
`, token, model))
	text, err := json.Marshal(questions())
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(t.TempDir(), "input.json")
	if err := os.WriteFile(file, text, 0o644); err != nil {
		t.Fatal(err)
	}
	want := logits(t, p.Rerank, questions())
	lines := run(t, folder, p.Rerank, file)
	if len(lines) != 13 {
		t.Errorf("%d clients, want 13", len(lines))
	}
	for _, l := range lines {
		t.Run(l.Client, func(t *testing.T) { check(t, l, want) })
	}
}

// run runs every client.
func run(t *testing.T, folder, url, file string) []line {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), filepath.Join(folder, "bin", "python"), "-B", filepath.Join("python", "clients.py"), url, token, file)
	var out, log bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &log
	cmd.WaitDelay = 10 * time.Second
	err := cmd.Run()
	if err != nil {
		t.Fatalf("clients.py: %v\n%s%s", err, &out, &log)
	}
	var lines []line
	for text := range strings.Lines(out.String()) {
		var l line
		if err := json.Unmarshal([]byte(text), &l); err != nil {
			t.Fatalf("clients.py: %q: %v", text, err)
		}
		lines = append(lines, l)
	}
	return lines
}

// check holds a client to the model's order, as far as it asked for results, and scores.
func check(t *testing.T, l line, want []scored) {
	if len(l.Results) < 2 || len(l.Results) > len(want) {
		t.Fatalf("%d results", len(l.Results))
	}
	for n, r := range l.Results {
		sigmoid := 1 / (1 + math.Exp(-want[n].Score))
		if int(r[0]) != want[n].Index || math.Abs(r[1]-sigmoid) > 1e-7 {
			t.Errorf("place %d: document %v with %v, want %d with %v", n, r[0], r[1], want[n].Index, sigmoid)
		}
	}
	refusal, ok := refusals()[l.Client]
	if !ok {
		refusal = "UnauthorizedError"
	}
	if l.Error != refusal {
		t.Errorf("a wrong token raises %q, want %s", l.Error, refusal)
	}
}

type scored struct {
	Index int
	Score float64
}

// logits asks the API for the model's own scores, best first.
func logits(t *testing.T, url string, in input) []scored {
	t.Helper()
	body, err := json.Marshal(map[string]any{"query": in.Query, "texts": in.Documents, "raw_scores": true})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/rerank", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	client := http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	var list []scored
	if err := json.Unmarshal(text, &list); err != nil || len(list) != len(in.Documents) {
		t.Fatalf("%d %s", res.StatusCode, text)
	}
	if !slices.IsSortedFunc(list, func(a, b scored) int {
		if a.Score > b.Score {
			return -1
		}
		return 1
	}) {
		t.Fatalf("not in order: %s", text)
	}
	return list
}
