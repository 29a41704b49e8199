package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"

	"github.com/resift/resift/demo/corpus"
)

// mapping is plain: one shard, and the engine's default analysis for both fields. _meta marks the index as ours.
const mapping = `{"settings":{"number_of_shards":1,"number_of_replicas":0},
"mappings":{"_meta":{"made_by":"resift demo"},"properties":{"title":{"type":"text"},"text":{"type":"text"},"topics":{"type":"keyword"},"updated":{"type":"date"}}}}`

// batchDocuments is how many documents one bulk request carries.
const batchDocuments = 1000

// Document is one entry of the corpus: its identifier and its JSON source.
type Document struct {
	ID     string
	Source json.RawMessage
}

// Corpus is the Free On-line Dictionary of Computing, for Load; corpus.Count tells how many documents.
func Corpus() iter.Seq2[Document, error] {
	return func(yield func(Document, error) bool) {
		for d, err := range corpus.Documents() {
			source, jsonErr := json.Marshal(d)
			if !yield(Document{ID: d.ID, Source: source}, errors.Join(err, jsonErr)) {
				return
			}
		}
	}
}

// Index is where the corpus goes.
type Index struct {
	URL    string // of the engine
	Name   string
	Client *http.Client
}

// Load fills the index, unless it holds total documents already. An index of that name that this package did not make is
// an error. sent is called with the documents sent so far.
func (x *Index) Load(ctx context.Context, documents iter.Seq2[Document, error], total int, sent func(int)) error {
	full, err := x.prepare(ctx, total)
	if full || err != nil {
		return err
	}
	var batch bytes.Buffer
	n := 0
	for d, err := range documents {
		if err != nil {
			return fmt.Errorf("corpus: %w", err)
		}
		action, err := json.Marshal(map[string]any{"index": map[string]string{"_id": d.ID}})
		if err != nil {
			return err
		}
		batch.Write(action)
		batch.WriteByte('\n')
		batch.Write(bytes.TrimSpace(d.Source))
		batch.WriteByte('\n')
		if n++; n%batchDocuments == 0 {
			if err := x.bulk(ctx, &batch); err != nil {
				return err
			}
			sent(n)
		}
	}
	if batch.Len() > 0 {
		if err := x.bulk(ctx, &batch); err != nil {
			return err
		}
	}
	sent(n)
	return x.call(ctx, http.MethodPost, "/"+x.Name+"/_refresh", "", nil, nil)
}

// prepare makes the index; full tells that it is there and complete.
func (x *Index) prepare(ctx context.Context, total int) (full bool, err error) {
	var there map[string]struct {
		Mappings struct {
			Meta struct {
				MadeBy string `json:"made_by"`
			} `json:"_meta"`
		} `json:"mappings"`
	}
	switch err := x.call(ctx, http.MethodGet, "/"+x.Name+"/_mapping", "", nil, &there); {
	case isStatus(err, http.StatusNotFound):
		return false, x.call(ctx, http.MethodPut, "/"+x.Name, "application/json", strings.NewReader(mapping), nil)
	case err != nil:
		return false, err
	}
	if there[x.Name].Mappings.Meta.MadeBy != "resift demo" {
		return false, fmt.Errorf("the engine has an index %s that the demo did not make; it is left alone", x.Name)
	}
	var count struct{ Count int }
	if err := x.call(ctx, http.MethodGet, "/"+x.Name+"/_count", "", nil, &count); err != nil {
		return false, err
	}
	return count.Count == total, nil
}

func (x *Index) bulk(ctx context.Context, batch *bytes.Buffer) error {
	var answer struct {
		Errors bool
		Items  []struct {
			Index struct {
				ID    string `json:"_id"`
				Error json.RawMessage
			}
		}
	}
	err := x.call(ctx, http.MethodPost, "/"+x.Name+"/_bulk", "application/x-ndjson", bytes.NewReader(batch.Bytes()), &answer)
	batch.Reset()
	if err != nil || !answer.Errors {
		return err
	}
	for _, item := range answer.Items {
		if item.Index.Error != nil {
			return fmt.Errorf("document %s: %s", item.Index.ID, item.Index.Error)
		}
	}
	return nil
}

// statusError is an answer that is no success.
type statusError struct {
	status int
	text   string
}

func (e *statusError) Error() string {
	return fmt.Sprintf("the engine answered %d: %s", e.status, e.text)
}

func isStatus(err error, status int) bool {
	e, ok := err.(*statusError)
	return ok && e.status == status
}

// call sends a request and decodes its JSON answer into out, unless that is nil.
func (x *Index) call(ctx context.Context, method, path, contentType string, body io.Reader, out any) error {
	req, err := http.NewRequestWithContext(ctx, method, strings.TrimRight(x.URL, "/")+path, body)
	if err != nil {
		return err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	resp, err := x.Client.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return err
	}
	if resp.StatusCode/100 != 2 {
		return &statusError{resp.StatusCode, string(text[:min(len(text), 500)])}
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}
