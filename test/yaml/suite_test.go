package yaml

import (
	"archive/zip"
	_ "embed"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/resift/resift/engines"
	"github.com/resift/resift/test/rig"
)

var (
	//go:embed pom.xml
	pom []byte
	//go:embed jars.sha256
	sums []byte
)

var update = flag.Bool("update", false, "write the table into docs/compatibility.md")

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// searching are the folders of the suite that are about searching.
var searching = []string{
	"count", "explain", "field_caps", "indices.validate_query", "mlt", "msearch", "range", "scroll", "search", "search.aggregation",
	"search.highlight", "search.inner_hits", "search_shards", "suggest",
}

// openSuite opens the suite's jar, which is fetched once.
func openSuite(t *testing.T) (map[string]api, []suiteFile) {
	t.Helper()
	suite := engines.Jars{Name: "the engines' REST tests", POM: pom, Sums: sums}
	dir, err := suite.Fetch(t.Context(), filepath.Join("yaml", "rest-api-spec-7.10.2"), func(step string) { t.Log(step) })
	if err != nil {
		t.Fatal(err)
	}
	jar, err := zip.OpenReader(filepath.Join(dir, "rest-api-spec-7.10.2.jar"))
	if err != nil {
		t.Fatal(err)
	}
	defer jar.Close()
	apis, err := readAPIs(&jar.Reader)
	if err != nil {
		t.Fatal(err)
	}
	files, err := readFiles(&jar.Reader)
	if err != nil {
		t.Fatal(err)
	}
	return apis, files
}

// TestSuite runs the suite. RESIFT_TEST_SUITE=all takes all of it and not only what is about searching; RESIFT_TEST_ENGINES
// names the engines.
func TestSuite(t *testing.T) {
	if testing.Short() {
		t.Skip("boots an engine")
	}
	apis, files := openSuite(t)
	if os.Getenv("RESIFT_TEST_SUITE") != "all" {
		files = slices.DeleteFunc(files, func(f suiteFile) bool { return !slices.Contains(searching, filepath.Dir(f.name)) })
	}
	if len(files) == 0 {
		t.Fatal("the suite is empty")
	}
	binary := rig.Binary(t)
	names := strings.Fields(os.Getenv("RESIFT_TEST_ENGINES"))
	switch {
	case len(names) == 0:
		names = []string{"opensearch-3.8"}
	case names[0] == "all":
		names = engines.Names()
	}
	var tallies []*tally
	for _, name := range names {
		t.Run(name, func(t *testing.T) { tallies = append(tallies, runSuite(t, name, binary, apis, files)) })
	}
	t.Logf("\n%s", table(tallies))
	if *update {
		writeTable(t, tallies)
	}
}

// runSuite runs all files on an engine of its own.
func runSuite(t *testing.T, name, binary string, apis map[string]api, files []suiteFile) *tally {
	state := t.TempDir()
	e, err := engines.Start(t.Context(), engines.Options{Name: name, StateDir: state, Settings: map[string]string{
		"path.repo": filepath.Join(state, "repositories"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	client := newHTTPClient()
	t.Cleanup(client.CloseIdleConnections)
	fields := textFields(files, apis)
	r := &runner{
		client: client, apis: apis, engine: e.URL, tally: newTally(e.Name[:strings.IndexByte(e.Name, '-')] + " " + e.Version),
		alike:  rig.Start(t, binary, configuration(e.URL, rig.NewScorer(t, rig.Equal).URL, "keep", fields)).URL,
		turner: rig.Start(t, binary, configuration(e.URL, rig.NewScorer(t, rig.ReverseOrder).URL, "model", fields)).URL,
	}
	if r.version, err = suiteVersion(e.Name, e.Version); err != nil {
		t.Fatal(err)
	}
	r.tell(t.Context(), "PUT", "/_template/one", one)
	if r.err != nil {
		t.Fatal(r.err)
	}
	begin := time.Now()
	for _, f := range files {
		t.Run(f.name, func(t *testing.T) {
			for _, test := range f.tests {
				t.Run(test.name, func(t *testing.T) { r.run(t, f, test) })
			}
		})
	}
	t.Logf("%d tests in %.0f s", r.tally.tests, time.Since(begin).Seconds())
	if r.tally.complete(files) && (r.tally.statuses["reranked"] == 0 || r.tally.forced == 0 || r.tally.moved == 0) {
		t.Errorf("the comparison has lost its point: %+v", r.tally)
	}
	return r.tally
}

// suiteVersion is an engine's version as the suite counts. OpenSearch left Elasticsearch at 7.10.2.
func suiteVersion(name, version string) ([3]int, error) {
	if strings.HasPrefix(name, "opensearch") {
		return [3]int{7, 10, 2}, nil
	}
	return parseVersion(version, [3]int{})
}

// configuration is a resift's for the suite: every document has a text, nothing is remembered, and no search is large.
func configuration(engine, scorer, score string, fields []string) string {
	list, err := json.Marshal(fields)
	if err != nil { // strings
		panic(err)
	}
	return fmt.Sprintf(`listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
engine: {urls: [%q]}
reranker: {backend: tei, url: %q}
cache: {size: 0}
indices: [{match: "*", fields: %s, score: %s, max_window: %d, timeout: 30s}]
log: {format: json}
`, engine, scorer, list, score, maxWindow)
}
