// Package onnxpb is the ONNX file format: onnx.proto of the ONNX project (github.com/onnx/onnx, as release 1.23.2
// carries it, Apache-2.0) and the Go code that protoc-gen-go makes of it. Neither is edited by hand.
package onnxpb

//go:generate protoc --go_out=. --go_opt=paths=source_relative --go_opt=Monnx.proto=github.com/resift/resift/reranker/onnxgraph/onnxpb onnx.proto
