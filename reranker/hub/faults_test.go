package hub

import (
	"bytes"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/resift/resift/reranker/hub/hubtest"
)

const large = "model.safetensors"

func TestBrokenConnectionsAreGoneOnWith(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	var cuts atomic.Int32
	h.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if !hubtest.IsCDN(r) || cuts.Add(1) > 3 {
			return false
		}
		h.Serve(hubtest.Cut(w, 300_000), r)
		return true
	})
	c, dir := newClient(t, h), t.TempDir()
	if err := c.pull(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, files, wanted())
	var ranges []string
	for _, r := range h.Requests() {
		if r.CDN {
			ranges = append(ranges, r.Range)
			if (r.Range == "") != (r.IfRange == "") {
				t.Errorf("range %q with the validator %q", r.Range, r.IfRange)
			}
		}
	}
	if got := fmt.Sprint(ranges); got != "[ bytes=300000- bytes=600000- bytes=900000-]" {
		t.Errorf("ranges %s", got)
	}
	if len(c.sleeps) != 3 || c.sleeps[2] > time.Second {
		t.Errorf("waited %v: attempts that bring the file on do not count", c.sleeps)
	}
	var arrived int64
	for _, e := range c.events {
		if e.Kind == Retrying && (e.File != large || !strings.Contains(e.Err.Error(), "the connection ended after "+Size(arrived))) {
			t.Errorf("reported %+v", e)
		}
		if e.File == large && e.Kind == Advanced {
			arrived = e.Done
		}
	}
}

func TestConnectionsThatBringNothingEnd(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	h.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if hubtest.IsCDN(r) {
			h.Serve(hubtest.Cut(w, 100), r)
		}
		return hubtest.IsCDN(r)
	})
	c, dir := newClient(t, h), t.TempDir()
	err := c.pull(t.Context(), dir)
	if err == nil || !strings.Contains(err.Error(), large+": the connection ended after 600 B (6 attempts)") {
		t.Errorf("%v", err)
	}
	for i, s := range c.sleeps {
		if full := time.Second << i; s < full/2 || s > full {
			t.Errorf("waited %v", c.sleeps)
		}
	}
	// The next run goes on.
	h.Before(nil)
	if err := newClient(t, h).pull(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, files, wanted())
	if last := h.Requests()[len(h.Requests())-1]; last.Range != "bytes=600-" {
		t.Errorf("last request %+v", last)
	}
}

// A server that knows no ranges and always breaks at the same place: every attempt brings much, and none brings the file on.
func TestAttemptsThatGetNoFarther(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	h.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if hubtest.IsCDN(r) {
			r.Header.Del("Range")
			h.Serve(hubtest.Cut(w, 600_000), r)
		}
		return hubtest.IsCDN(r)
	})
	c := newClient(t, h)
	err := c.pull(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), large+": the connection ended after 600 kB (6 attempts)") {
		t.Errorf("%v", err)
	}
	if len(c.sleeps) != attempts-1 {
		t.Errorf("waited %v", c.sleeps)
	}
}

func TestContentThatChangesInTheMiddle(t *testing.T) {
	changed := append(noise(900_000), noise(100_000)...)
	t.Run("of a listed digest", func(t *testing.T) {
		h, files := hubtest.New(t), testFiles()
		h.Add(testModel, files)
		var n atomic.Int32
		h.Before(func(w http.ResponseWriter, r *http.Request) bool {
			if !hubtest.IsCDN(r) || n.Add(1) > 1 {
				return false
			}
			h.Replace(files[large].Content, changed) // for the next request
			w.Header().Set("ETag", `"before"`)
			http.ServeContent(hubtest.Cut(w, 400_000), r, "", time.Time{}, bytes.NewReader(files[large].Content))
			return true
		})
		dir := t.TempDir()
		err := newClient(t, h).pull(t.Context(), dir)
		if !errors.Is(err, errMismatch) || !strings.Contains(err.Error(), "digest "+hubtest.SHA256(changed)+", not "+hubtest.SHA256(files[large].Content)) {
			t.Errorf("%v", err)
		}
		if n.Load() != 3 {
			t.Errorf("%d requests, want the cut one, one that is sent the whole, and one more try", n.Load())
		}
		for _, name := range []string{large, large + partialSuffix} {
			if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
				t.Errorf("%s is left", name)
			}
		}
	})
	t.Run("of a mirror without digests", func(t *testing.T) {
		h, files := hubtest.New(t), testFiles()
		h.Add(testModel, files)
		h.Plain()
		var n atomic.Int32
		h.Before(func(w http.ResponseWriter, r *http.Request) bool {
			if !strings.HasSuffix(r.URL.Path, large) {
				return false
			}
			content, etag := files[large].Content, `"before"`
			if n.Add(1) > 1 {
				content, etag = changed, `"after"`
			} else {
				w = hubtest.Cut(w, 400_000)
			}
			w.Header().Set("ETag", etag)
			http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
			return true
		})
		dir := t.TempDir()
		if err := newClient(t, h).pull(t.Context(), dir); err != nil {
			t.Fatal(err)
		}
		files[large] = hubtest.File{Content: changed}
		holds(t, dir, files, wanted())
		if last := h.Requests()[len(h.Requests())-1]; last.Range != "bytes=400000-" || last.IfRange != `"before"` || n.Load() != 2 {
			t.Errorf("%d requests, the last %+v", n.Load(), last)
		}
	})
}

func TestWrongContentIsNotKept(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	for name, content := range map[string][]byte{
		"same size": append([]byte{files[large].Content[0] ^ 1}, files[large].Content[1:]...),
		"shorter":   noise(999_999),
		"longer":    noise(1_000_001),
	} {
		h.Replace(files[large].Content, content)
		dir := t.TempDir()
		if err := newClient(t, h).pull(t.Context(), dir); !errors.Is(err, errMismatch) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, large)); err == nil {
			t.Errorf("%s: it is there under its name", name)
		}
	}
	// A small file, by its git blob id.
	h.Replace(files[large].Content, files[large].Content)
	h.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, "/vocab.txt") {
			w.Write([]byte("[PAD]\n[UNQ]\n"))
			return true
		}
		return false
	})
	if err := newClient(t, h).pull(t.Context(), t.TempDir()); !errors.Is(err, errMismatch) || !strings.Contains(err.Error(), hubtest.BlobID(files["vocab.txt"].Content)) {
		t.Errorf("small file: %v", err)
	}
}

// A hub that lists no digests states them where it redirects: they count the same.
func TestDigestsOfRedirects(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	h.Unlisted()
	dir := t.TempDir()
	if err := newClient(t, h).pull(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, files, wanted())
	whole := files[large].Content
	for name, content := range map[string][]byte{"same size": append([]byte{whole[0] ^ 1}, whole[1:]...), "longer": noise(1_000_001)} {
		h.Replace(whole, content)
		dir := t.TempDir()
		err := newClient(t, h).pull(t.Context(), dir)
		if name == "same size" && !errors.Is(err, errMismatch) || name == "longer" && (err == nil || !strings.Contains(err.Error(), "is 1000000 bytes, not 1000001")) {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := os.Stat(filepath.Join(dir, large)); err == nil {
			t.Errorf("%s: it is there under its name", name)
		}
	}
}

func TestDamagedPartialFile(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	whole := files[large].Content
	for name, c := range map[string]struct {
		part  []byte
		state string
		want  []string // ranges asked for
	}{
		"whole already":        {whole, `{"etag":"\"x\"","content":""}`, nil},
		"good half":            {whole[:500_000], ``, []string{"bytes=500000-"}}, // the digest decides, without an ETag
		"bad half":             {noise(500_000), ``, []string{"bytes=500000-", ""}},
		"whole, one bit wrong": {append([]byte{whole[0] ^ 1}, whole[1:]...), ``, []string{""}},
		"too long":             {noise(2_000_000), `{"etag":"\"x\""}`, []string{""}},
		"damaged record":       {whole[:500_000], `{"etag`, []string{"bytes=500000-"}},
		"empty":                {nil, ``, []string{""}},
	} {
		dir, start := t.TempDir(), len(h.Requests())
		for suffix, content := range map[string][]byte{partialSuffix: c.part, stateSuffix: []byte(c.state)} {
			if err := os.WriteFile(filepath.Join(dir, large+suffix), content, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		if err := newClient(t, h).pull(t.Context(), dir); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		holds(t, dir, files, wanted())
		var ranges []string
		for _, r := range h.Requests()[start:] {
			if r.CDN {
				ranges = append(ranges, r.Range)
			}
		}
		if fmt.Sprintf("%q", ranges) != fmt.Sprintf("%q", c.want) {
			t.Errorf("%s: asked for %q, want %q", name, ranges, c.want)
		}
	}
}

// Servers that answer a range request in other ways than with the range.
func TestServersWithOtherIdeasOfRanges(t *testing.T) {
	files := testFiles()
	whole := files[large].Content
	for name, answer := range map[string]func(w http.ResponseWriter){
		"the whole file": func(w http.ResponseWriter) { w.Write(whole) },
		"another range": func(w http.ResponseWriter) {
			w.Header().Set("Content-Range", "bytes 400000-999999/1000000")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(whole[400_000:])
		},
		"another file": func(w http.ResponseWriter) {
			w.Header().Set("ETag", `"of another"`)
			w.Header().Set("Content-Range", "bytes 500000-999999/1000000")
			w.WriteHeader(http.StatusPartialContent)
			w.Write(whole[:500_000])
		},
		"no range":         func(w http.ResponseWriter) { w.WriteHeader(http.StatusPartialContent); w.Write(whole) },
		"not satisfiable":  func(w http.ResponseWriter) { w.WriteHeader(http.StatusRequestedRangeNotSatisfiable) },
		"a broken promise": func(w http.ResponseWriter) { w.Header().Set("Content-Length", "1000000"); w.Write(whole[:10]) },
	} {
		h := hubtest.New(t)
		h.Add(testModel, files)
		var n atomic.Int32
		h.Before(func(w http.ResponseWriter, r *http.Request) bool {
			switch {
			case !hubtest.IsCDN(r):
				return false
			case n.Add(1) == 1:
				h.Serve(hubtest.Cut(w, 500_000), r)
			case n.Load() == 2:
				answer(w)
			default:
				return false
			}
			return true
		})
		dir := t.TempDir()
		if err := newClient(t, h).pull(t.Context(), dir); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		holds(t, dir, files, wanted())
	}
}

func TestOddAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		answer func(w http.ResponseWriter, r *http.Request)
		want   string
	}{
		"another commit": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Repo-Commit", strings.Repeat("e", 40))
			w.Write([]byte("{}"))
		}, "the server sent that of commit"},
		"compressed": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			w.Write([]byte("{}"))
		}, `in the encoding "gzip"`},
		"a loop": {func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, "more than 10 redirects"},
		"redirect to nowhere": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(302) }, "redirects to nowhere"},
		"redirect to a file": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Location", "file:///etc/passwd")
			w.WriteHeader(302)
		}, "no web page"},
		"teapot": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(418) }, "answers 418 about config.json of " + testModel},
		"missing": {func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("X-Error-Code", "EntryNotFound")
			w.WriteHeader(404)
		}, "not found on the hub: config.json of " + testModel},
	} {
		h := hubtest.New(t)
		h.Add(testModel, testFiles())
		h.Before(func(w http.ResponseWriter, r *http.Request) bool {
			if strings.HasSuffix(r.URL.Path, "/config.json") {
				c.answer(w, r)
				return true
			}
			return false
		})
		client := newClient(t, h)
		err := client.pull(t.Context(), t.TempDir())
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
		if len(client.sleeps) != 0 {
			t.Errorf("%s: tried again", name)
		}
	}
}
