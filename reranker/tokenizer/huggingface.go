package tokenizer

import (
	"encoding/json"
	"fmt"
	"runtime"

	"github.com/daulet/tokenizers"
)

// HuggingFace is Hugging Face's Rust library behind a C interface: any tokenizer.json, tens of times slower than
// WordPiece. Build it with NewHuggingFace. Its native memory is freed when the garbage collector finds it unused.
type HuggingFace struct {
	native   *tokenizers.Tokenizer
	template pairTemplate
}

// NewHuggingFace loads a tokenizer.json. Its truncation and padding are left out; Pair does what is needed of them.
func NewHuggingFace(file []byte) (*HuggingFace, error) {
	var parts map[string]json.RawMessage
	if err := json.Unmarshal(file, &parts); err != nil {
		return nil, fmt.Errorf("parse tokenizer.json: %w", err)
	}
	template, err := readTemplate(parts["post_processor"])
	if err != nil {
		return nil, err
	}
	parts["truncation"] = json.RawMessage("null")
	parts["padding"] = json.RawMessage("null")
	file, err = json.Marshal(parts)
	if err != nil {
		return nil, fmt.Errorf("rewrite tokenizer.json: %w", err)
	}
	native, err := tokenizers.FromBytes(file)
	if err != nil {
		return nil, fmt.Errorf("load tokenizer.json: %w", err)
	}
	h := &HuggingFace{native: native, template: template}
	runtime.AddCleanup(h, func(n *tokenizers.Tokenizer) { n.Close() }, native)
	return h, nil
}

// encode gives the ids of text without special tokens, with the options' extras. Its offsets are those of readable(text).
func (h *HuggingFace) encode(text string, options ...tokenizers.EncodeOption) tokenizers.Encoding {
	clean, _ := readable(text)
	encoding := h.native.EncodeWithOptions(clean, false, options...)
	runtime.KeepAlive(h)
	return encoding
}

// Query implements Tokenizer.
func (h *HuggingFace) Query(text string) Query {
	return Query{ids: appendIDs(nil, h.encode(text).IDs)}
}

// Pair implements Tokenizer.
func (h *HuggingFace) Pair(q Query, passage string, maxTokens int, dst []int32) (ids []int32, passageStart int) {
	fit := h.template.fit(len(q.ids), maxTokens)
	dst = append(dst, h.template.head...)
	dst = append(dst, q.ids[:fit.query]...)
	dst = append(dst, h.template.mid...)
	encoded := h.encode(passage).IDs
	encoded = encoded[:min(len(encoded), fit.passage)]
	return h.template.finish(appendIDs(dst, encoded), fit, len(encoded))
}

// Reach implements Tokenizer: up to the end of the last token.
func (h *HuggingFace) Reach(q Query, passage string, maxTokens int) int {
	limit := h.template.fit(len(q.ids), maxTokens).passage
	_, origin := readable(passage)
	offsets := h.encode(passage, tokenizers.WithReturnOffsets()).Offsets
	if len(offsets) <= limit {
		return len(passage)
	}
	if limit == 0 {
		return 0
	}
	end := int(offsets[limit-1][1])
	if origin == nil {
		return end
	}
	if end < len(origin) {
		return origin[end]
	}
	return len(passage)
}

func appendIDs(dst []int32, ids []uint32) []int32 {
	for _, id := range ids {
		dst = append(dst, int32(id))
	}
	return dst
}
