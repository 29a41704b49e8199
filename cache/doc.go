// Package cache holds the scores of query–passage pairs, and nothing else.
//
// It promises: a score is found only by someone who already holds the model's revision, the query and the passage,
// because the key is a keyed 128-bit digest over exactly these three; concurrent requests that miss the same pair have
// it scored once; memory stays within Options.Bytes; no hit, source or answer is ever stored.
//
// A request states all of its pairs at once (Claim), is told which are known, which are its own to score (Mine) and
// waits for those that another request has in work (Wait). Fill is these steps in their order.
package cache
