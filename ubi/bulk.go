package ubi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// Bulk is a sink that indexes the records into an engine, ubi_queries and ubi_events, or names with a prefix.
type Bulk struct {
	client *http.Client
	url    string
	header http.Header
	prefix string
}

// NewBulk writes to the engine at address with header, such as Authorization: credentials of its own, never a caller's.
func NewBulk(client *http.Client, address, prefix string, header http.Header) (*Bulk, error) {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return nil, fmt.Errorf("%q is no engine's URL", address)
	}
	return &Bulk{client: client, url: u.JoinPath("_bulk").String(), header: header, prefix: prefix}, nil
}

// Write sends one bulk request. Records that the engine refuses for what they are (400 and the like) are given up; where it is
// overloaded (429, 5xx) all from the first such record on are to be tried again, and those after it that were indexed are not
// doubled, since each has its id.
func (b *Bulk) Write(ctx context.Context, records []Record) (settled, refused int, err error) {
	var body bytes.Buffer
	for _, r := range records {
		action, err := json.Marshal(map[string]any{"index": map[string]string{"_index": b.prefix + string(r.Stream), "_id": digest(r.JSON)}})
		if err != nil {
			return 0, 0, err
		}
		body.Write(action)
		body.WriteByte('\n')
		body.Write(r.JSON)
		body.WriteByte('\n')
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, b.url, &body)
	if err != nil {
		return 0, 0, err
	}
	for name, values := range b.header {
		req.Header[name] = values
	}
	req.Header.Set("Content-Type", "application/x-ndjson")
	resp, err := b.client.Do(req)
	if err != nil {
		return 0, 0, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, 64<<20))
	if err != nil {
		return 0, 0, err
	}
	if resp.StatusCode != http.StatusOK {
		return 0, 0, fmt.Errorf("the engine answered %s to a bulk of records", resp.Status)
	}
	return settle(answer, len(records))
}

// settle reads what became of each of n records.
func settle(answer []byte, n int) (settled, refused int, err error) {
	var result struct {
		Items []map[string]struct{ Status int } `json:"items"`
	}
	if err := json.Unmarshal(answer, &result); err != nil || len(result.Items) != n {
		return 0, 0, errors.New("the engine's answer to a bulk of records cannot be read")
	}
	for i, item := range result.Items {
		for _, r := range item {
			switch {
			case r.Status == http.StatusTooManyRequests || r.Status >= 500:
				return i, refused, fmt.Errorf("the engine answered %d to a record", r.Status)
			case r.Status >= 300:
				refused++
			}
		}
	}
	return n, refused, nil
}

// Close does nothing: the client is its owner's.
func (b *Bulk) Close() error { return nil }
