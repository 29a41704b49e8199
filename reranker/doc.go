// Package reranker scores (query, passage) pairs with a cross-encoder.
//
// Open starts one of two backends: "onnx" runs a built-in model or a model directory (see docs/models.md) inside the process
// through ONNX Runtime; "tei" asks a server that speaks Text Embeddings Inference's POST /rerank. Either way Score takes the query and
// the passages in the engine's order and gives one score a passage, NaN where the deadline came first.
//
// The pairs of all callers meet in one scheduler: it joins them into batches of similar length by a token budget, serves
// a small request beside a large one fairly, refuses at once what does not fit the bounded queue, and stops work that
// nobody waits for any more. A pair's score depends on the pair alone, never on its neighbours in a batch.
package reranker
