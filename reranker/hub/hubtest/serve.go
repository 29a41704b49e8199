package hubtest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// serveHub answers /api/models/NAME[/revision/REV], /NAME/resolve/REV/FILE, and where the latter redirects to for small
// files: /api/resolve-cache/models/NAME/COMMIT/FILE.
func (h *Hub) serveHub(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	path := r.URL.EscapedPath()
	switch {
	case strings.HasPrefix(path, "/api/resolve-cache/models/"):
		name, rest := split(strings.TrimPrefix(path, "/api/resolve-cache/models/"), 40)
		commit, file, _ := strings.Cut(rest, "/")
		h.file(w, r, name, commit, file, true)
	case strings.HasPrefix(path, "/api/models/"):
		name, revision, ok := strings.Cut(strings.TrimPrefix(path, "/api/models/"), "/revision/")
		if !ok {
			revision = "main"
		}
		h.api(w, r, name, revision)
	default:
		name, rest, _ := strings.Cut(strings.TrimPrefix(path, "/"), "/resolve/")
		revision, file, _ := strings.Cut(rest, "/")
		h.file(w, r, name, revision, file, false)
	}
}

// split takes NAME or OWNER/NAME off a path whose next element has n bytes.
func split(path string, n int) (name, rest string) {
	at := 0
	for element := range strings.SplitSeq(path, "/") {
		if len(element) == n {
			return strings.TrimSuffix(path[:at], "/"), path[at:]
		}
		at += len(element) + 1
	}
	return path, ""
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("X-Error-Code", code)
	w.Header().Set("X-Error-Message", message)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	fmt.Fprintf(w, `{"error":%q}`, message)
}

// find checks access, and follows names: it answers itself and returns nil where there is nothing to show.
func (h *Hub) find(w http.ResponseWriter, r *http.Request, name, revision string, content bool) (m *model, commit string) {
	if to, ok := h.renamed[name]; ok {
		target := strings.Replace(r.URL.EscapedPath(), "/"+name, "/"+to, 1)
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
		w.Header().Set("Location", target)
		w.WriteHeader(http.StatusTemporaryRedirect)
		return nil, ""
	}
	authorization := r.Header.Get("Authorization")
	known := authorization == "Bearer "+h.token && h.token != ""
	if authorization != "" && !known && h.token != "" {
		refuse(w, http.StatusUnauthorized, "", "Invalid credentials in Authorization header")
		return nil, ""
	}
	m = h.models[name]
	switch {
	case m == nil || m.private && !known:
		refuse(w, http.StatusUnauthorized, "RepoNotFound", "Repository not found")
		return nil, ""
	case m.gated && !known && content:
		status := http.StatusUnauthorized
		if authorization != "" {
			status = http.StatusForbidden
		}
		refuse(w, status, "GatedRepo", "Access to model "+name+" is restricted. You must have access to it and be authenticated to access it.")
		return nil, ""
	}
	revision, _ = url.PathUnescape(revision)
	switch {
	case revision == "main":
		return m, m.main
	case m.tags[revision] != "":
		return m, m.tags[revision]
	case m.commits[revision] != nil:
		return m, revision
	}
	refuse(w, http.StatusNotFound, "RevisionNotFound", "Invalid rev id: "+revision)
	return nil, ""
}

func (h *Hub) api(w http.ResponseWriter, r *http.Request, name, revision string) {
	m, commit := h.find(w, r, name, revision, false)
	if m == nil {
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	siblings := []map[string]any{}
	for _, path := range slices.Sorted(maps.Keys(m.commits[commit])) {
		f := m.commits[commit][path]
		one := map[string]any{"rfilename": path}
		if r.URL.Query().Has("blobs") && !h.plain && !h.unlisted {
			one["size"], one["blobId"] = len(f.Content), BlobID(f.Content)
			if f.LFS {
				pointer := fmt.Sprintf("version https://git-lfs.github.com/spec/v1\noid sha256:%s\nsize %d\n", SHA256(f.Content), len(f.Content))
				one["blobId"] = BlobID([]byte(pointer))
				one["lfs"] = map[string]any{"sha256": SHA256(f.Content), "size": len(f.Content), "pointerSize": len(pointer)}
			}
		}
		siblings = append(siblings, one)
	}
	json.NewEncoder(w).Encode(map[string]any{
		"_id": "621ffdc136468d709f17e7b4", "id": name, "modelId": name, "sha": commit, "private": m.private, "gated": m.gated, "disabled": false,
		"downloads": 12, "likes": 3, "tags": []string{"pytorch", "license:" + m.license}, "cardData": map[string]any{"license": m.license},
		"createdAt": "2022-03-02T23:29:04.000Z", "lastModified": "2022-03-02T23:29:04.000Z", "siblings": siblings,
	})
}

// file answers for a file's content: by a redirect to its place, or from its place.
func (h *Hub) file(w http.ResponseWriter, r *http.Request, name, revision, file string, cached bool) {
	m, commit := h.find(w, r, name, revision, true)
	if m == nil {
		return
	}
	w.Header().Set("X-Repo-Commit", commit)
	file, _ = url.PathUnescape(file)
	f, ok := m.commits[commit][file]
	switch {
	case !ok:
		refuse(w, http.StatusNotFound, "EntryNotFound", "Entry not found")
	case h.plain:
		w.Header().Set("ETag", `"`+SHA256(f.Content)[:20]+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.Content))
	case cached:
		w.Header().Set("ETag", `"`+BlobID(f.Content)+`"`)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(f.Content))
	default:
		sum := BlobID(f.Content)
		target := "/api/resolve-cache/models/" + name + "/" + commit + "/" + url.PathEscape(file) + "?etag=%22" + sum + "%22"
		status := http.StatusTemporaryRedirect
		if f.LFS {
			sum = SHA256(f.Content)
			target = h.CDN + "/repos/" + sum + "?Expires=1900000000&Signature=" + signature
			status = http.StatusFound
		}
		w.Header().Set("X-Linked-Size", strconv.Itoa(len(f.Content)))
		w.Header().Set("X-Linked-Etag", `"`+sum+`"`)
		w.Header().Set("Accept-Ranges", "bytes")
		w.Header().Set("Location", target)
		w.WriteHeader(status)
		fmt.Fprintf(w, "Redirecting to %s", target)
	}
}

// signature is what the content network wants to see; it must not appear in a message.
const signature = "c2lnbmVk"

// serveCDN answers from the store of large files. It takes no credential but the signature, as such stores do: one that has
// both is refused.
func (h *Hub) serveCDN(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	b, ok := h.blobs[r.URL.Path]
	h.mu.Unlock()
	switch {
	case r.Header.Get("Authorization") != "":
		http.Error(w, "Only one auth mechanism allowed", http.StatusBadRequest)
	case r.URL.Query().Get("Signature") != signature:
		http.Error(w, "AccessDenied", http.StatusForbidden)
	case !ok:
		http.Error(w, "NoSuchKey", http.StatusNotFound)
	default:
		w.Header().Set("ETag", b.etag)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(b.content))
	}
}
