// Package searchclient speaks to a search engine (OpenSearch 2 and 3, Elasticsearch 7, 8 and 9) and takes its answers
// apart without loss.
//
// Client sends requests as they are: the path and the query string to the byte, the caller's headers and none of its
// own, to the configured engines and nowhere else. Search reads a whole answer and may try once more; RoundTrip, for a
// forwarder, never does.
//
// Split finds the parts of an answer in one scan: an envelope and raw hits. Answer.Append writes it back in another
// order. What it was not told to change comes out byte for byte as the engine sent it: big numbers, escapes, order of
// keys, repeated keys, white space.
package searchclient
