package reranker

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"
)

// The shapes below are those of text-embeddings-inference's router (router/src/http/types.rs, router/src/lib.rs).

type teiRequest struct {
	Query     string   `json:"query"`
	Texts     []string `json:"texts"`
	RawScores bool     `json:"raw_scores"` // logits, not their sigmoid
	Truncate  bool     `json:"truncate"`   // else a long text fails the whole call
}

type teiRank struct {
	Index *int     `json:"index"`
	Score *float64 `json:"score"`
}

type teiInfo struct {
	ModelID            string                     `json:"model_id"`
	ModelSHA           string                     `json:"model_sha"`
	ModelDType         string                     `json:"model_dtype"`
	ModelType          map[string]json.RawMessage `json:"model_type"` // one key: reranker, classifier or embedding
	MaxInputLength     int                        `json:"max_input_length"`
	MaxClientBatchSize int                        `json:"max_client_batch_size"`
}

type teiFailure struct {
	Error string `json:"error"`
	Type  string `json:"error_type"`
}

// errWrongModel is what /info shows of a server that can't score pairs.
var errWrongModel = errors.New("the server's model is not a reranker")

func isWrongModel(err error) bool { return errors.Is(err, errWrongModel) }

// rerank is one POST /rerank. The scores are in the order of the texts.
func (t *tei) rerank(ctx context.Context, query string, texts []string) (scores []float32, tokens int, err error) {
	request := teiRequest{Query: query, Texts: make([]string, len(texts)), RawScores: true, Truncate: true}
	for i, text := range texts {
		request.Texts[i] = cut(text, teiTextBytes)
	}
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(request); err != nil {
		return nil, 0, fmt.Errorf("encode a call: %w", err)
	}
	answer, header, err := t.call(ctx, http.MethodPost, "rerank", body.Bytes(), 1024+256*int64(len(texts)))
	if err != nil {
		return nil, 0, err
	}
	if scores, err = parseRanks(answer, len(texts)); err != nil {
		return nil, 0, &BackendError{Backend: BackendTEI, Status: http.StatusOK, Err: fmt.Errorf("POST /rerank: %w", err)}
	}
	if n, err := strconv.Atoi(header.Get("X-Compute-Tokens")); err == nil && n > 0 {
		tokens = n
	}
	return scores, tokens, nil
}

// parseRanks reads an answer for n texts: each index once, each score a finite float32.
func parseRanks(answer []byte, n int) ([]float32, error) {
	var ranks []teiRank
	if err := json.Unmarshal(answer, &ranks); err != nil {
		return nil, fmt.Errorf("malformed answer: %w", err)
	}
	if len(ranks) != n {
		return nil, fmt.Errorf("malformed answer: %d scores for %d texts", len(ranks), n)
	}
	scores, seen := make([]float32, n), make([]bool, n)
	for _, r := range ranks {
		if r.Index == nil || r.Score == nil {
			return nil, errors.New("malformed answer: an element without index or score")
		}
		i := *r.Index
		if i < 0 || i >= n {
			return nil, fmt.Errorf("malformed answer: index %d of %d texts", i, n)
		}
		if seen[i] {
			return nil, fmt.Errorf("malformed answer: index %d twice", i)
		}
		if math.Abs(*r.Score) > math.MaxFloat32 {
			return nil, fmt.Errorf("malformed answer: score %g", *r.Score)
		}
		seen[i], scores[i] = true, float32(*r.Score)
	}
	return scores, nil
}

// call sends one request and reads an answer of at most limit bytes. Errors: ErrOverloaded for 429, the context's, and
// *BackendError.
func (t *tei) call(ctx context.Context, method, path string, body []byte, limit int64) ([]byte, http.Header, error) {
	limited, cancel := context.WithTimeout(ctx, t.timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(limited, method, t.base.JoinPath(path).String(), bytes.NewReader(body))
	if err != nil {
		return nil, nil, &BackendError{Backend: BackendTEI, Err: err}
	}
	maps.Copy(request.Header, t.header)
	request.Header.Set("Accept", "application/json")
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
		// Scoring has no effect on the server: net/http may send it again on a fresh connection when an idle one was
		// closed under it. The empty value is not sent.
		request.Header["Idempotency-Key"] = nil
	}
	response, err := t.client.Do(request)
	if err == nil {
		defer response.Body.Close()
		body, err = io.ReadAll(io.LimitReader(response.Body, limit+1))
	}
	if ctx.Err() != nil {
		return nil, nil, ctx.Err()
	}
	if err != nil {
		if limited.Err() != nil {
			err = fmt.Errorf("no answer within %v", t.timeout)
		}
		return nil, nil, &BackendError{Backend: BackendTEI, Err: fmt.Errorf("%s /%s: %w", method, path, withoutURL(err))}
	}
	switch {
	case response.StatusCode == http.StatusTooManyRequests:
		return nil, nil, ErrOverloaded
	case response.StatusCode != http.StatusOK:
		return nil, nil, &BackendError{Backend: BackendTEI, Status: response.StatusCode,
			Err: fmt.Errorf("%s /%s: %s", method, path, failureText(response, body))}
	case int64(len(body)) > limit:
		return nil, nil, &BackendError{Backend: BackendTEI, Status: response.StatusCode,
			Err: fmt.Errorf("%s /%s: answer is longer than %d bytes", method, path, limit)}
	}
	return body, response.Header, nil
}

// withoutURL drops the address that net/http puts before an error: it may hold a password.
func withoutURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// failureText is TEI's own message, in one line and short, or the status's name.
func failureText(response *http.Response, body []byte) string {
	if response.StatusCode/100 == 3 {
		return "a redirect, which is not followed"
	}
	var f teiFailure
	if json.Unmarshal(body, &f) != nil || f.Error == "" {
		return http.StatusText(response.StatusCode)
	}
	return cut(strings.Join(strings.Fields(f.Error), " "), 200)
}

// cut shortens text to at most n bytes, between characters.
func cut(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// refresh asks /info again once in a while, so that a server restarted with another model gets another revision. Only
// one request at a time asks; the others go on with what is known.
func (t *tei) refresh(ctx context.Context) {
	t.mu.Lock()
	age := teiRetryInfo
	if t.sure {
		age = teiInfoAge
	}
	due := time.Since(t.asked) >= age
	t.mu.Unlock()
	if due && t.asking.CompareAndSwap(false, true) {
		defer t.asking.Store(false)
		_ = t.describe(ctx) // what is wrong shows in the call that follows
	}
}

// describe asks /info. A server without it is described by its address.
func (t *tei) describe(ctx context.Context) error {
	answer, _, err := t.call(ctx, http.MethodGet, "info", nil, 1<<20)
	t.mu.Lock()
	t.asked, t.sure = time.Now(), false
	t.mu.Unlock()
	var info teiInfo
	if err == nil {
		if json.Unmarshal(answer, &info) != nil {
			info = teiInfo{} // another server's idea of /info
		}
	} else if failure := (*BackendError)(nil); !errors.As(err, &failure) || failure.Status != http.StatusNotFound {
		return err
	}
	if _, ok := info.ModelType["reranker"]; info.ModelType != nil && !ok {
		return &BackendError{Backend: BackendTEI, Err: fmt.Errorf("%w: %s", errWrongModel, info.ModelID)}
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.sure = true
	t.batch = teiBatch
	if info.MaxClientBatchSize > 0 {
		t.batch = info.MaxClientBatchSize
	}
	if info.ModelID != "" {
		t.about.Model, t.about.Name = info.ModelID, cleanName(info.ModelID)
	}
	t.about.Precision = info.ModelDType
	t.about.MaxTokens = info.MaxInputLength
	t.about.Revision = teiRevision(t.base, info)
	return nil
}

// teiRevision is the hex sha256 over what the server says of its model; over its address where it says nothing.
func teiRevision(base *url.URL, info teiInfo) string {
	h := sha256.New()
	if info.ModelID == "" {
		fmt.Fprintf(h, "tei-url\n%q\n", base.String())
	} else {
		fmt.Fprintf(h, "tei\n%q\n%q\n%q\n%d\n", info.ModelID, info.ModelSHA, info.ModelDType, info.MaxInputLength)
	}
	return hex.EncodeToString(h.Sum(nil))
}
