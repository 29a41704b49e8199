package chaos

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/demo/corpus"
	"github.com/resift/resift/test/rig"
)

const (
	index  = "chaos-docs"
	window = 50

	scoringTime   = 500 * time.Millisecond // the rule's timeout
	headerTimeout = 2 * time.Second        // of the engine
	slack         = 1500 * time.Millisecond
)

// stand is what all scenarios share.
type stand struct {
	binary   string
	engine   string          // URL
	searches []string        // bodies
	ids      map[string]hits // of the engine's own answer to each
}

// hits are the sorted identifiers of an answer, and the total.
type hits struct {
	ids   []string
	total int
}

func (h hits) equal(o hits) bool { return h.total == o.total && slices.Equal(h.ids, o.ids) }

var client = &http.Client{Timeout: 30 * time.Second, Transport: &http.Transport{Proxy: nil, MaxIdleConnsPerHost: 200}}

// newStand builds resift, boots the engine and fills it.
func newStand(t *testing.T) *stand {
	t.Helper()
	s := &stand{binary: rig.Binary(t), engine: os.Getenv("RESIFT_TEST_OPENSEARCH"), ids: map[string]hits{}}
	if s.engine == "" {
		s.engine = rig.Engine(t, "opensearch-3.8").URL
	}
	s.call(t, "DELETE", "/"+index+"?ignore_unavailable=true", "")
	s.call(t, "PUT", "/"+index, `{"settings":{"number_of_shards":1,"number_of_replicas":0}}`)
	t.Cleanup(func() { s.call(t, "DELETE", "/"+index, ""); client.CloseIdleConnections() })
	s.call(t, "POST", "/"+index+"/_bulk?refresh=true", documents(t))
	for _, text := range []string{"memory", "language", "network protocol", "operating system", "unix", "disk storage"} {
		body := fmt.Sprintf(`{"query":{"match":{"text":%q}},"size":%d}`, text, window)
		s.searches = append(s.searches, body)
		found, err := readHits(s.call(t, "POST", "/"+index+"/_search", body))
		if err != nil || len(found.ids) == 0 {
			t.Fatalf("%s: %v, %v", text, found, err)
		}
		s.ids[body] = found
	}
	return s
}

// documents is a bulk request of every twentieth entry of the demo's corpus.
func documents(t *testing.T) string {
	t.Helper()
	var bulk bytes.Buffer
	out := json.NewEncoder(&bulk)
	n := 0
	for d, err := range corpus.Documents() {
		if err != nil {
			t.Fatal(err)
		}
		if n++; n%20 == 0 {
			fmt.Fprintf(&bulk, `{"index":{"_id":%q}}`+"\n", d.ID)
			if err := out.Encode(d); err != nil {
				t.Fatal(err)
			}
		}
	}
	return bulk.String()
}

// call is a request to the engine itself that has to go well.
func (s *stand) call(t *testing.T, method, path, body string) []byte {
	t.Helper()
	req, err := http.NewRequest(method, s.engine+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	res, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err != nil || res.StatusCode > 299 || bytes.Contains(answer, []byte(`"errors":true`)) {
		t.Fatalf("%s %s: %d %v %.300s", method, path, res.StatusCode, err, answer)
	}
	return answer
}

func readHits(answer []byte) (hits, error) {
	var a struct {
		Hits struct {
			Total struct{ Value int }
			Hits  []struct {
				ID string `json:"_id"`
			}
		}
	}
	if err := json.Unmarshal(answer, &a); err != nil {
		return hits{}, err
	}
	h := hits{total: a.Hits.Total.Value}
	for _, hit := range a.Hits.Hits {
		h.ids = append(h.ids, hit.ID)
	}
	slices.Sort(h.ids)
	return h, nil
}

// bench is one scenario's resift with its links.
type bench struct {
	t             *testing.T
	stand         *stand
	engine, model *link
	process       *rig.Process
	configuration string
}

// newBench starts a resift of which all ways lead over links. A call of the model takes modelTime.
func (s *stand) newBench(t *testing.T, modelTime time.Duration) *bench {
	t.Helper()
	scorer := rig.NewScorer(t, func(i int, query, text string) float64 {
		if i == 0 {
			time.Sleep(modelTime)
		}
		return rig.ByHash(i, query, text)
	})
	b := &bench{t: t, stand: s}
	b.engine = newLink(t, strings.TrimPrefix(s.engine, "http://"))
	b.model = newLink(t, scorer.Listener.Addr().String())
	b.configuration = fmt.Sprintf(`listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
engine: {urls: [%q], header_timeout: %v, connect_timeout: 1s}
reranker: {backend: tei, url: %q}
cache: {size: 0}
indices: [{match: "*", fields: [title, text], window: %d, timeout: %v}]
limits: {searches: 64}
log: {format: json}
`, b.engine.url(), headerTimeout, b.model.url(), window, scoringTime)
	b.process = rig.Start(t, s.binary, b.configuration)
	return b
}

// holdings are what a process holds.
type holdings struct {
	goroutines int
	memory     int // MiB, resident
}

// holdings asks the admin port, after a collection of garbage.
func (b *bench) holdings() holdings {
	b.t.Helper()
	b.get("/debug/pprof/heap?gc=1")
	var h holdings
	for line := range strings.Lines(b.get("/metrics")) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name != "go_goroutines" && name != "process_resident_memory_bytes" {
			continue
		}
		n, err := strconv.ParseFloat(value, 64)
		if err != nil {
			b.t.Fatal(err)
		}
		if name == "go_goroutines" {
			h.goroutines = int(n)
		} else {
			h.memory = int(n) >> 20
		}
	}
	if h.goroutines == 0 {
		b.t.Fatal("the admin port does not count goroutines")
	}
	return h
}

func (b *bench) get(path string) string {
	b.t.Helper()
	res, err := client.Get(b.process.Admin + path)
	if err != nil {
		b.t.Fatal(err)
	}
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return string(text)
}
