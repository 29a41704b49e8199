package eval

import (
	"bufio"
	"cmp"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
)

// Query is one line of queries.tsv.
type Query struct{ ID, Text string }

// Qrels are graded judgments: query → document → grade.
type Qrels map[string]map[string]int

// Ranked is one document of a run.
type Ranked struct {
	ID    string
	Score float64
}

// Run is an order of documents for each query, best first.
type Run map[string][]Ranked

// Open opens a file, unpacking it when its name ends in .gz.
func Open(name string) (io.ReadCloser, error) {
	f, err := os.Open(name)
	if err != nil || !strings.HasSuffix(name, ".gz") {
		return f, err
	}
	z, err := gzip.NewReader(f)
	if err != nil {
		f.Close()
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return unpacked{z, f}, nil
}

type unpacked struct {
	*gzip.Reader
	file *os.File
}

func (u unpacked) Close() error { return u.file.Close() }

// eachLine calls f with the number and text of each line that is not empty.
func eachLine(r io.Reader, f func(n int, line string) error) error {
	s := bufio.NewScanner(r)
	s.Buffer(nil, 1<<20)
	for n := 1; s.Scan(); n++ {
		if line := strings.TrimRight(s.Text(), "\r"); line != "" {
			if err := f(n, line); err != nil {
				return fmt.Errorf("line %d: %w", n, err)
			}
		}
	}
	return s.Err()
}

// ReadQueries reads "qid<TAB>text" lines.
func ReadQueries(r io.Reader) ([]Query, error) {
	var out []Query
	seen := map[string]bool{}
	err := eachLine(r, func(_ int, line string) error {
		id, text, ok := strings.Cut(line, "\t")
		if !ok || id == "" || strings.TrimSpace(text) == "" {
			return fmt.Errorf("want qid<TAB>text")
		}
		if seen[id] {
			return fmt.Errorf("query %s stands twice", id)
		}
		seen[id] = true
		out = append(out, Query{id, text})
		return nil
	})
	return out, err
}

// ReadQrels reads TREC qrels: "qid 0 docid grade".
func ReadQrels(r io.Reader) (Qrels, error) {
	out := Qrels{}
	err := eachLine(r, func(_ int, line string) error {
		f := strings.Fields(line)
		if len(f) != 4 {
			return fmt.Errorf("want qid 0 docid grade")
		}
		grade, err := strconv.Atoi(f[3])
		if err != nil {
			return fmt.Errorf("grade %q is no whole number", f[3])
		}
		if out[f[0]] == nil {
			out[f[0]] = map[string]int{}
		}
		if _, twice := out[f[0]][f[2]]; twice {
			return fmt.Errorf("query %s judges document %s twice", f[0], f[2])
		}
		out[f[0]][f[2]] = grade
		return nil
	})
	return out, err
}

// ReadRun reads a TREC run, "qid Q0 docid rank score tag", and ranks it as trec_eval does: by score, which it holds as a
// float32, ties by document id, descending. The rank column is not used.
func ReadRun(r io.Reader) (Run, error) {
	out := Run{}
	err := eachLine(r, func(_ int, line string) error {
		f := strings.Fields(line)
		if len(f) != 6 {
			return fmt.Errorf("want qid Q0 docid rank score tag")
		}
		score, err := strconv.ParseFloat(f[4], 64)
		if err != nil || math.IsNaN(score) {
			return fmt.Errorf("score %q is no number", f[4])
		}
		out[f[0]] = append(out[f[0]], Ranked{f[2], score})
		return nil
	})
	for _, docs := range out {
		slices.SortStableFunc(docs, func(a, b Ranked) int {
			if c := cmp.Compare(float32(b.Score), float32(a.Score)); c != 0 {
				return c
			}
			return cmp.Compare(b.ID, a.ID)
		})
	}
	return out, err
}

// Write writes the run in the order of queries. Where scores do not fall strictly in float32, they are lowered to the next
// smaller one, so that trec_eval keeps this order.
func (run Run) Write(w io.Writer, queries []Query, tag string) error {
	b := bufio.NewWriter(w)
	for _, q := range queries {
		last := float32(math.Inf(1))
		for i, d := range run[q.ID] {
			score := float32(d.Score)
			if score >= last || score != score {
				score = math.Nextafter32(last, float32(math.Inf(-1)))
			}
			last = score
			fmt.Fprintf(b, "%s Q0 %s %d %s %s\n", q.ID, d.ID, i+1, strconv.FormatFloat(float64(score), 'g', -1, 32), tag)
		}
	}
	return b.Flush()
}
