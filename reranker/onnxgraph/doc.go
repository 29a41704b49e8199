// Package onnxgraph reads, rewrites and writes ONNX graphs of BERT cross-encoders.
//
// Build writes a graph from named weights (CrossEncoder): ONNX Runtime's fused operators, padded batches, int32 inputs, and
// the last layer only for the rows that the score depends on. BuildPacked writes its twin for CUDA, in float16 and without
// padding. In such a graph a pair's score is a function of the pair
// alone: no operator looks across rows, and padding is masked out exactly.
//
// Packed-away weights come from Unquantize, which takes them out of a graph quantised by ONNX Runtime's dynamic
// quantiser. Convert joins the two for MiniLM L-12; docs/minilm.md says why, and what it measured.
//
// The package needs no native library; it writes files and never runs a graph.
package onnxgraph
