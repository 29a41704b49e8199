// Package checkpoint reads published weights of cross-encoders: a folder as Hugging Face has it, with config.json and
// model.safetensors or pytorch_model.bin, each also in shards.
//
// Read understands the architectures that Known lists and gives their weights as an onnxgraph.CrossEncoder, which writes
// the graphs. Every tensor of the file is either used or known to be no weight; a missing one, one too many, or a number
// that is not finite is an error that names it.
//
// Files from elsewhere are not trusted. Nothing in them is executed: a pickle may hold the few opcodes and globals of a
// dictionary of tensors, and is refused before it is decoded if it has others. Sizes, counts, offsets and strides are
// checked against the file before memory is taken for them. Weights are read once, straight into their place.
package checkpoint
