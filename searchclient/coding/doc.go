// Package coding is about HTTP content codings (RFC 9110, 8.4): gzip and deflate, which every version of the engines reads and
// writes. Decoding is bounded, whatever the bytes promise, and strict: what one program could read further than another is an error.
package coding
