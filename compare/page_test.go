package compare

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
)

// canned answers the engine's order for a search with mode off, and another one else.
type canned struct {
	t             *testing.T
	before, after string
	status        int
	bodies        []string
	authorization []string
	models        []string // X-Resift-Model of each search
}

func (c *canned) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		c.t.Error(err)
	}
	c.bodies = append(c.bodies, string(body))
	c.authorization = append(c.authorization, r.Header.Get("Authorization"))
	c.models = append(c.models, r.Header.Get("X-Resift-Model"))
	if c.status != 0 {
		w.Header().Set("WWW-Authenticate", `Basic realm="engine"`)
		w.WriteHeader(c.status)
		io.WriteString(w, `{"error":{"type":"security_exception","reason":"who are <you>"},"status":401}`)
		return
	}
	w.Header().Set("Server-Timing", "plan;dur=0.1, engine;dur=12.5, total;dur=20")
	w.Header().Set("X-Resift-Model", "tiny")
	if strings.Contains(string(body), `"mode":"off"`) {
		w.Header().Set("X-Resift-Status", "bypassed")
		io.WriteString(w, c.before)
		return
	}
	w.Header().Set("X-Resift-Status", "reranked")
	io.WriteString(w, c.after)
}

const (
	engineOrder = `{"hits":{"total":{"value":3,"relation":"eq"},"hits":[
		{"_index":"i","_id":"a","_score":3.5,"_source":{"title":"First <b>title</b>","text":"one"}},
		{"_index":"i","_id":"b","_score":2,"_source":{"title":"Second","text":"two"},"highlight":{"text":["a \ue000fox\ue001 & <script>alert(1)</script>"]}}]}}`
	modelOrder = `{"hits":{"total":{"value":3,"relation":"eq"},"hits":[
		{"_index":"i","_id":"b","_score":9,"_source":{"title":"Second","text":"two"},"highlight":{"text":["a \ue000fox\ue001 & <script>alert(1)</script>"]},"fields":{"resift.engine_score":[2],"resift.model_score":[7.25],"resift.engine_rank":[2],
			"resift.passage":["a Fox & <b>its den</b>"],"resift.passage_window":[3],"resift.passage_windows":[7],"resift.passage_cut":[true]}},
		{"_index":"i","_id":"c","_score":8,"_source":{"title":"Third"},"fields":{"resift.engine_score":[1],"resift.model_score":[6],"resift.engine_rank":[40],
			"resift.passage_window":[1],"resift.passage_windows":[1],"resift.passage_cut":[false]}},
		{"_index":"i","_id":"a","_score":1,"_source":{"title":"First <b>title</b>"},"fields":{"resift.engine_score":[3.5],"resift.engine_rank":[1]}}]}}`
)

func get(t *testing.T, c *canned, query string, header http.Header) *httptest.ResponseRecorder {
	t.Helper()
	h, err := New(Options{Search: c, Index: "i", Fields: []string{"title", "text"}, Window: 100, Examples: []string{`what is "x" & y`}})
	if err != nil {
		t.Fatal(err)
	}
	r := httptest.NewRequest("GET", "/?"+query, nil)
	r.Header = header
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestPageShowsWhatMoved(t *testing.T) {
	c := &canned{t: t, before: engineOrder, after: modelOrder}
	w := get(t, c, url.Values{"q": {`a "fox" <i>`}}.Encode(), http.Header{"Authorization": {"Basic abc"}})
	page := w.Body.String()
	if w.Code != 200 || len(c.bodies) != 2 {
		t.Fatalf("status %d, %d searches", w.Code, len(c.bodies))
	}
	for _, want := range []string{
		"▲ up 1, from 2", "▲ up 38, from 40", "▲ to 1", "▼ to 3",
		"window 3 of 7, the best of its text; what follows the last window was not read.", `<mark>a</mark> <mark>Fox</mark> &amp; &lt;b&gt;its den&lt;/b&gt;`,
		"Words of the query in it: a, fox. Not in it: i.", "Its text is of fields that this page did not ask for", "The model has not read this hit",
		`popovertarget="why-a1" aria-label="Why is hit 1 here?">why? window 3 of 7</button>`, `id="why-a1"`, `id="why-b1"`, `id="why-b2"`,
		"<mark>fox</mark>", "model 7.250", "engine 2.000", "First &lt;b&gt;title&lt;/b&gt;",
		`<line class="up"`, "engine 12.5 ms", "tiny, window 100", `value="a &#34;fox&#34; &lt;i&gt;"`,
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	for _, never := range []string{"<script", "<b>title", "<i>", "ZgotmplZ", "\ue000", "http://", "https://"} {
		if strings.Contains(page, never) {
			t.Errorf("the page holds %q", never)
		}
	}
	if !strings.Contains(c.bodies[0], `"size":10`) || !strings.Contains(c.bodies[1], `"size":100`) {
		t.Errorf("the searches ask for %q", c.bodies)
	}
	if c.authorization[0] != "Basic abc" || c.authorization[1] != "Basic abc" {
		t.Errorf("credentials %q", c.authorization)
	}
	if !strings.Contains(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("no content security policy")
	}
}

func TestFormAloneAsksNothing(t *testing.T) {
	c := &canned{t: t}
	w := get(t, c, "", nil)
	if w.Code != 200 || len(c.bodies) != 0 || !strings.Contains(w.Body.String(), `href="?fields=title%2Ctext&amp;index=i&amp;q=what`) {
		t.Errorf("status %d, %d searches\n%s", w.Code, len(c.bodies), w.Body)
	}
}

func TestEngineAsksWhoeverLooks(t *testing.T) {
	c := &canned{t: t, status: 401}
	w := get(t, c, "q=x", nil)
	if w.Code != 401 || w.Header().Get("WWW-Authenticate") == "" || !strings.Contains(w.Body.String(), "who are &lt;you&gt;") {
		t.Errorf("status %d, %v\n%s", w.Code, w.Header(), w.Body)
	}
}

func TestModelIsAChoiceWhereThereAreSeveral(t *testing.T) {
	one := get(t, &canned{t: t}, "", nil)
	if strings.Contains(one.Body.String(), "<select") {
		t.Error("a choice of one model")
	}
	c := &canned{t: t, before: engineOrder, after: modelOrder}
	h, err := New(Options{Search: c, Fields: []string{"title", "text"}, Window: 100, Models: []string{"default", "small"}})
	if err != nil {
		t.Fatal(err)
	}
	for query, want := range map[string]struct {
		status int
		model  string // of the model's search
		page   string
	}{
		"q=x":             {200, "", `<option value="">the rule’s</option><option>default</option><option>small</option>`},
		"q=x&model=small": {200, "small", "<option selected>small</option>"},
		"q=x&model=big":   {400, "", "no model is called"},
	} {
		c.models = nil
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/?"+query, nil))
		if w.Code != want.status || !strings.Contains(w.Body.String(), want.page) {
			t.Errorf("%s: status %d\n%s", query, w.Code, w.Body)
		}
		if w.Code == 200 && !slices.Equal(c.models, []string{"", want.model}) {
			t.Errorf("%s: asked for the models %q", query, c.models)
		}
	}
}

func TestWrongNumbersAreNamed(t *testing.T) {
	for query, want := range map[string]string{"q=x&window=0": "window: want 1 to 1000", "q=x&size=51": "size: want 1 to 50", "q=x&size=ten": "size: want"} {
		w := get(t, &canned{t: t}, query, nil)
		if w.Code != 400 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: status %d\n%s", query, w.Code, w.Body)
		}
	}
}
