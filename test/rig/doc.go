// Package rig runs what the tests of this folder put between a client and an engine: the real binary, built once a run,
// and a scorer that speaks the protocol of a model server with a function in place of a model.
package rig
