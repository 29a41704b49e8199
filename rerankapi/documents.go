package rerankapi

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// documentsRequest is the body of /v1/rerank and /v2/rerank: the members of Cohere's, Jina's and vLLM's requests that
// decide something.
type documentsRequest struct {
	Query     *string     `json:"query"`
	Documents *[]document `json:"documents"`
	documentsControls
}

type documentsControls struct {
	Model      modelName `json:"model"`
	TopN       *int      `json:"top_n"` // null and 0: all
	Return     *bool     `json:"return_documents"`
	RankFields []string  `json:"rank_fields"`
	MaxTokens  *int      `json:"max_tokens_per_doc"`
}

// version is an API's edition, in which documents are returned by default (Jina, vLLM) or not (Cohere's v2 never does).
type version struct {
	name          string
	withDocuments bool
}

var (
	v1 = version{"1", true}
	v2 = version{"2", false}
)

type documentsAnswer struct {
	ID      string           `json:"id"`
	Model   string           `json:"model"`
	Results []documentResult `json:"results"`
	Usage   struct {
		Total  int `json:"total_tokens"`
		Prompt int `json:"prompt_tokens"`
	} `json:"usage"`
	Meta struct {
		Version struct {
			Version string `json:"version"`
		} `json:"api_version"`
		Billed struct {
			Units int `json:"search_units"`
		} `json:"billed_units"`
	} `json:"meta"`
}

type documentResult struct {
	Index    int             `json:"index"`
	Score    short           `json:"relevance_score"`
	Document json.RawMessage `json:"document,omitempty"`
}

// unitDocuments is how many documents Cohere bills as one search.
const unitDocuments = 100

func (h *Handler) rerankV1(c *call) error { return h.readDocuments(c, v1) }

func (h *Handler) rerankV2(c *call) error { return h.readDocuments(c, v2) }

func (h *Handler) readDocuments(c *call, v version) error {
	var q documentsRequest
	if err := h.read(c, &q); err != nil {
		return err
	}
	return h.rerankDocuments(c, &q, v)
}

func (h *Handler) rerankDocuments(c *call, q *documentsRequest, v version) error {
	if m, ok := h.models[string(q.Model)]; ok {
		c.model = m
	}
	if err := h.checkDocuments(q); err != nil {
		return err
	}
	texts, err := h.textsOf(c.model, q)
	if err != nil {
		return err
	}
	list, err := h.rank(c, *q.Query, texts)
	if err != nil {
		return err
	}
	if q.TopN != nil && *q.TopN > 0 {
		list = list[:min(len(list), *q.TopN)]
	}
	a := documentsAnswer{ID: c.id, Model: c.model.Name(), Results: make([]documentResult, len(list))}
	a.Usage.Total, a.Usage.Prompt = c.Tokens, c.Tokens
	a.Meta.Version.Version = v.name
	a.Meta.Billed.Units = (len(texts) + unitDocuments - 1) / unitDocuments
	withDocuments := v.withDocuments
	if q.Return != nil {
		withDocuments = *q.Return
	}
	for n, r := range list {
		a.Results[n] = documentResult{Index: r.index, Score: short(sigmoid(r.score))}
		if withDocuments {
			a.Results[n].Document = (*q.Documents)[r.index].returned()
		}
	}
	c.answer(http.StatusOK, a)
	return nil
}

func (h *Handler) checkDocuments(q *documentsRequest) error {
	switch {
	case q.Query == nil:
		return fail(kindInvalid, "missing field `query`")
	case q.Documents == nil:
		return fail(kindInvalid, "missing field `documents`")
	case strings.TrimSpace(*q.Query) == "":
		return fail(kindEmpty, "`query` must not be empty")
	case len(*q.Documents) == 0:
		return fail(kindEmpty, "`documents` must not be empty")
	case len(*q.Documents) > h.limits.Texts:
		return fail(kindTooMany, "too many documents: %d, and a call may have %d", len(*q.Documents), h.limits.Texts)
	case q.TopN != nil && *q.TopN < 0:
		return fail(kindInvalid, "`top_n`: want a whole number that is not negative")
	case q.MaxTokens != nil && *q.MaxTokens < 1:
		return fail(kindInvalid, "`max_tokens_per_doc`: want at least 1")
	case slices.Contains(q.RankFields, ""):
		return fail(kindInvalid, "`rank_fields`: want names of fields, found an empty one")
	}
	return nil
}

// textsOf is what the model m reads of each document.
func (h *Handler) textsOf(m Model, q *documentsRequest) ([]string, error) {
	fields := q.RankFields
	if len(fields) == 0 {
		fields = []string{"text"}
	}
	texts := make([]string, len(*q.Documents))
	for i := range *q.Documents {
		t, err := (*q.Documents)[i].read(i, fields)
		if err != nil {
			return nil, err
		}
		if q.MaxTokens != nil && t != "" {
			t = m.Windows(t, *q.MaxTokens, 0)[0]
		}
		texts[i] = t
	}
	return texts, nil
}

// returned is the document as an object: a string as its text, an object as it came.
func (d *document) returned() json.RawMessage {
	if d.object != nil {
		return d.raw
	}
	return slices.Concat([]byte(`{"text":`), d.raw, []byte(`}`))
}
