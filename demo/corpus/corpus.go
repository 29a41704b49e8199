package corpus

import (
	"bufio"
	"bytes"
	"compress/gzip"
	_ "embed"
	"encoding/json"
	"fmt"
	"iter"
	"sync"
)

//go:embed foldoc.jsonl.gz
var packed []byte

//go:embed queries.tsv
var queries string

//go:embed qrels.txt
var qrels string

//go:embed LICENSE.FOLDOC
var licence string

// longestLine bounds one document's line, bytes; the longest has 23,000.
const longestLine = 1 << 20

// Document is one entry of the dictionary.
type Document struct {
	ID      string   `json:"id"`                // slug of the title, [a-z0-9-]+, unique
	Title   string   `json:"title"`             // the headword
	Text    string   `json:"text"`              // paragraphs, an empty line between them
	Topics  []string `json:"topics,omitempty"`  // the entry's subject marks, "networking", in order of appearance
	Updated string   `json:"updated,omitempty"` // YYYY, YYYY-MM or YYYY-MM-DD
}

// Documents yields every entry in the dictionary's order. After an error it ends.
func Documents() iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		z, err := gzip.NewReader(bytes.NewReader(packed))
		if err != nil {
			yield(Document{}, fmt.Errorf("foldoc.jsonl.gz: %w", err))
			return
		}
		lines := bufio.NewScanner(z)
		lines.Buffer(nil, longestLine)
		n := 0
		for lines.Scan() {
			n++
			var d Document
			if err := json.Unmarshal(lines.Bytes(), &d); err != nil {
				yield(Document{}, fmt.Errorf("foldoc.jsonl.gz: line %d: %w", n, err))
				return
			}
			if !yield(d, nil) {
				return
			}
		}
		if err := lines.Err(); err != nil {
			yield(Document{}, fmt.Errorf("foldoc.jsonl.gz: after line %d: %w", n, err))
		}
	}
}

// titles of all documents by identifier, unpacked once: a result page asks for hundreds.
var titles = sync.OnceValue(func() map[string]string {
	all := map[string]string{}
	for d, err := range Documents() {
		if err != nil {
			break // the embedded file is pinned by a test
		}
		all[d.ID] = d.Title
	}
	return all
})

// Title of a document; empty if there is none of that identifier.
func Title(id string) string { return titles()[id] }

// Count is how many documents there are.
func Count() int { return len(titles()) }

// Queries returns the questions, one a line: identifier, tab, text.
func Queries() string { return queries }

// Qrels returns the judgments in TREC form, one a line: query, 0, document, grade from 0 to 3.
func Qrels() string { return qrels }

// Licence returns the notice and the licence the dictionary comes under.
func Licence() string { return licence }
