// Package mlcommons boots an OpenSearch 2.19 with its own ml-commons and its own `rerank` search processor, and connects
// them to a rerank API by the blueprint for Cohere: what an OpenSearch user without resift's proxy would set up.
//
// setup.sh fetches the plugins and prints the folder that Start wants; `make test-mlcommons` runs the tests, which hold the
// processor's answers to the model's scores. Without RESIFT_TEST_MLCOMMONS, that folder, they are skipped.
package mlcommons
