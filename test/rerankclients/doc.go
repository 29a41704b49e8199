// Package rerankclients has real client libraries rank the same documents through resift's rerank API: Cohere's SDK,
// LangChain, LlamaIndex and LiteLLM, each by every API it speaks. All must get the model's order and scores, and report a
// wrong token by their own error.
//
// `make test-rerank-clients` installs the libraries, pinned, and runs it; without RESIFT_TEST_RERANK_CLIENTS, the folder
// they are in, it is skipped.
package rerankclients
