package e2e

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/demo/corpus"
)

// modelDirectory is the model of these tests, or the end of the test where there is none.
func modelDirectory(t *testing.T) string {
	t.Helper()
	dir := os.Getenv("RESIFT_TEST_MODEL")
	if dir == "" {
		cache := os.Getenv("RESIFT_CACHE")
		if cache == "" {
			base, err := os.UserCacheDir()
			if err != nil {
				t.Skip("no model: ", err)
			}
			cache = filepath.Join(base, "resift")
		}
		dir = filepath.Join(cache, "models", "ms-marco-MiniLM-L-12-v2")
	}
	if _, err := os.Stat(filepath.Join(dir, "resift.json")); err != nil {
		t.Skip("no model; make model gets it: ", err)
	}
	return dir
}

// withModel is a resift with a real model. Its time is as good as unlimited: machines that test are busy. Pairs are cut to
// 128 tokens for the same reason.
func withModel(t *testing.T, e *engine) settings {
	return settings{
		engine: e.url, reranker: fmt.Sprintf("{model: %q, device: cpu, max_tokens: 128}", modelDirectory(t)),
		indices: `[{match: e2e-docs, fields: [title, text], window: 20, timeout: 60s}, {match: "*", fields: [title, text], window: 30, timeout: 60s}]`,
	}
}

// question is one of the demo's, with what was judged.
type question struct {
	id, text string
	grades   map[string]int
}

// questions are the first n of the demo's corpus.
func questions(n int) []question {
	var list []question
	for line := range strings.Lines(corpus.Queries()) {
		id, text, _ := strings.Cut(strings.TrimSpace(line), "\t")
		list = append(list, question{id, text, map[string]int{}})
	}
	for line := range strings.Lines(corpus.Qrels()) {
		f := strings.Fields(line)
		for _, q := range list {
			if q.id == f[0] {
				q.grades[f[2]], _ = strconv.Atoi(f[3]) // a test of the corpus reads them all
			}
		}
	}
	return list[:n]
}

func (q question) search(size int) string {
	return fmt.Sprintf(`{"query":{"multi_match":{"query":%s,"fields":["title","text"]}},"size":%d}`, quote(q.text), size)
}

// gain is nDCG@10 without its ideal: enough to compare two orders of one question.
func (q question) gain(hits []hit) float64 {
	sum := 0.0
	for i, h := range hits[:min(10, len(hits))] {
		sum += (math.Pow(2, float64(q.grades[h.ID])) - 1) / math.Log2(float64(i+2))
	}
	return sum
}

// TestRealModel asks questions of the demo: what a real model does to a real engine's answers.
func TestRealModel(t *testing.T) {
	modelDirectory(t)
	for _, e := range []*engine{shared.opensearch, shared.elasticsearch} { // one after the other: the model takes all cores
		t.Run(e.name, func(t *testing.T) {
			tmp := t.TempDir()
			p := start(t, withModel(t, e), "TMPDIR="+tmp)
			n := 6
			if e != shared.opensearch { // the same documents, the same model
				n = 3
			}
			t.Run("better order", func(t *testing.T) { holdBetterOrder(t, e, p, questions(7)[1:n+1]) })
			t.Run("cache", func(t *testing.T) { holdCache(t, p) })
			t.Run("ways to ask", func(t *testing.T) { holdWays(t, p) })
			t.Run("off", func(t *testing.T) { holdOff(t, e, p) })
			t.Run("deadline", func(t *testing.T) { holdDeadline(t, e, p) })
			t.Run("details", func(t *testing.T) { holdDetails(t, e, p) })
			t.Run("odd texts", func(t *testing.T) { holdOddTexts(t, e, p) })
			// ONNX Runtime's session file for reports to its maker would be here.
			if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
				t.Errorf("in the temporary folder: %v %v", left, err)
			}
		})
	}
}

func holdBetterOrder(t *testing.T, e *engine, p *process, list []question) {
	var before, after float64
	rose := 0
	for _, q := range list {
		r := post("/"+docs+"/_search", q.search(20))
		direct, proxied := ask(t, e.address, r), p.ask(r)
		if got := proxied.resiftStatus(); got != "reranked" {
			t.Fatalf("%s: %s", q.id, proxied)
		}
		_, was := readFound(t, direct)
		f, is := readFound(t, proxied)
		holdMultiset(t, was, is)
		for i := range is {
			if *is[i].Score <= 0 || i > 0 && *is[i].Score > *is[i-1].Score {
				t.Errorf("%s: hit %d has _score %v", q.id, i, *is[i].Score)
			}
		}
		if *f.Hits.MaxScore != *is[0].Score {
			t.Errorf("%s: max_score %v, first %v", q.id, *f.Hits.MaxScore, *is[0].Score)
		}
		b, a := q.gain(was), q.gain(is)
		t.Logf("%s %q: gain %.2f, then %.2f; first %s, then %s", q.id, q.text, b, a, was[0].ID, is[0].ID)
		before, after = before+b, after+a
		if a > b {
			rose++
		}
	}
	if after <= before*1.1 || rose < 2 {
		t.Errorf("gain of all questions is %.2f, with the model %.2f; it rose for %d", before, after, rose)
	}
}

func holdMultiset(t *testing.T, was, is []hit) {
	t.Helper()
	raw := func(hits []hit) []string {
		list := make([]string, len(hits))
		for i, h := range hits {
			list[i] = h.raw
		}
		slices.Sort(list)
		return list
	}
	if w, i := raw(was), raw(is); !slices.Equal(w, i) {
		t.Errorf("the hits are not the engine's: %s", firstDifference([]byte(strings.Join(w, "\n")), []byte(strings.Join(i, "\n"))))
	}
}

// holdCache sends the same search twice: the same answer, and nothing for the model to do.
func holdCache(t *testing.T, p *process) {
	r := post("/"+docs+"/_search", questions(10)[9].search(10))
	before := max(0, metric(t, p, "resift_pairs_scored_total"))
	first := p.ask(r)
	eventually(t, "20 pairs are counted", 10*time.Second, func() bool { return metric(t, p, "resift_pairs_scored_total") == before+20 })
	pairs, hits, asked := before+20, metric(t, p, "resift_cache_hits_total"), metric(t, p, "resift_requests_total")
	second := p.ask(r)
	eventually(t, "the second search is counted", 10*time.Second, func() bool { return metric(t, p, "resift_requests_total") == asked+1 })
	if d := differences(first, second); d != nil {
		t.Error(indent(d))
	}
	if now := metric(t, p, "resift_pairs_scored_total"); now != pairs {
		t.Errorf("%v pairs were scored again", now-pairs)
	}
	if now := metric(t, p, "resift_cache_hits_total"); now != hits+20 {
		t.Errorf("%v pairs came from the cache, want 20", now-hits)
	}
	if !strings.Contains(first.header.Get("Server-Timing"), "score;dur=") || strings.Contains(second.header.Get("Server-Timing"), "score;dur=") {
		t.Errorf("Server-Timing %q, then %q", first.header.Get("Server-Timing"), second.header.Get("Server-Timing"))
	}
}

// holdWays asks for the same in every way that resift understands, on either engine.
func holdWays(t *testing.T, p *process) {
	q := questions(1)[0]
	text, path := quote(q.text), "/"+docs+"/_search"
	lucene := fmt.Sprintf(`"query":{"multi_match":{"query":%s,"fields":["title","text"]}}`, text)
	_, plain := readFound(t, p.ask(post(path, "{"+lucene+`,"size":12}`)))
	match := fmt.Sprintf(`{"multi_match":{"query":%s,"fields":["title","text"]}}`, text)
	for name, r := range map[string]request{
		"ext.resift":       post(path, "{"+lucene+`,"size":12,"ext":{"resift":{"query_text":`+text+`,"window":20,"fields":["title","text"],"timeout":"50s","mode":"rerank"}}}`),
		"ext.rerank":       post(path, "{"+lucene+`,"size":12,"ext":{"rerank":{"query_context":{"query_text":`+text+`}}}}`),
		"ext.rerank, path": post(path, "{"+lucene+`,"size":12,"ext":{"rerank":{"query_context":{"query_text_path":"query.multi_match.query"}}}}`),
		"headers":          post(path, "{"+lucene+`,"size":12}`).with("X-Resift-Query: "+q.text, "X-Resift-Window: 20", "X-Resift-Mode: rerank", "X-Resift-Arm: treatment"),
		"filter as query":  post(path, `{"query":{"constant_score":{"filter":{"match_all":{}}}},"size":12}`).with("X-Resift-Query: " + q.text),
	} {
		t.Run(name, func(t *testing.T) {
			a := p.ask(r)
			if got := a.resiftStatus(); got != "reranked" {
				t.Fatalf("%s", a)
			}
			_, hits := readFound(t, a)
			if name != "filter as query" && !slices.Equal(ids(hits), ids(plain)) {
				t.Errorf("order %v, want %v", ids(hits), ids(plain))
			}
		})
	}
	t.Run("text_similarity_reranker", func(t *testing.T) {
		body := fmt.Sprintf(`{"retriever":{"text_similarity_reranker":{"retriever":{"standard":{"query":%s}},"field":"text","inference_text":%s,"inference_id":"any","rank_window_size":20}},"size":12}`, match, text)
		a := p.ask(post(path, body))
		if got := a.resiftStatus(); got != "reranked" {
			t.Fatalf("%s", a)
		}
		_, hits := readFound(t, a)
		same := p.ask(post(path, "{"+lucene+`,"size":12,"ext":{"resift":{"fields":["text"],"window":20}}}`))
		if _, want := readFound(t, same); !slices.Equal(ids(hits), ids(want)) {
			t.Errorf("order %v, want %v", ids(hits), ids(want))
		}
	})
}

// holdOff takes re-ranking out: the engine's own answer.
func holdOff(t *testing.T, e *engine, p *process) {
	plain := post("/"+docs+"/_search", questions(1)[0].search(10))
	for want, r := range map[string]request{
		"bypassed mode_off":    plain.with("X-Resift-Mode: off"),
		"bypassed control_arm": plain.with("X-Resift-Arm: control"),
	} {
		a := p.ask(r)
		if got := a.resiftStatus(); got != want {
			t.Errorf("status %q, want %q", got, want)
		}
		if d := differences(ask(t, e.address, plain), a); d != nil {
			t.Error(indent(d))
		}
		if arm := a.header.Get("X-Resift-Arm"); strings.HasSuffix(want, "control_arm") != (arm == "control") {
			t.Errorf("%s: arm %q", want, arm)
		}
	}
	off := p.ask(post("/"+docs+"/_search", strings.TrimSuffix(string(plain.body), "}")+`,"ext":{"resift":{"mode":"off"}}}`))
	if d := differences(ask(t, e.address, plain), off); d != nil || off.resiftStatus() != "bypassed mode_off" {
		t.Errorf("%q %s", off.resiftStatus(), indent(d))
	}
}

// holdDeadline gives the model next to no time.
func holdDeadline(t *testing.T, e *engine, p *process) {
	const query = `"query":{"match":{"text":"system program language"}},"size":100`
	direct := ask(t, e.address, post("/"+docs+"/_search", "{"+query+"}"))
	_, was := readFound(t, direct)
	for _, timeout := range []string{"1nanos", "1ms", "20ms"} {
		a := p.ask(post("/"+docs+"/_search", "{"+query+`,"ext":{"resift":{"window":100,"timeout":"`+timeout+`"}}}`))
		switch got := a.resiftStatus(); got {
		case "fallback deadline":
			if d := differences(direct, a); d != nil {
				t.Errorf("%s: %s", timeout, indent(d))
			}
		case "partial deadline":
			_, is := readFound(t, a)
			holdMultiset(t, was, is)
			for i := 1; i < len(is); i++ {
				if *is[i].Score > *is[i-1].Score {
					t.Errorf("%s: hit %d has _score %v after %v", timeout, i, *is[i].Score, *is[i-1].Score)
				}
			}
		default:
			t.Errorf("%s: status %q", timeout, got)
		}
	}
}

// holdDetails asks what stood before, and why.
func holdDetails(t *testing.T, e *engine, p *process) {
	search := questions(1)[0].search(20)
	_, was := readFound(t, ask(t, e.address, post("/"+docs+"/_search", search)))
	rank := map[string]int{}
	for i, h := range was {
		rank[h.ID] = i + 1
	}
	body := strings.TrimSuffix(search, "}") + `,"explain":true,"fields":["key"],"ext":{"resift":{"details":true,"passage":true}}}`
	_, is := readFound(t, p.ask(post("/"+docs+"/_search", body)))
	last, cuts := math.Inf(1), 0
	for i, h := range is {
		one := func(name string) float64 {
			if len(h.Fields[name]) != 1 {
				t.Fatalf("hit %d: %s is %s", i, name, h.Fields[name])
			}
			v, err := strconv.ParseFloat(string(h.Fields[name][0]), 64)
			if err != nil {
				t.Fatal(err)
			}
			return v
		}
		if got := int(one("resift.engine_rank")); got != rank[h.ID] {
			t.Errorf("%s: engine_rank %d, was %d", h.ID, got, rank[h.ID])
		}
		if got := one("resift.engine_score"); got != *was[rank[h.ID]-1].Score {
			t.Errorf("%s: engine_score %v, was %v", h.ID, got, *was[rank[h.ID]-1].Score)
		}
		score := one("resift.model_score")
		if score > last {
			t.Errorf("%s: model_score %v after %v", h.ID, score, last)
		}
		last = score
		var passage string
		var cut bool
		whole := h.text(t)
		if err := errors.Join(json.Unmarshal(h.Fields["resift.passage"][0], &passage), json.Unmarshal(h.Fields["resift.passage_cut"][0], &cut)); err != nil ||
			!strings.HasPrefix(whole, passage) || cut != (passage != whole) || one("resift.passage_windows") != 1 {
			t.Errorf("%s: of %q the model read %q, cut %v (%v)", h.ID, whole, passage, cut, err)
		}
		if cut {
			cuts++
		}
		if got := string(h.Fields["key"][0]); got != quote(h.ID) {
			t.Errorf("%s: the client's own field is %s", h.ID, got)
		}
		var explained struct {
			Value   float64
			Details []json.RawMessage
		}
		if err := json.Unmarshal(h.Explanation, &explained); err != nil || explained.Value != *h.Score || len(explained.Details) != 1 {
			t.Errorf("%s: _score %v is explained by %.300s (%v)", h.ID, *h.Score, h.Explanation, err)
		}
	}
	if cuts == 0 || cuts == len(is) {
		t.Errorf("%d of %d texts were cut: some are longer than the model reads, some are not", cuts, len(is))
	}
}

// holdOddTexts has the model read what few would write, and a query longer than it can.
func holdOddTexts(t *testing.T, e *engine, p *process) {
	search := `{"query":{"match":{"title":"odd"}},"size":30}`
	direct := ask(t, e.address, post("/"+odd+"/_search", search))
	_, was := readFound(t, direct)
	for name, text := range map[string]string{
		"plain": "odd words", "long": strings.Repeat("memory that forgets ", 10_000), "one word": strings.Repeat("x", 30_000),
		"control": "a\u0000b\u0001\u007f", "emoji": "👩‍👩‍👧‍👦🏳️‍🌈", "other scripts": "日本語 العربية हिन्दी", "marks": "[SEP] [CLS] [PAD] [MASK]",
	} {
		a := p.ask(post("/"+odd+"/_search", strings.TrimSuffix(search, "}")+`,"ext":{"resift":{"query_text":`+quote(text)+`}}}`))
		if got := a.resiftStatus(); got != "reranked" {
			t.Errorf("%s: %s", name, a)
			continue
		}
		_, is := readFound(t, a)
		holdMultiset(t, was, is)
	}
}
