// Package e2e holds the tests that run the real binary in front of real engines.
//
// Nothing is replaced that can run here: OpenSearch and Elasticsearch are booted once for the whole package, resift is
// built once and started with a configuration file of its own by every test, and requests are written to its port byte
// by byte. Only what has to misbehave is made up: an engine that lies about its length, a scorer that keeps the engine's
// order so that answers can be compared byte for byte.
//
// `make test` runs it. RESIFT_TEST_OPENSEARCH and RESIFT_TEST_ELASTICSEARCH name engines that are up already; the tests
// then delete and make indices there whose names begin with e2e-. RESIFT_TEST_MODEL is the model directory that the tests
// of the real model take.
package e2e
