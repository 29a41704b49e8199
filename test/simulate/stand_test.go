package simulate

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/demo"
	"github.com/resift/resift/demo/corpus"
	"github.com/resift/resift/eval"
	"github.com/resift/resift/test/rig"
)

const (
	index          = "simulate-foldoc"
	experimentName = "simulated"
	pageSize       = 10
)

// question is one of the demo's, with its judgments and the first page of each arm that has an order of its own.
type question struct {
	text   string
	grades map[string]int
	pages  map[string][]string // by the arm's name
}

func (q *question) gradesOf(ids []string) []int {
	out := make([]int, len(ids))
	for i, id := range ids {
		out[i] = q.grades[id]
	}
	return out
}

// questions are the first n of the demo's.
func questions(t *testing.T, n int) []*question {
	t.Helper()
	list, err := eval.ReadQueries(strings.NewReader(corpus.Queries()))
	if err != nil {
		t.Fatal(err)
	}
	judged, err := eval.ReadJudgments(strings.NewReader(corpus.Qrels()))
	if err != nil {
		t.Fatal(err)
	}
	var out []*question
	for _, q := range list[:min(n, len(list))] {
		out = append(out, &question{text: q.Text, grades: judged.Qrels[q.ID], pages: map[string][]string{}})
	}
	return out
}

// arm is one arm of the simulated experiment.
type arm struct {
	name, kind string
	window     int
}

// stand is an engine with the corpus, and resift before it.
type stand struct {
	process *rig.Process
	client  *http.Client
}

func newStand(t *testing.T, binary, records string, arms []arm, window int) *stand {
	t.Helper()
	s := &stand{client: &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{MaxIdleConnsPerHost: 16}}}
	t.Cleanup(s.client.CloseIdleConnections)
	url := os.Getenv("RESIFT_TEST_OPENSEARCH")
	if url == "" {
		url = rig.Engine(t, "opensearch-3.8").URL
	}
	x := demo.Index{URL: url, Name: index, Client: s.client}
	if err := x.Load(t.Context(), demo.Corpus(), corpus.Count(), func(int) {}); err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, a := range arms {
		list = append(list, fmt.Sprintf("{name: %s, kind: %s, window: %d}", a.name, a.kind, a.window))
	}
	s.process = rig.Start(t, binary, fmt.Sprintf(`engine: {urls: [%q]}
reranker: {device: cpu}
indices: [{match: %s, fields: [title, text], window: %d, timeout: 2m, experiment: {name: %s, unit: {header: X-User}, arms: [%s]}}]
records: {dir: %q, clients: keep}
listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
log: {format: json}
`, url, index, window, experimentName, strings.Join(list, ", "), records))
	return s
}

// search is one answered search.
type search struct {
	id  string // X-Resift-Query-Id
	arm string
	ids []string
}

// ask sends a question with one header more. A search that should have been re-ranked and was not is an error.
func (s *stand) ask(ctx context.Context, q *question, header, value string) (search, error) {
	query, err := json.Marshal(q.text)
	if err != nil {
		return search{}, err
	}
	body := fmt.Sprintf(`{"query":{"multi_match":{"query":%s,"fields":["title","text"]}},"size":%d,"_source":false}`, query, pageSize)
	resp, text, err := s.post(ctx, s.process.URL+"/"+index+"/_search", body, header, value)
	if err != nil {
		return search{}, err
	}
	var answer struct {
		Hits struct {
			Hits []struct {
				ID string `json:"_id"`
			}
		}
	}
	if err := json.Unmarshal(text, &answer); err != nil || resp.StatusCode != http.StatusOK {
		return search{}, fmt.Errorf("%q: %s: %v: %.300s", q.text, resp.Status, err, text)
	}
	out := search{id: resp.Header.Get("X-Resift-Query-Id"), arm: resp.Header.Get("X-Resift-Arm")}
	for _, h := range answer.Hits.Hits {
		out.ids = append(out.ids, h.ID)
	}
	if status := resp.Header.Get("X-Resift-Status"); status == "fallback" || status == "partial" || len(out.ids) == 0 {
		return out, fmt.Errorf("%q, arm %s: status %s, %s, %d hits", q.text, out.arm, status, resp.Header.Get("X-Resift-Reason"), len(out.ids))
	}
	return out, nil
}

func (s *stand) post(ctx context.Context, url, body, header, value string) (*http.Response, []byte, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		return nil, nil, err
	}
	req.Header.Set("Content-Type", "application/json")
	if header != "" {
		req.Header.Set(header, value)
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return resp, text, err
}

// click reports a search's clicks.
func (s *stand) click(ctx context.Context, a search, ranks []int) error {
	var body strings.Builder
	for _, r := range ranks {
		fmt.Fprintf(&body, `{"action_name":"click","query_id":%q,"event_attributes":{"object":{"object_id":%q},"position":{"ordinal":%d}}}`+"\n", a.id, a.ids[r-1], r)
	}
	resp, text, err := s.post(ctx, s.process.Admin+"/events", body.String(), "", "")
	if err == nil && resp.StatusCode != http.StatusNoContent {
		err = errors.New(resp.Status + ": " + string(text))
	}
	return err
}

// askAll asks every question in every arm that has an order of its own, by the arm's name: such searches are recorded as forced, and
// not compared. The model scores here; what comes later finds its scores known.
func (s *stand) askAll(t *testing.T, list []*question, arms []arm) {
	t.Helper()
	for _, q := range list {
		for _, a := range arms {
			if a.kind == "interleave" {
				continue
			}
			if _, err := s.ask(t.Context(), q, "X-Resift-Arm", a.name); err != nil {
				t.Fatal(err)
			}
		}
	}
}
