// Package rerankapi serves the model to other programs by the published rerank APIs: POST /rerank of Text Embeddings
// Inference, POST /v2/rerank and /v1/rerank of Cohere, and /v1/rerank of Jina and vLLM.
//
// It promises: a pair has the score that a search gives it, to the bit, from the same cache and the same queue; scores are
// decimals with a point, which every client reads; a call is bounded in bytes, texts and time, and what is refused is told
// in the shape and with the codes of the API that was called; texts are never logged. See docs/rerank-api.md.
package rerankapi
