// Package chaos holds resift to its promises while what it depends on fails.
//
// A real OpenSearch, resift as a process, a scorer that speaks a model server's protocol, and toxiproxy in this process
// between them: it delays, starves, resets, swallows and refuses connections while clients keep searching. Every answer is
// judged: its hits are the engine's, it says what was done and why, an error is the engine's or has its shape. After each
// fault the next searches are re-ranked, and goroutines and memory go back to where they were.
//
// `make chaos` runs it and prints a table; without RESIFT_TEST_CHAOS it is skipped. RESIFT_TEST_OPENSEARCH names an engine that is
// up already; the index chaos-docs is made and deleted there.
package chaos
