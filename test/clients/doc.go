// Package clients runs real client libraries, each once against an engine and once against resift before that engine, with
// nothing changed but the URL, and compares what they got.
//
// The programs (python, js, go) do what a search app does: they make an index, fill it in bulk, search in many shapes,
// scroll, walk a point in time, search at the same time, and run into errors, whose class they check. Each prints its steps
// with what the library returned, as lines of JSON. resift has a scorer that keeps the engine's order and a rule that
// keeps the engine's scores, so both runs must print the same.
//
// `make test-clients` installs the libraries and runs it; without RESIFT_TEST_CLIENTS, the folder they are in, it is
// skipped. RESIFT_TEST_OPENSEARCH and RESIFT_TEST_ELASTICSEARCH name engines that are up already; the index clients-docs is made
// and deleted there.
package clients
