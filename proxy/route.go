package proxy

import (
	"net/http"
	"strings"
)

// isSearch tells whether a request is a search that Plan can judge. Its body must be read before Plan; every other request is
// forwarded as a stream.
func isSearch(method, escapedPath string) bool {
	_, ok := searchTarget(method, escapedPath)
	return ok
}

// searchTarget returns the index expression of a search, still escaped, "" for all indices.
func searchTarget(method, escapedPath string) (index string, ok bool) {
	if method != http.MethodGet && method != http.MethodPost {
		return "", false
	}
	parts := strings.Split(strings.Trim(escapedPath, "/"), "/")
	switch {
	case len(parts) == 1 && parts[0] == "_search":
		return "", true
	case len(parts) == 2 && parts[1] == "_search" && parts[0] != "":
		return parts[0], true
	}
	return "", false
}
