// Package hub downloads a model's files from a Hugging Face hub.
//
// A Client resolves a revision to its commit, chooses the files that an import needs, and downloads them into a folder
// of that commit. A file is there whole and checked, or not at all: what a broken connection left stays beside it as
// NAME.partial and is gone on with by a range request. Files in large-file storage are held against their sha256, others
// against their git blob id. The token goes to the endpoint alone, never to a host that the endpoint redirects to.
//
// Several processes may ask for the same model: they take turns by a lock file, and the later ones find what the first
// one downloaded.
package hub
