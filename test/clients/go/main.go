// Command go does what a search app does, with one of Go's client libraries, and prints what it saw as lines of JSON.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strings"
	"time"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// run is told the library, the URL of the engine or the proxy, the documents to index, and gzip for compressed bodies.
func run(args []string) error {
	if len(args) != 4 {
		return fmt.Errorf("usage: go LIBRARY URL DOCUMENTS plain|gzip")
	}
	documents, err := readDocuments(args[2])
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	a := app{ctx: ctx, url: args[1], documents: documents, compress: args[3] == "gzip"}
	if err := printClient(args[0]); err != nil {
		return err
	}
	switch args[0] {
	case "go-elasticsearch-8":
		return a.elasticsearch8()
	case "go-elasticsearch-9":
		return a.elasticsearch9()
	case "opensearch-go":
		return a.opensearch()
	}
	return fmt.Errorf("library %q is unknown", args[0])
}

// printClient prints the library's name and the version that is linked in.
func printClient(name string) error {
	module := map[string]string{
		"go-elasticsearch-8": "github.com/elastic/go-elasticsearch/v8",
		"go-elasticsearch-9": "github.com/elastic/go-elasticsearch/v9",
		"opensearch-go":      "github.com/opensearch-project/opensearch-go/v4",
	}[name]
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return errors.New("the binary does not tell its modules")
	}
	for _, m := range info.Deps {
		if m.Path == module {
			_, err := fmt.Printf("{\"client\":\"%s %s\"}\n", strings.TrimRight(name, "-0123456789"), strings.TrimPrefix(m.Version, "v"))
			return err
		}
	}
	return fmt.Errorf("library %q is not linked in", name)
}

const (
	index    = "clients-docs"
	missing  = "clients-missing"
	creation = `{"settings":{"number_of_shards":1,"number_of_replicas":0,"refresh_interval":-1},"mappings":{"properties":{"title":{"type":"text"},"text":{"type":"text"},` +
		`"key":{"type":"keyword"},"topic":{"type":"keyword"},"length":{"type":"integer"}}}}`
	own      = `{"title":"memory palace","text":"a memory of memory","key":"own"}`
	match    = `{"match":{"text":"memory"}}`
	words    = `{"multi_match":{"query":"programming language","fields":["title^2","text"]}}`
	byLength = `{"query":` + match + `,"sort":[{"length":"desc"},{"key":"asc"}],"size":9,"pit":{"id":%q,"keep_alive":"1m"}%s}`
)

// query is one search of an app; reranked is how many searches of it a rule covers, 0 or 1.
type query struct {
	step, body string
	reranked   int
}

func searches() []query {
	return []query{
		{"match", `{"query":` + match + `}`, 1},
		{"page", `{"query":` + match + `,"from":5,"size":5}`, 1},
		{"multi_match", `{"query":` + words + `,"size":3,"_source":["title","topic"]}`, 1},
		{"no source", `{"query":` + words + `,"_source":false}`, 1},
		{"highlight", `{"query":` + words + `,"highlight":{"fields":{"text":{}}}}`, 1},
		{"bool", `{"query":{"bool":{"must":` + match + `,"filter":{"range":{"length":{"gte":100}}}}}}`, 1},
		{"query_string", `{"query":{"query_string":{"query":"memory AND (computer OR disk)","default_field":"text"}}}`, 1},
		{"aggregations", `{"query":` + match + `,"size":2,"aggregations":{"topics":{"terms":{"field":"topic"}},"length":{"stats":{"field":"length"}}}}`, 1},
		{"collapse", `{"query":` + match + `,"collapse":{"field":"topic","inner_hits":{"name":"more","size":2}}}`, 1},
		{"fields", `{"query":` + match + `,"fields":["title","len*"],"_source":false}`, 1},
		{"explain", `{"query":` + match + `,"explain":true,"version":true,"track_total_hits":true}`, 1},
		{"sort", `{"query":` + match + `,"sort":[{"length":"desc"},{"key":"asc"}]}`, 0},
		{"match_all", `{"query":{"match_all":{}},"size":3,"sort":"key"}`, 0},
		{"size 0", `{"query":` + match + `,"size":0,"aggregations":{"topics":{"terms":{"field":"topic"}}}}`, 0},
	}
}

// multi is a body of _msearch with a search that fails.
func multi() string {
	return "{}\n{\"query\":" + match + "}\n{}\n{\"query\":" + words + ",\"size\":2}\n{\"index\":\"" + missing + "\"}\n{\"query\":" + match + "}\n"
}

type document struct {
	id     string
	source []byte
}

func readDocuments(file string) ([]document, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var list []document
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for lines.Scan() {
		d := struct{ ID string }{}
		if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		list = append(list, document{d.ID, bytes.Clone(lines.Bytes())})
	}
	return list, lines.Err()
}

// app is one run.
type app struct {
	ctx       context.Context
	url       string
	documents []document
	compress  bool
}

// inTurn runs the parts of an app until one fails.
func inTurn(parts ...func() error) error {
	for _, part := range parts {
		if err := part(); err != nil {
			return err
		}
	}
	return nil
}

// record prints what a step got.
func record(step string, got any, reranked int) error {
	line, err := json.Marshal(map[string]any{"step": step, "got": got, "reranked": reranked})
	if err != nil {
		return fmt.Errorf("%s: %w", step, err)
	}
	_, err = fmt.Println(string(line))
	return err
}

// after is the search_after of byLength for the hit whose sort values these are.
func after(sort any) (string, error) {
	values, err := json.Marshal(sort)
	return `,"search_after":` + string(values), err
}

func reader(text string) *strings.Reader { return strings.NewReader(text) }
