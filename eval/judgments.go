package eval

import (
	"bufio"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"strings"
)

// Judgments are graded judgments, with the queries where the file holds their texts.
type Judgments struct {
	Qrels   Qrels
	Queries []Query // in the order of the file; nil: the file names queries only, as TREC's does
}

// columns are the names that a table of judgments gives its columns, Quepid's exports among them, in lower case.
var columns = struct{ id, text, document, grade []string }{
	id:       []string{"qid", "query_id", "query id", "topic"},
	text:     []string{"query", "query_text", "query text", "querytext"},
	document: []string{"docid", "doc_id", "doc id", "document", "document_id", "documentid", "id"},
	grade:    []string{"rating", "grade", "judgment", "judgement", "relevance", "rel", "label"},
}

// ReadJudgments reads TREC qrels ("qid 0 docid grade"), or a table with a header (comma, semicolon or tab) that names the query,
// the document and the grade: what Quepid exports, or a spreadsheet. A row without a grade is a document that nobody judged,
// and left out.
func ReadJudgments(r io.Reader) (Judgments, error) {
	b := bufio.NewReader(r)
	start, err := b.Peek(4096)
	if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, bufio.ErrBufferFull) {
		return Judgments{}, err
	}
	head, _, _ := strings.Cut(strings.TrimPrefix(string(start), "\ufeff"), "\n")
	separator, ok := tableSeparator(head)
	if !ok {
		qrels, err := ReadQrels(b)
		return Judgments{Qrels: qrels}, err
	}
	return readTable(b, separator)
}

// tableSeparator tells whether a first line is the header of a table of judgments: one of its cells is a name for a grade.
func tableSeparator(head string) (rune, bool) {
	for _, separator := range []rune{',', ';', '\t'} {
		if column(strings.Split(strings.TrimSpace(head), string(separator)), columns.grade) >= 0 {
			return separator, true
		}
	}
	return 0, false
}

// column is the index of the first cell that has one of the names, the earlier names first; -1 if none has.
func column(cells, names []string) int {
	for _, name := range names {
		for i, cell := range cells {
			cell = strings.ToLower(strings.Trim(strings.TrimPrefix(strings.TrimSpace(cell), "\ufeff"), `"`))
			if cell == name {
				return i
			}
		}
	}
	return -1
}

func readTable(r io.Reader, separator rune) (Judgments, error) {
	table := csv.NewReader(r)
	table.Comma, table.TrimLeadingSpace = separator, separator != '\t'
	head, err := table.Read()
	if err != nil {
		return Judgments{}, err
	}
	id, text := column(head, columns.id), column(head, columns.text)
	document, grade := column(head, columns.document), column(head, columns.grade)
	switch {
	case id < 0 && text < 0:
		return Judgments{}, fmt.Errorf("line 1: no column names the query (%s)", strings.Join(append(columns.text, columns.id...), ", "))
	case document < 0:
		return Judgments{}, fmt.Errorf("line 1: no column names the document (%s)", strings.Join(columns.document, ", "))
	}
	if id < 0 {
		id = text
	}
	out := Judgments{Qrels: Qrels{}}
	texts := map[string]string{}
	for {
		row, err := table.Read()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return Judgments{}, err
		}
		line, _ := table.FieldPos(0)
		if err := out.add(row, id, text, document, grade, texts); err != nil {
			return Judgments{}, fmt.Errorf("line %d: %w", line, err)
		}
	}
}

func (j *Judgments) add(row []string, id, text, document, grade int, texts map[string]string) error {
	q, doc, rating := strings.TrimSpace(row[id]), strings.TrimSpace(row[document]), strings.TrimSpace(row[grade])
	if q == "" {
		return errors.New("the query is empty")
	}
	// A query is known to its runs by one word: TREC's files are split at spaces.
	if strings.ContainsAny(q, " \t") {
		q = strings.Join(strings.Fields(q), "_")
	}
	if text >= 0 {
		words := strings.TrimSpace(row[text])
		switch known, seen := texts[q]; {
		case !seen && words == "":
			return errors.New("the query's text is empty")
		case !seen:
			texts[q] = words
			j.Queries = append(j.Queries, Query{q, words})
		case known != words:
			return fmt.Errorf("query %s has two texts", q)
		}
	}
	if doc == "" || rating == "" {
		return nil
	}
	if j.Qrels[q] == nil {
		j.Qrels[q] = map[string]int{}
	}
	value, err := strconv.ParseFloat(rating, 64)
	if err != nil || value != math.Trunc(value) || math.Abs(value) > 1e6 {
		return fmt.Errorf("grade %q is no whole number", rating)
	}
	if before, twice := j.Qrels[q][doc]; twice && before != int(value) {
		return fmt.Errorf("query %s judges document %s twice", q, doc)
	}
	j.Qrels[q][doc] = int(value)
	return nil
}
