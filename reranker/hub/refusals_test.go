package hub

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/resift/resift/reranker/hub/hubtest"
)

const (
	goodToken  = "hf_good_token_0123456789"
	wrongToken = "hf_wrong_token_9876543210"
)

func TestTokenStaysWithTheHub(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add("old/name", files)
	h.Private("old/name", goodToken)
	h.Rename("old/name", testModel)
	c := newClient(t, h, func(o *Options) { o.Token = " " + goodToken + "\n" })
	m, err := c.Resolve(t.Context(), "old/name", "") // redirected to the new name, on the hub itself
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	if _, err := c.Download(t.Context(), Request{Model: m, Folder: dir}); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, files, wanted())
	content := 0
	for _, r := range h.Requests() {
		switch {
		case r.CDN && r.Authorization != "":
			t.Errorf("%s: the content network was sent the token", r.Path)
		case !r.CDN && r.Authorization != "Bearer "+goodToken:
			t.Errorf("%s: the hub was sent %q", r.Path, r.Authorization)
		case r.CDN:
			content++
		}
	}
	if content == 0 {
		t.Error("no request reached the content network")
	}
}

func TestTokenReturnsToNoOtherHost(t *testing.T) {
	// A hub that sends the API's caller elsewhere: the answer may be used, the token may not.
	other, h := hubtest.New(t), hubtest.New(t)
	other.Add(testModel, testFiles())
	h.Before(func(w http.ResponseWriter, r *http.Request) bool {
		http.Redirect(w, r, other.URL+r.URL.RequestURI(), http.StatusTemporaryRedirect)
		return true
	})
	c := newClient(t, h, func(o *Options) { o.Token = goodToken })
	if err := c.pull(t.Context(), t.TempDir()); err != nil {
		t.Fatal(err)
	}
	if n := asked(other, func(r hubtest.Request) bool { return r.Authorization != "" }); n != 0 || len(other.Requests()) == 0 {
		t.Errorf("%d of %d requests to another host had the token", n, len(other.Requests()))
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		set             func(h *hubtest.Hub)
		token, revision string
		want            string
		is              error
	}{
		"unknown model":        {func(h *hubtest.Hub) { h.Rename(testModel, "x/y") }, "", "", "", nil},
		"no such model":        {nil, "", "", "someone/nothing does not exist at ENDPOINT, or it is private: set HF_TOKEN to a token that may read it: Repository not found", ErrAccess},
		"private":              {func(h *hubtest.Hub) { h.Private(testModel, goodToken) }, "", "", "someone/cross-encoder does not exist at ENDPOINT, or it is private: set HF_TOKEN", ErrAccess},
		"private, with token":  {func(h *hubtest.Hub) { h.Private(testModel, goodToken) }, goodToken, "", "", nil},
		"wrong token":          {func(h *hubtest.Hub) { h.Private(testModel, goodToken) }, wrongToken, "", "refuses the token: Invalid credentials", ErrAccess},
		"gated":                {func(h *hubtest.Hub) { h.Gated(testModel, goodToken) }, "", "", "is gated: accept its terms at ENDPOINT/someone/cross-encoder, and set HF_TOKEN to a token that belongs to the account", ErrAccess},
		"gated, with token":    {func(h *hubtest.Hub) { h.Gated(testModel, goodToken) }, goodToken, "", "", nil},
		"no such revision":     {nil, "", "v9", `someone/cross-encoder has no branch, tag or commit "v9"`, ErrNotFound},
		"revision with spaces": {nil, "", "a b", `"a b" is not a branch, tag or commit`, nil},
		"revision with dots":   {nil, "", "../../x", "is not a branch, tag or commit", nil},
		"gated, other account": {func(h *hubtest.Hub) {
			h.Before(func(w http.ResponseWriter, r *http.Request) bool {
				if strings.HasPrefix(r.URL.Path, "/api/") {
					return false
				}
				w.Header().Set("X-Error-Code", "GatedRepo")
				w.WriteHeader(http.StatusForbidden)
				return true
			})
		}, goodToken, "", "check that the token in HF_TOKEN belongs to the account that did", ErrAccess},
		"forbidden":     {answerAll(http.StatusForbidden, "X-Error-Message", "Your token "+goodToken+" is\t odd"), goodToken, "", "check that the token in HF_TOKEN may read it: Your token … is odd", ErrAccess},
		"broken header": {answerAll(http.StatusOK, "X-Broken", goodToken+"\x00"), goodToken, "", "the answer cannot be read (6 attempts)", nil},
		"no hub, 404":   {answerAll(http.StatusNotFound, "", ""), "", "", "not found on the hub: someone/cross-encoder at ENDPOINT", ErrNotFound},
		"no hub, 200":   {answerAll(http.StatusOK, "Content-Type", "text/html"), "", "", "is no hub, or one that resift does not understand", nil},
		"long words":    {answerAll(http.StatusGone, "X-Error-Message", strings.Repeat("é", 300)), "", "", "answers 410 about someone/cross-encoder: " + strings.Repeat("é", 100) + "…", nil},
	} {
		h := hubtest.New(t)
		h.Add(testModel, testFiles())
		if c.set != nil {
			c.set(h)
		}
		client := newClient(t, h, func(o *Options) { o.Token = c.token })
		model := testModel
		if strings.Contains(c.want, "someone/nothing") {
			model = "someone/nothing"
		}
		m, err := client.Resolve(t.Context(), model, c.revision)
		if err == nil {
			_, err = client.Download(t.Context(), Request{Model: m, Folder: t.TempDir()})
		}
		want := strings.ReplaceAll(c.want, "ENDPOINT", h.URL)
		switch {
		case c.want == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case c.want != "" && (err == nil || !strings.Contains(err.Error(), want)):
			t.Errorf("%s: %v\nwant %q", name, err, want)
		case c.is != nil && !errors.Is(err, c.is):
			t.Errorf("%s: %v is not %v", name, err, c.is)
		}
		if err != nil && (strings.Contains(err.Error(), goodToken) || strings.Contains(err.Error(), wrongToken)) {
			t.Errorf("%s: the message holds the token", name)
		}
		if len(client.sleeps) > 0 && name != "broken header" {
			t.Errorf("%s: tried again", name)
		}
	}
}

func answerAll(status int, header, value string) func(*hubtest.Hub) {
	return func(h *hubtest.Hub) {
		h.Before(func(w http.ResponseWriter, _ *http.Request) bool {
			w.Header()[header] = []string{value}
			w.WriteHeader(status)
			w.Write([]byte("<html>"))
			return true
		})
	}
}

// A content network's address is signed: it must not get into a message.
func TestSignaturesAreNotPrinted(t *testing.T) {
	h := hubtest.New(t)
	h.Add(testModel, testFiles())
	h.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if strings.HasSuffix(r.URL.Path, ".safetensors") {
			http.Redirect(w, r, "http://127.0.0.1:1/repos/x?Signature=topsecret", http.StatusFound)
			return true
		}
		return false
	})
	c := newClient(t, h)
	err := c.pull(t.Context(), t.TempDir())
	if err == nil || !strings.Contains(err.Error(), "127.0.0.1:1: ") || !strings.Contains(err.Error(), "refused") {
		t.Errorf("%v", err)
	}
	for _, e := range c.events {
		if e.Err != nil && strings.Contains(e.Err.Error(), "topsecret") || strings.Contains(err.Error(), "topsecret") {
			t.Fatalf("%v, %v", e.Err, err)
		}
	}
}

// An expired signature: the hub gives a new address.
func TestExpiredSignature(t *testing.T) {
	h, files := hubtest.New(t), testFiles()
	h.Add(testModel, files)
	expired := 0
	h.Before(func(w http.ResponseWriter, r *http.Request) bool {
		if hubtest.IsCDN(r) && expired == 0 {
			expired++
			http.Error(w, "Request has expired", http.StatusForbidden)
			return true
		}
		return false
	})
	dir := t.TempDir()
	if err := newClient(t, h).pull(t.Context(), dir); err != nil {
		t.Fatal(err)
	}
	holds(t, dir, files, wanted())
	if n := asked(h, func(r hubtest.Request) bool {
		return strings.Contains(r.Path, "/resolve/") && strings.HasSuffix(r.Path, large)
	}); n != 2 {
		t.Errorf("the hub was asked %d times for an address, want 2", n)
	}
}

func TestRedirects(t *testing.T) {
	for _, c := range []struct{ from, location, want string }{
		{"https://a/x/y", "../z", "https://a/z"},
		{"https://a/x", "/z?q=1", "https://a/z?q=1"},
		{"https://a/x", "//b/z", "https://b/z"},
		{"http://a/x", "https://b/z", "https://b/z"},
		{"https://a/x", "http://a/z", "from https to http"},
		{"https://a/x", "https://user:secret@b/z", "no web page"},
		{"https://a/x", "ftp://b/z", "no web page"},
		{"https://a/x", "https:///z", "no web page"},
		{"https://a/x", "", "redirects to nowhere"},
		{"https://a/x", "%zz", "redirects to nowhere"},
	} {
		from, err := url.Parse(c.from)
		if err != nil {
			t.Fatal(err)
		}
		to, err := redirect(from, &http.Response{StatusCode: 302, Header: http.Header{"Location": {c.location}}})
		if got := err; got == nil && to.String() != c.want || got != nil && !strings.Contains(got.Error(), c.want) {
			t.Errorf("%s to %q: %v, %v, want %s", c.from, c.location, to, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%v", err)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"https://Hub.example", "https://hub.example:443/x", true},
		{"http://hub.example:80", "http://hub.example/x", true},
		{"https://hub.example", "http://hub.example", false},
		{"https://hub.example", "https://hub.example:8443", false},
		{"https://hub.example", "https://hub.example.evil", false},
		{"https://hub.example", "https://cdn.hub.example", false},
	} {
		a, _ := url.Parse(c.a)
		b, _ := url.Parse(c.b)
		if sameOrigin(a, b) != c.want {
			t.Errorf("%s and %s: %v", c.a, c.b, !c.want)
		}
	}
}

func TestOptions(t *testing.T) {
	for _, c := range []struct {
		o    Options
		want string // of the error, or of an address
	}{
		{Options{}, DefaultEndpoint + "/x"},
		{Options{Endpoint: "http://mirror:8080/hub/"}, "http://mirror:8080/hub/x"},
		{Options{Endpoint: "mirror"}, "is not an address"},
		{Options{Endpoint: "ftp://mirror"}, "is not an address"},
		{Options{Endpoint: "https://me:pass@mirror"}, "must not hold a user"},
		{Options{Endpoint: "https://mirror?x=1"}, "must not hold a query"},
		{Options{Token: "two words"}, "holds a character that no token has"},
		{Options{Token: "a\r\nHost: b"}, "holds a character that no token has"},
	} {
		client, err := New(c.o)
		if err == nil && client.address("/x") != c.want || err != nil && !strings.Contains(err.Error(), c.want) {
			t.Errorf("%+v: %v, want %q", c.o, err, c.want)
		}
		if err != nil && strings.Contains(err.Error(), "pass@") {
			t.Errorf("%v", err)
		}
	}
}
