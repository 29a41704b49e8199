// Package hubtest is a model hub on loopback for tests, with the paths, redirects, headers and refusals of a Hugging Face hub: an
// API and small files on one listener, large files on another, which stands for the content network. Tests put faults
// in front of it.
package hubtest

import (
	"crypto/sha1"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
)

// Hub is a running hub.
type Hub struct {
	URL string // of the hub; the content network is another listener
	CDN string

	mu       sync.Mutex
	models   map[string]*model
	renamed  map[string]string
	blobs    map[string]blob // by the path on the content network
	requests []Request
	before   func(w http.ResponseWriter, r *http.Request) bool
	token    string
	plain    bool
	unlisted bool
}

// Request is what a client sent.
type Request struct {
	CDN           bool // to the content network
	Path          string
	Authorization string
	Range         string
	IfRange       string
}

// File is a file of a model.
type File struct {
	Content []byte
	LFS     bool // it lies on the content network
}

type model struct {
	main    string // commit
	commits map[string]map[string]File
	tags    map[string]string
	private bool
	gated   bool
	license string
}

type blob struct {
	content []byte
	etag    string
}

// New starts a hub, which ends with the test.
func New(t testing.TB) *Hub {
	h := &Hub{models: map[string]*model{}, renamed: map[string]string{}, blobs: map[string]blob{}}
	hub := httptest.NewServer(h.handler(false, h.serveHub))
	cdn := httptest.NewServer(h.handler(true, h.serveCDN))
	t.Cleanup(hub.Close)
	t.Cleanup(cdn.Close)
	h.URL, h.CDN = hub.URL, cdn.URL
	return h
}

func (h *Hub) handler(cdn bool, serve http.HandlerFunc) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.mu.Lock()
		h.requests = append(h.requests, Request{
			CDN: cdn, Path: r.URL.EscapedPath(), Authorization: r.Header.Get("Authorization"),
			Range: r.Header.Get("Range"), IfRange: r.Header.Get("If-Range"),
		})
		before := h.before
		h.mu.Unlock()
		if before == nil || !before(w, r) {
			serve(w, r)
		}
	})
}

// Before sets what sees every request first; it returns true if it answered. It may wrap the answer by way of Serve.
func (h *Hub) Before(f func(w http.ResponseWriter, r *http.Request) bool) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.before = f
}

// Serve answers as the hub or the content network would without Before.
func (h *Hub) Serve(w http.ResponseWriter, r *http.Request) {
	if IsCDN(r) {
		h.serveCDN(w, r)
	} else {
		h.serveHub(w, r)
	}
}

// Add makes a commit of a model, the new head of its branch main, and returns its name.
func (h *Hub) Add(name string, files map[string]File) (commit string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	m := h.models[name]
	if m == nil {
		m = &model{commits: map[string]map[string]File{}, tags: map[string]string{}, license: "apache-2.0"}
		h.models[name] = m
	}
	s := sha1.New()
	fmt.Fprint(s, m.main)
	for _, path := range slices.Sorted(maps.Keys(files)) {
		fmt.Fprintf(s, "%s %d\x00%s", path, len(files[path].Content), files[path].Content)
	}
	m.main = hex.EncodeToString(s.Sum(nil))
	m.commits[m.main] = files
	for _, f := range files {
		if f.LFS {
			sum := hex.EncodeToString(digest(f.Content))
			md5like := hex.EncodeToString(digest([]byte(sum))[:16])
			h.blobs["/repos/"+sum] = blob{content: f.Content, etag: `"` + md5like + `-1"`}
		}
	}
	return m.main
}

// Replace changes what the content network has for a file, without a commit: a damaged store, or one that lies.
func (h *Hub) Replace(old, content []byte) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.blobs["/repos/"+hex.EncodeToString(digest(old))] = blob{content: content, etag: `"` + hex.EncodeToString(digest(content))[:32] + `"`}
}

// Tag names a commit.
func (h *Hub) Tag(name, tag, commit string) { h.change(name, func(m *model) { m.tags[tag] = commit }) }

// Private hides a model from those without the token.
func (h *Hub) Private(name, token string) {
	h.change(name, func(m *model) { m.private, h.token = true, token })
}

// Gated lets those alone who have the token read a model's files.
func (h *Hub) Gated(name, token string) {
	h.change(name, func(m *model) { m.gated, h.token = true, token })
}

func (h *Hub) change(name string, f func(*model)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	f(h.models[name])
}

// Rename makes requests for the old name be redirected.
func (h *Hub) Rename(from, to string) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.models[to] = h.models[from]
	delete(h.models, from)
	h.renamed[from] = to
}

// Plain makes the hub a poor mirror: no sizes and digests in its listing, no linked headers, files in its own answers.
func (h *Hub) Plain() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.plain = true
}

// Unlisted makes the hub one that knows sizes and digests, but lists none: they are in its redirects alone.
func (h *Hub) Unlisted() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.unlisted = true
}

// Requests are those so far, in order.
func (h *Hub) Requests() []Request {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.requests)
}

// IsCDN tells whether a request came in at the content network: its paths are its own.
func IsCDN(r *http.Request) bool { return len(r.URL.Path) > 7 && r.URL.Path[:7] == "/repos/" }

// Cut lets n bytes of a body through, then breaks the connection.
func Cut(w http.ResponseWriter, n int) http.ResponseWriter { return &cut{ResponseWriter: w, left: n} }

type cut struct {
	http.ResponseWriter
	left int
}

func (c *cut) Write(p []byte) (int, error) {
	if len(p) <= c.left {
		c.left -= len(p)
		return c.ResponseWriter.Write(p)
	}
	c.ResponseWriter.Write(p[:c.left])
	c.ResponseWriter.(http.Flusher).Flush()
	panic(http.ErrAbortHandler)
}

func digest(b []byte) []byte {
	s := sha256.Sum256(b)
	return s[:]
}

// BlobID is git's id of a content.
func BlobID(content []byte) string {
	s := sha1.New()
	fmt.Fprintf(s, "blob %d\x00%s", len(content), content)
	return hex.EncodeToString(s.Sum(nil))
}

// SHA256 is a content's, in hex.
func SHA256(content []byte) string { return hex.EncodeToString(digest(content)) }
