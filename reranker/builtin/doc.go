// Package builtin carries the models that are in the binary, so that resift re-ranks without a download and on a read-only file
// system.
//
// A model is kept as its published weights, once and small (docs/models.md, compact weights); the graph that a device runs is
// written from them when the model is opened. The models share one vocabulary, BERT's uncased one. Beside the weights of each
// lie its card, README.md, and the licence of what it was made from.
package builtin
