package yaml

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// request is what a do step sends.
type request struct {
	method, target string
	header         http.Header
	body           []byte
}

// answer is a response read whole.
type answer struct {
	method string
	status int
	header http.Header
	body   []byte
}

// exchangeLimit bounds a request with its answer: the suite waits up to half a minute for what does not come.
const exchangeLimit = 90 * time.Second

func newHTTPClient() *http.Client {
	return &http.Client{Timeout: exchangeLimit, Transport: &http.Transport{Proxy: nil, DisableCompression: true, MaxIdleConnsPerHost: 4}}
}

func send(ctx context.Context, client *http.Client, base string, r request, header ...string) (answer, error) {
	req, err := http.NewRequestWithContext(ctx, r.method, base+r.target, bytes.NewReader(r.body))
	if err != nil {
		return answer{}, err
	}
	req.Header = r.header.Clone()
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	res, err := client.Do(req)
	if err != nil {
		return answer{}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(res.Body)
	if err != nil {
		return answer{}, fmt.Errorf("status %d, broken off after %d bytes: %w", res.StatusCode, len(body), err)
	}
	return answer{r.method, res.StatusCode, res.Header, body}, nil
}

// resift is what X-Resift-Status and X-Resift-Reason say.
func (a answer) resift() (status, reason string) {
	return a.header.Get("X-Resift-Status"), a.header.Get("X-Resift-Reason")
}

// reranked tells whether the answer, or one of those of a multi-search, is re-ranked.
func (a answer) reranked() bool {
	status, _ := a.resift()
	return status == "reranked" || a.each("reranked")
}

// each tells whether a word stands in what is said of the searches of a multi-search.
func (a answer) each(word string) bool {
	return strings.Contains(a.header.Get("X-Resift-Searches"), word)
}

func (a answer) isJSON() bool {
	return strings.Contains(a.header.Get("Content-Type"), "json")
}

// doc is the body as steps look into it: a JSON document, else a text; of a HEAD whether it was found.
func (a answer) doc() any {
	if a.method == http.MethodHead {
		return a.status < 400
	}
	if a.isJSON() {
		if doc, err := decode(a.body); err == nil {
			return doc
		}
	}
	return string(a.body)
}

func (a answer) String() string {
	status, reason := a.resift()
	return fmt.Sprintf("%d %s %s %.300s", a.status, status, reason, a.body)
}

func decode(text []byte) (doc any, err error) {
	in := json.NewDecoder(bytes.NewReader(text))
	in.UseNumber()
	err = in.Decode(&doc)
	return doc, err
}
