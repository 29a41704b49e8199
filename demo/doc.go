// Package demo is what `resift demo` shows: the Free On-line Dictionary of Computing in a real engine, and searches whose
// two orders stand side by side.
//
// It promises that an index it did not make is never written to, and that what it prints came from the engine and the
// proxy, in that run.
package demo
