// Command bench measures resift beside what one would use in its place, both in one run and in turns, and prints a table
// for each topic:
//
//	tiny         the built-in models beside their teacher, and a search with them beside the engine's
//	pairs        scoring, from text to logits, beside ONNX Runtime in Python
//	tokenizer    the own WordPiece beside Hugging Face's tokenizers
//	splitter     reading and writing an engine's answer beside encoding/json
//	proxy        a search at the engine, and through resift before it
//	highlight    fragments of a window in one search beside those of its page in a second one
//	passthrough  resift as a plain proxy beside nginx and Caddy
//	demo         where the time of a re-ranked search goes
//
// `make bench` runs all of them. It asserts no time: what a machine reaches is for its owner to judge.
package main
