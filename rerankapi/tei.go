package rerankapi

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// The shapes below are those of Text Embeddings Inference (router/src/http/types.rs, router/src/lib.rs).

type teiRequest struct {
	Query     *string     `json:"query"`
	Texts     *[]text     `json:"texts"`
	Documents *[]document `json:"documents"` // not TEI's: see rerank
	RawScores bool        `json:"raw_scores"`
	Return    bool        `json:"return_text"`
	Truncate  *bool       `json:"truncate"`
	Direction string      `json:"truncation_direction"`
	documentsControls
}

type teiRank[S exact | short] struct {
	Index int     `json:"index"`
	Text  *string `json:"text,omitempty"`
	Score S       `json:"score"`
}

// rerank is POST /rerank: TEI's with `texts`, and vLLM's, which is that of /v1/rerank, with `documents`.
func (h *Handler) rerank(c *call) error {
	var q teiRequest
	if err := h.read(c, &q); err != nil {
		return err
	}
	if q.Documents != nil && q.Texts == nil {
		c.shape = shapeDocuments
		return h.rerankDocuments(c, &documentsRequest{Query: q.Query, Documents: q.Documents, documentsControls: q.documentsControls}, v1)
	}
	switch {
	case q.Query == nil:
		return fail(kindInvalid, "missing field `query`")
	case q.Texts == nil:
		return fail(kindInvalid, "missing field `texts`")
	case q.Documents != nil:
		return fail(kindInvalid, "`texts` and `documents` are two APIs' names for one list: give one")
	case strings.TrimSpace(*q.Query) == "":
		return fail(kindEmpty, "`query` cannot be empty")
	case len(*q.Texts) == 0:
		return fail(kindEmpty, "`texts` cannot be empty")
	case len(*q.Texts) > h.limits.Texts:
		return fail(kindTooMany, "batch size %d > maximum allowed batch size %d", len(*q.Texts), h.limits.Texts)
	}
	texts := make([]string, len(*q.Texts))
	for i, t := range *q.Texts {
		texts[i] = string(t)
	}
	if err := h.checkTruncation(&q, texts); err != nil {
		return err
	}
	list, err := h.rank(c, *q.Query, texts)
	if err != nil {
		return err
	}
	c.teiHeaders(*q.Query, texts)
	if q.RawScores {
		c.answer(http.StatusOK, teiRanks(list, texts, q.Return, func(m float32) exact { return exact(m) }))
		return nil
	}
	c.answer(http.StatusOK, teiRanks(list, texts, q.Return, func(m float32) short { return short(sigmoid(m)) }))
	return nil
}

// checkTruncation refuses what would have to be cut where it may not be, or at the end that the model's tokenizer keeps.
func (h *Handler) checkTruncation(q *teiRequest, texts []string) error {
	left := false
	switch strings.ToLower(q.Direction) {
	case "", "right":
	case "left":
		left = true
	default:
		return fail(kindInvalid, "`truncation_direction`: want \"Left\" or \"Right\"")
	}
	may := q.Truncate == nil || *q.Truncate
	if may && !left {
		return nil
	}
	i, tokens := h.model.Overlong(*q.Query, texts)
	switch {
	case i < 0:
		return nil
	case may:
		return fail(kindTooLong, "`texts[%d]` with `query` has %d tokens, more than the %d that the model reads, and texts are not cut at their beginning",
			i, tokens, h.model.Info().MaxTokens)
	}
	return fail(kindTooLong, "`texts[%d]` with `query` must have at most %d tokens. Given: %d", i, h.model.Info().MaxTokens, tokens)
}

func teiRanks[S exact | short](list []ranked, texts []string, withText bool, score func(float32) S) []teiRank[S] {
	ranks := make([]teiRank[S], len(list))
	for n, r := range list {
		ranks[n] = teiRank[S]{Index: r.index, Score: score(r.score)}
		if withText {
			ranks[n].Text = &texts[r.index]
		}
	}
	return ranks
}

// teiHeaders tells what the call cost. Pairs whose score was known cost no tokens.
func (c *call) teiHeaders(query string, texts []string) {
	characters := utf8.RuneCountInString(query) * len(texts)
	for _, t := range texts {
		characters += utf8.RuneCountInString(t)
	}
	h := c.w.Header()
	h.Set("X-Compute-Characters", strconv.Itoa(characters))
	h.Set("X-Compute-Tokens", strconv.Itoa(c.Tokens))
}

// teiInfo is the answer of GET /info.
type teiInfo struct {
	ModelID               string       `json:"model_id"`
	ModelSHA              string       `json:"model_sha"`
	ModelDType            string       `json:"model_dtype"`
	ModelType             teiModelType `json:"model_type"`
	MaxConcurrentRequests int          `json:"max_concurrent_requests"`
	MaxInputLength        int          `json:"max_input_length"`
	MaxBatchTokens        int          `json:"max_batch_tokens"`
	MaxBatchRequests      *int         `json:"max_batch_requests"`
	MaxClientBatchSize    int          `json:"max_client_batch_size"`
	AutoTruncate          bool         `json:"auto_truncate"`
	TokenizationWorkers   int          `json:"tokenization_workers"`
	Version               string       `json:"version"`
	SHA                   *string      `json:"sha"`
	DockerLabel           *string      `json:"docker_label"`
}

type teiModelType struct {
	Reranker struct {
		Labels map[string]string `json:"id2label"`
		IDs    map[string]int    `json:"label2id"`
	} `json:"reranker"`
}

// info is GET /info: what clients size their batches by, of the model that answers where none is named. The model's SHA is the revision that decides its scores.
func (h *Handler) info(c *call) error {
	about := h.model.Info()
	i := teiInfo{
		ModelID: about.Name, ModelSHA: about.Revision, ModelDType: about.Precision,
		MaxConcurrentRequests: h.limits.Calls, MaxInputLength: about.MaxTokens, MaxBatchTokens: about.BatchTokens,
		MaxClientBatchSize: h.limits.Texts, AutoTruncate: true, TokenizationWorkers: 1, Version: h.version,
	}
	i.ModelType.Reranker.Labels = map[string]string{"0": "LABEL_0"}
	i.ModelType.Reranker.IDs = map[string]int{"LABEL_0": 0}
	c.answer(http.StatusOK, i)
	return nil
}

// health is GET /health: 200 with no body while every model works.
func (h *Handler) health(c *call) error {
	if h.model.Healthy() != nil {
		return fail(kindUnhealthy, "unhealthy")
	}
	for _, m := range h.models {
		if m.Healthy() != nil {
			return fail(kindUnhealthy, "unhealthy")
		}
	}
	c.status = http.StatusOK
	c.w.WriteHeader(c.status)
	return nil
}
