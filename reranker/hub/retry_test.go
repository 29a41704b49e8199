package hub

import (
	"context"
	"errors"
	"net/http"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/resift/resift/reranker/hub/hubtest"
)

func TestRetriesOfStatuses(t *testing.T) {
	const in90s = "in 90 s" // a date 90 s after the answer, not after the start of this test
	for name, c := range map[string]struct {
		status   int
		header   [2]string
		times    int           // the first so many answers
		min, max time.Duration // of each wait
		want     string        // error
	}{
		"once":                   {503, [2]string{}, 1, time.Second / 2, time.Second, ""},
		"five times":             {500, [2]string{}, 5, time.Second / 2, 16 * time.Second, ""},
		"for ever":               {502, [2]string{}, 99, time.Second / 2, 16 * time.Second, "answers 502 (6 attempts)"},
		"rate":                   {429, [2]string{"Retry-After", "7"}, 2, 7 * time.Second, 7 * time.Second, ""},
		"rate, by date":          {429, [2]string{"Retry-After", in90s}, 1, 60 * time.Second, 90 * time.Second, ""},
		"rate, by draft":         {429, [2]string{"RateLimit", `"api";r=0;t=55`}, 1, 55 * time.Second, 55 * time.Second, ""},
		"rate, not used up":      {429, [2]string{"RateLimit", `"api";r=3;t=55`}, 1, time.Second / 2, time.Second, ""},
		"rate, nonsense":         {429, [2]string{"Retry-After", "-soon"}, 1, time.Second / 2, time.Second, ""},
		"overload":               {503, [2]string{"Retry-After", "20"}, 1, 20 * time.Second, 20 * time.Second, ""},
		"longer than one waits":  {429, [2]string{"Retry-After", "3600"}, 1, 0, 0, "asks to wait for 1h0m0s"},
		"longer than there is":   {429, [2]string{"Retry-After", "99999999999999"}, 1, time.Second / 2, time.Second, ""},
		"not for another status": {400, [2]string{"Retry-After", "1"}, 1, 0, 0, "answers 400 about"},
	} {
		for _, path := range []string{"/api/", "/resolve/", "/repos/"} {
			h, files := hubtest.New(t), testFiles()
			h.Add(testModel, files)
			var n atomic.Int32
			h.Before(func(w http.ResponseWriter, r *http.Request) bool {
				wantedFile := path == "/api/" || strings.HasSuffix(r.URL.Path, large) || path == "/repos/"
				if !strings.Contains(r.URL.Path, path) || strings.Contains(r.URL.Path, "resolve-cache") || !wantedFile || n.Add(1) > int32(c.times) {
					return false
				}
				switch {
				case c.header[1] == in90s:
					w.Header().Set(c.header[0], time.Now().Add(90*time.Second).UTC().Format(http.TimeFormat))
				case c.header[0] != "":
					w.Header().Set(c.header[0], c.header[1])
				}
				w.WriteHeader(c.status)
				return true
			})
			client, dir := newClient(t, h), t.TempDir()
			err := client.pull(t.Context(), dir)
			switch {
			case c.want == "" && err != nil, c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)):
				t.Errorf("%s at %s: %v, want %q", name, path, err, c.want)
			case c.want == "":
				holds(t, dir, files, wanted())
			}
			if c.want == "" && len(client.sleeps) != c.times {
				t.Errorf("%s at %s: %d waits, want %d", name, path, len(client.sleeps), c.times)
			}
			for _, s := range client.sleeps {
				if s < c.min || s > c.max {
					t.Errorf("%s at %s: waited %v, want %v to %v", name, path, s, c.min, c.max)
				}
			}
		}
	}
}

func TestSilentServer(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	var n atomic.Int32
	h.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if !hubtest.IsCDN(r) {
			return false
		}
		switch n.Add(1) {
		case 1: // before the header
		case 2: // in the body
			w.Header().Set("Content-Length", "1000000")
			w.Write(files[large].Content[:400_000])
			w.(http.Flusher).Flush()
		default:
			return false
		}
		<-r.Context().Done()
		return true
	})
	c, dir := newClient(t, h, func(o *Options) { o.Stall = 2 * time.Second }), t.TempDir()
	if err := c.pull(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, files, wanted())
	var said []string
	for _, e := range c.events {
		if e.Kind == Retrying {
			said = append(said, e.Err.Error())
		}
	}
	if len(said) != 2 || !strings.Contains(said[0], "silent") || !strings.Contains(said[1], "silent") {
		t.Errorf("reported %q", said)
	}
}

// A server that is slow, but never silent for long, is not given up.
func TestSlowServer(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	h.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if !hubtest.IsCDN(r) {
			return false
		}
		w.Header().Set("Content-Length", "1000000")
		for i := range 12 {
			w.Write(files[large].Content[i*1_000_000/12 : (i+1)*1_000_000/12])
			w.(http.Flusher).Flush()
			time.Sleep(300 * time.Millisecond)
		}
		return true
	})
	c, dir := newClient(t, h, func(o *Options) { o.Stall = 3 * time.Second }), t.TempDir()
	if err := c.pull(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, files, wanted())
	if len(c.sleeps) > 0 {
		t.Errorf("it was asked again: %+v", c.events[len(c.events)-1])
	}
}

func TestHostThatDoesNotExist(t *testing.T) {
	c, err := New(Options{Endpoint: "http://no-such-host.invalid"})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.sleep = func(context.Context, time.Duration) error { t.Error("tried again"); return nil }
	if _, err := c.Resolve(t.Context(), testModel, ""); err == nil || !strings.Contains(err.Error(), "no-such-host.invalid") {
		t.Errorf("%v", err)
	}
}

func TestWait(t *testing.T) {
	for n, full := range map[int]time.Duration{1: time.Second, 2: 2 * time.Second, 5: 16 * time.Second, 6: 30 * time.Second, 30: 30 * time.Second} {
		for range 100 {
			if d := wait(n); d <= full/2 || d > full {
				t.Fatalf("after %d failures %v, want %v to %v", n, d, full/2, full)
			}
		}
	}
}

func TestSleep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		start := time.Now()
		if err := sleep(t.Context(), time.Hour); err != nil || time.Since(start) != time.Hour {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		time.AfterFunc(time.Second, func() { cancel(http.ErrServerClosed) })
		start = time.Now()
		if err := sleep(ctx, time.Hour); !errors.Is(err, http.ErrServerClosed) || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}

func TestLock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "new", "model.lock")
	unlock, err := Lock(t.Context(), path, func() { t.Error("waited for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	waits := 0
	if _, err := Lock(ctx, path, func() { waits++; cancel() }); !errors.Is(err, context.Canceled) || waits != 1 {
		t.Errorf("%v after %d waits", err, waits)
	}
	go func() { time.Sleep(150 * time.Millisecond); unlock() }()
	second, err := Lock(t.Context(), path, func() { waits++ })
	if err != nil || waits != 2 {
		t.Fatalf("%v after %d waits", err, waits)
	}
	second()
}

func TestDownloadsInTurns(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	folder := t.TempDir()
	dir, done := filepath.Join(folder, "model"), make(chan error)
	for range 4 {
		go func() {
			unlock, err := Lock(t.Context(), filepath.Join(folder, "lock"), func() {})
			if err == nil {
				c, _ := New(Options{Endpoint: h.URL})
				m, failed := c.Resolve(t.Context(), testModel, "")
				if err = failed; err == nil {
					_, err = c.Download(t.Context(), Request{Model: m, Folder: dir})
				}
				c.Close()
				unlock()
			}
			done <- err
		}()
	}
	for range 4 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
	holds(t, dir, files, wanted())
	if n := asked(h, func(r hubtest.Request) bool { return r.CDN }); n != 1 {
		t.Errorf("the large file was downloaded %d times", n)
	}
}
