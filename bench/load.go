package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// call is one kind of request. Status is what X-Resift-Status must be; empty at the engine.
type call struct {
	method, url string
	body        []byte
	header      http.Header
	status      string
	then        func(answer []byte) (call, error) // what its client asks next, as part of the same; nil: nothing
}

// search is the call that asks for the page of a question.
func search(url, query string, size int, status string, header http.Header) call {
	body, err := json.Marshal(map[string]any{
		"query": map[string]any{"multi_match": map[string]any{"query": query, "fields": []string{"title", "text"}}}, "size": size,
	})
	if err != nil {
		panic(err) // strings and numbers have JSON
	}
	return call{method: http.MethodPost, url: url + "/" + benchIndex + "/_search", body: body, header: header, status: status}
}

// send returns the answer's header and body, and the time to the body's end.
func (c call) send(ctx context.Context, client *http.Client) (http.Header, []byte, time.Duration, error) {
	req, err := http.NewRequestWithContext(ctx, c.method, c.url, bytes.NewReader(c.body))
	if err != nil {
		return nil, nil, 0, err
	}
	for name, values := range c.header {
		req.Header[name] = values
	}
	if len(c.body) > 0 {
		req.Header.Set("Content-Type", "application/json")
	}
	begun := time.Now()
	resp, err := client.Do(req)
	if err != nil {
		return nil, nil, 0, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	took := time.Since(begun)
	if err == nil && (resp.StatusCode != http.StatusOK || resp.Header.Get("X-Resift-Status") != c.status) {
		err = fmt.Errorf("%s %s: status %d, %q, want 200, %q", c.method, c.url, resp.StatusCode, resp.Header.Get("X-Resift-Status"), c.status)
	}
	if err != nil || c.then == nil {
		return resp.Header, body, took, err
	}
	next, err := c.then(body)
	if err != nil {
		return nil, nil, 0, err
	}
	header, body, _, err := next.send(ctx, client)
	return header, body, time.Since(begun), err
}

// drive lets clients send the calls in turn for a while, each the next when its last is answered, and returns every
// latency and the time it all took.
func drive(ctx context.Context, client *http.Client, calls []call, clients int, length time.Duration) ([]time.Duration, time.Duration, error) {
	var next atomic.Int64
	took := make([][]time.Duration, clients)
	errs := make([]error, clients)
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range clients {
		wg.Go(func() {
			for time.Since(begun) < length && errs[i] == nil {
				var d time.Duration
				_, _, d, errs[i] = calls[int(next.Add(1))%len(calls)].send(ctx, client)
				took[i] = append(took[i], d)
			}
		})
	}
	wg.Wait()
	elapsed := time.Since(begun)
	var all []time.Duration
	for i := range clients {
		if errs[i] != nil {
			return nil, 0, errs[i]
		}
		all = append(all, took[i]...)
	}
	return all, elapsed, nil
}
