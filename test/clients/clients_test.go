package clients

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"text/tabwriter"
	"time"

	"go.uber.org/goleak"

	"github.com/resift/resift/demo/corpus"
	"github.com/resift/resift/test/rig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// runLimit is the patience with one run of one program.
const runLimit = 3 * time.Minute

// program is a client library in use: a command of the folder that setup.sh makes, which is told the URL, the documents
// and the coding of bodies.
type program []string

func (p program) named() string {
	return strings.Join(p[:len(p)-1], " ") + " " + filepath.Base(p[len(p)-1])
}

// programs by the engine that their libraries are for. The first word is in the folder, or on the PATH.
func programs(flavour string) []program {
	if flavour == "opensearch" {
		return []program{
			{"opensearch/bin/python", "-B", "python/opensearch_client.py"},
			{"node", "js/opensearch.js"},
			{"go-clients", "opensearch-go"},
		}
	}
	return []program{
		{"elasticsearch-8/bin/python", "-B", "python/elasticsearch_client.py"},
		{"elasticsearch-9/bin/python", "-B", "python/elasticsearch_client.py"},
		{"node", "js/elasticsearch.js"},
		{"go-clients", "go-elasticsearch-8"},
		{"go-clients", "go-elasticsearch-9"},
	}
}

// TestClients runs every program four times an engine: direct and through resift, with plain and with compressed bodies.
func TestClients(t *testing.T) {
	folder := os.Getenv("RESIFT_TEST_CLIENTS")
	if folder == "" {
		t.Skip("RESIFT_TEST_CLIENTS is not set: make test-clients")
	}
	binary := rig.Binary(t)
	documents := filepath.Join(t.TempDir(), "documents.jsonl")
	if err := writeDocuments(documents); err != nil {
		t.Fatal(err)
	}
	var rows []row
	for _, engine := range []struct{ name, flavour, url string }{
		{"opensearch-3.8", "opensearch", os.Getenv("RESIFT_TEST_OPENSEARCH")},
		{"elasticsearch-9.5", "elasticsearch", os.Getenv("RESIFT_TEST_ELASTICSEARCH")},
	} {
		t.Run(engine.name, func(t *testing.T) {
			url := cmp.Or(engine.url, boot(t, engine.name, engine.url))
			scorer := rig.NewScorer(t, rig.Equal)
			p := rig.Start(t, binary, fmt.Sprintf(`listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
engine: {urls: [%q]}
reranker: {backend: tei, url: %q}
cache: {size: 0}
indices: [{match: "*", fields: [title, text], score: keep, timeout: 30s}]
log: {format: json}
`, url, scorer.URL))
			for _, program := range programs(engine.flavour) {
				for _, coding := range []string{"plain", "gzip"} {
					r := compare(t, folder, program, documents, coding, url, p)
					r.engine, r.bodies = engine.name, coding
					rows = append(rows, r)
				}
			}
		})
	}
	printTable(os.Stdout, rows)
}

// boot starts the engine until the test ends, unless url names one that is up.
func boot(t *testing.T, name, url string) string {
	t.Helper()
	if url != "" {
		return url
	}
	return rig.Engine(t, name).URL
}

// writeDocuments takes every fortieth entry of the demo's corpus.
func writeDocuments(file string) error {
	var lines bytes.Buffer
	out := json.NewEncoder(&lines)
	n := 0
	for d, err := range corpus.Documents() {
		if err != nil {
			return err
		}
		if n++; n%40 != 0 {
			continue
		}
		topic := append(d.Topics, "none")[0]
		if err := out.Encode(map[string]any{"id": d.ID, "key": d.ID, "title": d.Title, "text": d.Text, "topic": topic, "length": len(d.Text)}); err != nil {
			return err
		}
	}
	return os.WriteFile(file, lines.Bytes(), 0o644)
}

// step is a line that a program prints.
type step struct {
	Client   string // the first line's: library and version
	Step     string
	Got      any
	Reranked int // searches of the step that are to be re-ranked
}

// run is one program before one URL.
func run(ctx context.Context, folder string, p program, url, documents, coding string) ([]step, error) {
	ctx, cancel := context.WithTimeout(ctx, runLimit)
	defer cancel()
	command := p[0]
	if command != "node" {
		command = filepath.Join(folder, command)
	}
	args := append(append([]string(nil), p[1:]...), url, documents, coding)
	for i, arg := range args {
		switch filepath.Ext(arg) {
		case ".py": // where it stands, beside this file
		case ".js": // beside its packages
			args[i] = filepath.Join(folder, arg)
		}
	}
	cmd := exec.CommandContext(ctx, command, args...)
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	if err := cmd.Run(); err != nil {
		return nil, fmt.Errorf("%w\n%s", err, problems.Bytes())
	}
	var steps []step
	d := json.NewDecoder(&out)
	d.UseNumber()
	for {
		var s step
		if err := d.Decode(&s); err == io.EOF {
			return steps, nil
		} else if err != nil {
			return nil, fmt.Errorf("line %d: %w", len(steps)+1, err)
		}
		steps = append(steps, s)
	}
}

// row is a line of the table.
type row struct {
	client, engine, bodies       string
	steps, reranked, differences int
	took                         time.Duration
}

// compare runs a program against the engine and against resift.
func compare(t *testing.T, folder string, program program, documents, coding, engine string, p *rig.Process) (r row) {
	t.Helper()
	begin := time.Now()
	direct, err := run(t.Context(), folder, program, engine, documents, coding)
	if err != nil {
		t.Fatalf("%s, direct, %s: %v", program.named(), coding, err)
	}
	if len(direct) < 20 {
		t.Fatalf("%s printed %d steps", program.named(), len(direct))
	}
	r.client, direct = direct[0].Client, direct[1:]
	r.steps = len(direct)
	before := statuses(t, p)
	proxied, err := run(t.Context(), folder, program, p.URL, documents, coding)
	if err != nil {
		t.Errorf("%s through resift, %s: %v", r.client, coding, err)
		r.differences = r.steps
		return r
	}
	proxied = proxied[1:]
	after := statuses(t, p)
	r.took = time.Since(begin)
	want := 0
	for i, s := range direct {
		want += s.Reranked
		if i >= len(proxied) {
			r.differences++
			t.Errorf("%s, %s, %s: no such step through resift", r.client, coding, s.Step)
		} else if d := difference(s.Step, s.Got, proxied[i].Got); d != "" {
			r.differences++
			t.Errorf("%s, %s: %s", r.client, coding, d)
		}
	}
	r.reranked = after["reranked"] - before["reranked"]
	if r.reranked < want {
		t.Errorf("%s, %s: %d searches were re-ranked, want at least %d", r.client, coding, r.reranked, want)
	}
	for status, n := range after {
		kind, reason, _ := strings.Cut(status, " ")
		// The searches that the engines refuse are refused twice: as resift widens them, and as they are.
		if n -= before[status]; n > 0 && (kind == "fallback" || kind == "partial") && reason != "engine_status" {
			t.Errorf("%s, %s: %d searches with status %s", r.client, coding, n, status)
		}
	}
	return r
}

// statuses counts what became of requests so far, by "reranked" or "bypassed sort".
func statuses(t *testing.T, p *rig.Process) map[string]int {
	t.Helper()
	client := http.Client{Timeout: time.Minute, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}
	res, err := client.Get(p.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(res.Body)
	if err := errors.Join(err, res.Body.Close()); err != nil {
		t.Fatal(err)
	}
	counts := map[string]int{}
	for line := range strings.Lines(string(text)) {
		labels, ok := strings.CutPrefix(line, "resift_requests_total{")
		if !ok {
			continue
		}
		name := label(labels, "status")
		if reason := label(labels, "reason"); reason != "" {
			name += " " + reason
		}
		n, err := strconv.ParseFloat(strings.TrimSpace(line[strings.LastIndexByte(line, ' '):]), 64)
		if err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		counts[name] += int(n)
	}
	return counts
}

// label is the value of a label of a metric's line.
func label(labels, name string) string {
	_, value, _ := strings.Cut(labels, name+`="`)
	value, _, _ = strings.Cut(value, `"`)
	return value
}

func printTable(to io.Writer, rows []row) {
	w := tabwriter.NewWriter(to, 0, 0, 1, ' ', 0)
	fmt.Fprintln(w, "| client\t| engine\t| bodies\t| steps\t| re-ranked\t| differences\t| seconds\t|")
	fmt.Fprintln(w, "|---\t|---\t|---\t|---:\t|---:\t|---:\t|---:\t|")
	for _, r := range rows {
		fmt.Fprintf(w, "| %s\t| %s\t| %s\t| %d\t| %d\t| %d\t| %.1f\t|\n", r.client, r.engine, r.bodies, r.steps, r.reranked, r.differences, r.took.Seconds())
	}
	w.Flush()
}
