package proxy

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/reranker"
)

// TestFieldsTheProxyAddedAreNeverShown asks for hits without _source: the proxy has the engine send fields, and takes them out.
func TestFieldsTheProxyAddedAreNeverShown(t *testing.T) {
	all := recorded(t, "opensearch-3.8", "fields")
	for _, c := range []struct {
		name  string
		score func(context.Context, string, []string) (reranker.Result, error)
		want  Status
	}{
		{"reranked", nil, StatusReranked},
		{"fallback", func(context.Context, string, []string) (reranker.Result, error) {
			return reranker.Result{}, reranker.ErrOverloaded
		}, StatusFallback},
	} {
		t.Run(c.name, func(t *testing.T) {
			e := startEngine(t, all)
			r := startProxy(t, e, setup{})
			r.scorer.score = c.score
			a := r.search(t, `,"_source":false`)
			if got := a.header.Get(headerStatus); got != string(c.want) {
				t.Fatalf("status %q, reason %q", got, a.header.Get(headerReason))
			}
			if first := e.requests()[0].body; !bytes.Contains(first, []byte(`"fields"`)) {
				t.Fatalf("the first stage asks for no fields: %s", first)
			}
			hits := a.hits(t)
			if len(hits) != 10 {
				t.Fatalf("%d hits", len(hits))
			}
			for _, h := range hits {
				if h.Fields != nil || h.Source != nil {
					t.Errorf("%s shows fields %s, _source %s", h.ID, h.Fields, h.Source)
				}
			}
		})
	}
}

func TestDetailsOnRequest(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{rule: func(r *Rule) { r.Details = true }})
	a := r.search(t, `,"size":25`)
	a.expect(t, StatusReranked, "")
	direct := answer{body: e.all.body}.hits(t)
	for at, h := range a.hits(t) {
		var fields map[string][]*float64
		if err := json.Unmarshal(h.Fields, &fields); err != nil {
			t.Fatalf("%s: %v", h.Fields, err)
		}
		rank := int(*fields["resift.engine_rank"][0])
		if direct[rank-1].ID != h.ID || *fields["resift.engine_score"][0] != *direct[rank-1].Score {
			t.Errorf("%s: %s", h.ID, h.Fields)
		}
		if model, ok := fields["resift.model_score"]; at < 19 && (!ok || float32(softplus(float64(float32(*model[0])))) != float32(*h.Score)) {
			t.Errorf("%s at %d: %s, _score %v", h.ID, at, h.Fields, *h.Score)
		}
	}
}

func TestFilterPathIsAppliedToTheFinalAnswer(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{})
	whole := r.search(t, "")
	a := r.do(t, "POST", "/notes/_search?filter_path=hits.hits._id,took", "{"+query+"}")
	a.expect(t, StatusReranked, "")
	if uri := e.requests()[1].uri; strings.Contains(uri, "filter_path") {
		t.Errorf("the first stage is filtered: %s", uri)
	}
	got := a.hits(t)
	if want := ids(whole.hits(t)); strings.Join(ids(got), " ") != strings.Join(want, " ") {
		t.Errorf("%v, want %v", ids(got), want)
	}
	if got[0].Score != nil || got[0].Source != nil || bytes.Contains(a.body, []byte("_shards")) {
		t.Errorf("%s", cut(a.body))
	}
}

// TestFilterPathDropsWhatTheEngineWouldDrop excludes something below a list that is empty: OpenSearch leaves the list out.
func TestFilterPathDropsWhatTheEngineWouldDrop(t *testing.T) {
	for engine, want := range map[string]string{"opensearch-3.8": `"max_score":null}}`, "elasticsearch-9.5": `"max_score":null,"hits":[]}}`} {
		r := startProxy(t, startEngine(t, recorded(t, engine, "none")), setup{})
		a := r.do(t, "POST", "/notes/_search?filter_path=-hits.hits._source", "{"+query+"}")
		a.expect(t, StatusReranked, "")
		if !strings.HasSuffix(string(a.body), want) {
			t.Errorf("%s: %s, want %s", engine, a.body, want)
		}
	}
}

// TestLongTextsAreScoredByTheirBestWindow has a model that only likes one word.
func TestLongTextsAreScoredByTheirBestWindow(t *testing.T) {
	long := strings.Repeat("filler ", 500)
	body := `{"took":1,"hits":{"total":{"value":3,"relation":"eq"},"max_score":3.0,"hits":[` +
		`{"_id":"first","_score":3.0,"_source":{"text":"` + long + `"}},` +
		`{"_id":"late","_score":2.0,"_source":{"text":"` + long + ` gem ` + long + `"}},` +
		`{"_id":"last","_score":1.0,"_source":{"text":"` + strings.Repeat(long, 10) + ` gem"}}]}}`
	e := startEngine(t, recording{200, http.Header{"Content-Type": {"application/json"}}, []byte(body)})
	r := startProxy(t, e, setup{
		rule:    func(r *Rule) { r.LongText.Mode = LongTextMax },
		options: func(o *Options) { o.Limits.WindowsPerHit = 30 },
	})
	var longest int
	r.scorer.score = func(_ context.Context, _ string, p []string) (reranker.Result, error) {
		res := reranker.Result{Scores: make([]float32, len(p))}
		for i, text := range p {
			longest = max(longest, len(strings.Fields(text)))
			if strings.Contains(text, "gem") {
				res.Scores[i] = 5
			}
		}
		return res, nil
	}
	a := r.search(t, "")
	a.expect(t, StatusReranked, "")
	if got := strings.Join(ids(a.hits(t)), " "); got != "late first last" { // the last gem is past the thirtieth window
		t.Errorf("order %s", got)
	}
	if longest != 60 {
		t.Errorf("the longest passage has %d tokens", longest)
	}
	if n := r.scorer.pairs.Load(); n > 10+20+30 {
		t.Errorf("%d pairs", n)
	}
	r.search(t, "").expect(t, StatusReranked, "")
	if n := r.scorer.calls.Load(); n != 1 {
		t.Errorf("the windows were scored again: %d calls", n)
	}
}

// TestFragmentsOfTheEngineAreThePassages reads what the engine marked as best, and the beginning of a hit without any.
func TestFragmentsOfTheEngineAreThePassages(t *testing.T) {
	body := `{"took":1,"hits":{"total":{"value":2,"relation":"eq"},"max_score":3.0,"hits":[` +
		`{"_id":"a","_score":3.0,"_source":{"text":"all of a"},"highlight":{"text":["best of a","next of a"]}},` +
		`{"_id":"b","_score":2.0,"_source":{"text":"all of b"}}]}}`
	e := startEngine(t, recording{200, http.Header{"Content-Type": {"application/json"}}, []byte(body)})
	r := startProxy(t, e, setup{rule: func(r *Rule) { r.LongText.Mode = LongTextHighlight }})
	var passages []string
	r.scorer.score = func(_ context.Context, q string, p []string) (reranker.Result, error) {
		passages = append(passages, p...)
		return opinions(q, p), nil
	}
	a := r.search(t, "")
	a.expect(t, StatusReranked, "")
	if got := strings.Join(passages, "|"); got != "best of a\nnext of a|all of b" {
		t.Errorf("passages %q", got)
	}
	if bytes.Contains(a.body, []byte("highlight")) {
		t.Errorf("the added highlight is shown: %s", a.body)
	}
}

// TestLateWindowsEndInTheEnginesOrder has the tokenizer use up the time.
func TestLateWindowsEndInTheEnginesOrder(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r := startProxy(t, e, setup{rule: func(r *Rule) {
		r.Timeout = time.Nanosecond
		r.LongText = LongText{Mode: LongTextMax, MaxTokens: 5, Overlap: 1}
	}})
	a := r.search(t, somePage)
	a.expect(t, StatusFallback, ReasonDeadline)
	if n := r.scorer.calls.Load(); n != 0 {
		t.Errorf("%d calls of the model", n)
	}
}

func TestClip(t *testing.T) {
	for n, want := range map[int]string{0: "", 1: "a", 2: "a", 3: "a", 4: "a漢", 5: "a漢b", 9: "a漢b"} {
		if got := clip("a漢b", n); got != want {
			t.Errorf("%d bytes: %q, want %q", n, got, want)
		}
	}
}
