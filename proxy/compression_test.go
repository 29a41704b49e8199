package proxy

import (
	"bytes"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/resift/resift/searchclient"
	"github.com/resift/resift/searchclient/coding"
)

// compressing makes an engine code its answers as Netty does: by the first coding that the request takes.
func compressing(e *engine) {
	var c coding.Coder
	e.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		accepted := r.Header.Get("Accept-Encoding")
		name := coding.Identity
		if strings.HasPrefix(accepted, "gzip") || strings.HasPrefix(accepted, "deflate") {
			name, _, _ = strings.Cut(strings.SplitN(accepted, ",", 2)[0], ";")
		}
		from, size := pageOf(plainBody(r, body))
		page := e.all.page(from, size)
		page.body = c.Encode(nil, name, page.body)
		if name != coding.Identity {
			page.header.Set("Content-Encoding", name)
		}
		page.write(w)
		return true
	}
}

func plainBody(r *http.Request, body []byte) []byte {
	var c coding.Coder
	name, _ := coding.Of(r.Header)
	plain, err := c.Decode(name, body, 1<<20)
	if err != nil {
		panic(err)
	}
	return plain
}

func TestAnswersAreCodedAsTheEngineWould(t *testing.T) {
	var c coding.Coder
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	plain := r.search(t, "")
	plain.expect(t, StatusReranked, "")
	for _, compresses := range []bool{false, true} {
		if compresses {
			compressing(e)
		}
		r := startProxy(t, e, setup{}) // with nothing learned yet
		for accepted, name := range map[string]string{"gzip": "gzip", "deflate": "deflate", "gzip;q=0.9, br": "gzip", "br": "", "identity": ""} {
			if !compresses {
				name = ""
			}
			for _, more := range []string{"", `,"sort":["n"]`, `,"size":0`} {
				a := r.search(t, more, "Accept-Encoding", accepted)
				if got := a.header.Get("Content-Encoding"); got != name || a.header.Get("Content-Length") != "" && a.header.Get("Content-Length") != fmt.Sprint(len(a.body)) {
					t.Errorf("%q%s: coded %q, want %q; %v, %d bytes", accepted, more, got, name, a.header, len(a.body))
				}
				body, err := c.Decode(name, a.body, 1<<20)
				if err != nil {
					t.Fatal(err)
				}
				if got := (answer{body: body}); more == "" && fmt.Sprint(ids(got.hits(t))) != fmt.Sprint(ids(plain.hits(t))) {
					t.Errorf("%q: %v, want %v", accepted, ids(got.hits(t)), ids(plain.hits(t)))
				}
			}
		}
	}
}

// TestFirstStagesComePlain has one search learn that the engine compresses, and those after it spare the engine the work.
func TestFirstStagesComePlain(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	compressing(e)
	r := startProxy(t, e, setup{})
	for i, want := range []string{"identity", "gzip, deflate", "identity", "identity"} {
		accepted, name := "gzip, deflate, br", "gzip"
		if i == 0 { // who takes no coding teaches none
			accepted, name = "br", ""
		}
		a := r.search(t, "", "Accept-Encoding", accepted)
		if got := e.requests()[i].header.Get("Accept-Encoding"); got != want || a.header.Get("Content-Encoding") != name {
			t.Errorf("search %d asks for %q, want %q; its answer is coded %q", i, got, want, a.header.Get("Content-Encoding"))
		}
	}
	synctest.Test(t, func(t *testing.T) {
		var h habit
		h.learn(true)
		if compresses, ok := h.known(); !compresses || !ok {
			t.Error("forgotten at once")
		}
		time.Sleep(habitAge + 1)
		if _, ok := h.known(); ok {
			t.Error("known for ever")
		}
	})
}

// TestRefusalsComeAsTheyAre has an engine code a 403 too: these bytes are the client's.
func TestRefusalsComeAsTheyAre(t *testing.T) {
	var c coding.Coder
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	refusal := c.Encode(nil, coding.Gzip, []byte(`{"status":403}`))
	e.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		w.Header().Set("Content-Encoding", "gzip")
		w.WriteHeader(403)
		w.Write(refusal)
		return true
	}
	r := startProxy(t, e, setup{})
	a := r.search(t, "", "Accept-Encoding", "gzip")
	if a.status != 403 || a.header.Get("Content-Encoding") != "gzip" || !bytes.Equal(a.body, refusal) || len(e.requests()) != 1 {
		t.Errorf("%d %v %q, %d requests", a.status, a.header, a.body, len(e.requests()))
	}
}

// TestBombsOfTheEngine has an answer hold more than is read, coded small: the client gets it as it comes.
func TestBombsOfTheEngine(t *testing.T) {
	var c coding.Coder
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	bomb := c.Encode(nil, coding.Gzip, append(bytes.Clone(e.all.body), make([]byte, 16<<20)...))
	e.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool {
		w.Header().Set("Content-Encoding", "gzip")
		w.Write(bomb)
		return true
	}
	r := startProxy(t, e, setup{client: func(o *searchclient.Options) { o.MaxAnswer = 1 << 20 }})
	a := r.search(t, "", "Accept-Encoding", "gzip")
	a.expect(t, StatusFallback, ReasonAnswerTooLarge)
	if !bytes.Equal(a.body, bomb) {
		t.Errorf("%d bytes of %d", len(a.body), len(bomb))
	}
	bomb = []byte("\x1f\x8b no gzip")
	a = r.search(t, "", "Accept-Encoding", "gzip")
	a.expect(t, StatusFallback, ReasonAnswer)
	if !bytes.Equal(a.body, bomb) {
		t.Errorf("%q", a.body)
	}
}

func TestCompressedSearchesArePlanned(t *testing.T) {
	var c coding.Coder
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	want := ids(r.search(t, `,"size":5`).hits(t))
	text := "{" + query + `,"size":5}`
	for _, name := range []string{coding.Gzip, coding.Deflate} {
		coded := c.Encode(nil, name, []byte(text))
		before := len(e.requests())
		a := r.do(t, "POST", "/notes/_search", string(coded), "Content-Encoding", name)
		a.expect(t, StatusReranked, "")
		if fmt.Sprint(ids(a.hits(t))) != fmt.Sprint(want) {
			t.Errorf("%s: %v, want %v", name, ids(a.hits(t)), want)
		}
		first := e.requests()[before:]
		if len(first) != 1 || first[0].header.Get("Content-Encoding") != "" || !bytes.Contains(first[0].body, []byte(`"size":20`)) {
			t.Errorf("%s: the engine got %d requests, the first %v %q", name, len(first), first[0].header, first[0].body)
		}
	}
}

// TestUnplannedCompressedSearchesGoAsTheyCame covers a bypass and a fallback: these bytes are the client's.
func TestUnplannedCompressedSearchesGoAsTheyCame(t *testing.T) {
	var c coding.Coder
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	e.answer = func(w http.ResponseWriter, req *http.Request, body []byte) bool {
		if name, err := coding.Of(req.Header); err != nil || name != "" {
			w.WriteHeader(200)
			return true
		}
		w.WriteHeader(400) // the first stage
		return true
	}
	zip := func(s string) string { return string(c.Encode(nil, coding.Gzip, []byte(s))) }
	for _, x := range []struct {
		name, body, encoding string
		status               Status
		reason               Reason
	}{
		{"a bypass", zip("{" + query + `,"sort":["n"]}`), "gzip", StatusBypassed, ReasonSort},
		{"a fallback", zip("{" + query + "}"), "gzip", StatusFallback, ReasonEngineStatus},
		{"not JSON", zip("---\nquery:"), "gzip", StatusBypassed, ReasonMalformed},
		{"a bomb", zip("{" + query + strings.Repeat(" ", 16<<20) + "}"), "gzip", StatusBypassed, ReasonBodyTooLarge},
		{"broken", zip("{" + query + "}")[:30], "gzip", StatusBypassed, ReasonEncoding},
		{"two members", zip("{"+query) + zip("}"), "gzip", StatusBypassed, ReasonEncoding},
		{"twice", zip(zip("{" + query + "}")), "gzip, gzip", StatusBypassed, ReasonEncoding},
		{"another", "?", "br", StatusBypassed, ReasonEncoding},
	} {
		a := r.do(t, "POST", "/notes/_search", x.body, "Content-Encoding", x.encoding)
		a.expect(t, x.status, x.reason)
		got := e.requests()[len(e.requests())-1]
		if string(got.body) != x.body || got.header.Get("Content-Encoding") != x.encoding {
			t.Errorf("%s: the engine got %d bytes of %d, coded %q", x.name, len(got.body), len(x.body), got.header.Get("Content-Encoding"))
		}
	}
}

// TestEditedCompressedSearchesGoPlain takes a control out of a body that is then not re-ranked.
func TestEditedCompressedSearchesGoPlain(t *testing.T) {
	var c coding.Coder
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	r.do(t, "POST", "/notes/_search", string(c.Encode(nil, coding.Gzip, []byte("{"+query+`,"ext":{"resift":{"mode":"off"}}}`))), "Content-Encoding", "gzip").
		expect(t, StatusBypassed, ReasonModeOff)
	if got := e.requests()[0]; string(got.body) != "{"+query+"}" || got.header.Get("Content-Encoding") != "" || got.header.Get("Content-Length") != fmt.Sprint(len(got.body)) {
		t.Errorf("%v %q", got.header, got.body)
	}
}

// TestBombsOfTheClientTakeNoMemory sends what would be much.
func TestBombsOfTheClientTakeNoMemory(t *testing.T) {
	var c coding.Coder
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, _ *http.Request, _ []byte) bool { return w != nil }
	r := startProxy(t, e, setup{options: func(o *Options) { o.Limits.Body = 1 << 20 }})
	bomb := string(c.Encode(nil, coding.Gzip, make([]byte, 48<<20))) // 0.2 MB
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	const times = 8
	for range times {
		r.do(t, "POST", "/notes/_search", bomb, "Content-Encoding", "gzip").expect(t, StatusBypassed, ReasonBodyTooLarge)
	}
	runtime.ReadMemStats(&after)
	if made := (after.TotalAlloc - before.TotalAlloc) / times; made > 32<<20 {
		t.Errorf("%d bytes are allocated for a bomb of %d", made, len(bomb))
	}
}
