// Package tokenizer turns a query and a passage into the token ids of a cross-encoder's pair input.
//
// The ids are those of Hugging Face tokenizers for the same tokenizer.json, encoding a pair with the truncation
// strategy only_second. Two implementations promise this: WordPiece, in Go and many times faster, for files whose
// pipeline is exactly BERT's; HuggingFace, the Rust library itself, for every other file. OpenDir chooses.
//
// What a character is to BERT (control, space, punctuation, mark, its decomposition and lower case) depends on the
// Unicode versions inside the Rust crates, not on Go's: properties.txt carries them, and tests compare every code point.
package tokenizer
