package e2e

import (
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/resift/resift/demo/corpus"
	"github.com/resift/resift/test/rig"
	"github.com/resift/resift/ubi"
)

// twoModels are the rules of these tests: plain, with long texts in windows, and an experiment whose arms differ in the model.
const twoModels = `[{match: e2e-docs, fields: [title, text], window: 12, timeout: 60s, details: true},
  {match: e2e-odd, fields: [title, text], window: 12, timeout: 60s, details: true, long_text: {mode: max, max_tokens: 32, overlap: 8}},
  {match: e2e-shards, fields: [title, text], window: 12, timeout: 60s, details: true, experiment: {name: models, unit: {header: X-User}, arms: [
    {name: control, kind: control}, {name: large, kind: treatment, model: LARGE}, {name: small, kind: treatment, model: SMALL},
    {name: windows, kind: treatment, model: SMALL, long_text: max}, {name: mixed, kind: interleave, model: SMALL}, {name: dark, kind: shadow, model: SMALL}]}}]`

// startTwo starts a resift whose reranker is one model, and that calls the other by a name.
func startTwo(t *testing.T, e *engine, first, name, second, large, small, records string) *process {
	return start(t, settings{
		engine: e.url, reranker: first, indices: strings.NewReplacer("LARGE", large, "SMALL", small).Replace(twoModels),
		rest: fmt.Sprintf("models: {%s: %s}\nrecords: {dir: %q, clients: keep}\nrerank_api: {listen: \"127.0.0.1:0\", texts: 100}", name, second, records),
	})
}

// logits are the model's scores of an answer's hits; hits that no model read have none.
func logits(t *testing.T, a answer) map[string]float64 {
	t.Helper()
	if got := a.resiftStatus(); got != "reranked" {
		t.Fatalf("%s", a)
	}
	_, hits := readFound(t, a)
	scores := map[string]float64{}
	for _, h := range hits {
		if v := h.Fields["resift.model_score"]; len(v) == 1 {
			score, err := strconv.ParseFloat(string(v[0]), 64)
			if err != nil {
				t.Fatal(err)
			}
			scores[h.ID] = score
		}
	}
	return scores
}

// apart is how far two models' scores of the same hits lie apart, at most; infinite for other hits.
func apart(a, b map[string]float64) float64 {
	if len(a) != len(b) || len(a) == 0 {
		return math.Inf(1)
	}
	most := 0.0
	for id, x := range a {
		y, ok := b[id]
		if !ok {
			return math.Inf(1)
		}
		most = max(most, math.Abs(x-y))
	}
	return most
}

// rounding is what other neighbours in a batch may change of a score.
const rounding = 1e-3

// TestTwoModels holds a resift with two models to another one in which they have changed places: a search scored by a model is
// the same search, whether it is the default one or has a name.
func TestTwoModels(t *testing.T) {
	large := fmt.Sprintf("{model: %q, device: cpu, max_tokens: 96, queue_pairs: 500}", modelDirectory(t))
	tiny, err := filepath.Abs("../../reranker/testdata/tiny")
	if err != nil {
		t.Fatal(err)
	}
	small := fmt.Sprintf("{model: %q, device: cpu, queue_pairs: 200}", tiny)
	for _, e := range []*engine{shared.opensearch, shared.elasticsearch} { // one after the other: the models take all cores
		t.Run(e.name, func(t *testing.T) {
			dir := t.TempDir()
			p := startTwo(t, e, large, "small", small, "default", "small", dir)
			q := startTwo(t, e, small, "large", large, "large", "default", t.TempDir())
			searches := map[string]request{
				"plain": post("/"+docs+"/_search", questions(1)[0].search(12)),
				"page":  post("/"+docs+"/_search", strings.TrimSuffix(questions(2)[1].search(5), "}")+`,"from":4}`),
				"long":  post("/"+odd+"/_search", oddWords),
			}
			names := map[string]string{}
			for name, r := range searches {
				byLarge, bySmall := p.ask(r), p.ask(r.with("X-Resift-Model: small"))
				names["large"], names["small"] = byLarge.header.Get("X-Resift-Model"), bySmall.header.Get("X-Resift-Model")
				swapped := map[string]answer{"large": q.ask(r.with("X-Resift-Model: large")), "small": q.ask(r)}
				for model, a := range map[string]answer{"large": byLarge, "small": bySmall} {
					if got := swapped[model].header.Get("X-Resift-Model"); got != names[model] {
						t.Errorf("%s: %s is called %q and %q", name, model, names[model], got)
					}
					if d := apart(logits(t, a), logits(t, swapped[model])); d > rounding && name != "page" { // a page's hits may lie either side of its end
						t.Errorf("%s, %s: scores differ by %v", name, model, d)
					}
				}
				if d := apart(logits(t, byLarge), logits(t, bySmall)); d < 0.1 {
					t.Errorf("%s: the models' scores differ by no more than %v", name, d)
				}
				inBody := post(r.target, strings.TrimSuffix(string(r.body), "}")+`,"ext":{"resift":{"model":"small"}}}`)
				if d := differences(bySmall, p.ask(inBody)); d != nil {
					t.Errorf("%s, by ext.resift.model:%s", name, indent(d))
				}
			}
			if names["small"] == names["large"] || !strings.Contains(names["small"], "@") {
				t.Errorf("the models are called %v", names)
			}
			t.Run("multi-search", func(t *testing.T) { holdTwoInOne(t, p, names) })
			if e == shared.opensearch { // the other is booted without its module for templates
				t.Run("template", func(t *testing.T) { holdTemplateOfModel(t, p, names) })
			}
			t.Run("refused", func(t *testing.T) { holdUnknownModel(t, p) })
			t.Run("rerank API", func(t *testing.T) { holdModelOfCalls(t, p, names) })
			t.Run("compare page", func(t *testing.T) {
				for model, want := range map[string]string{"": names["large"], "small": names["small"]} {
					status, page := fetch(t, p.Admin+"/?q=system+language&index="+docs+"&window=12&model="+model)
					if status != 200 || !strings.Contains(page, want+", window 12") || !strings.Contains(page, ">small</option>") {
						t.Errorf("model %q: %d, want %s in\n%s", model, status, want, page)
					}
				}
			})
			t.Run("metrics", func(t *testing.T) {
				for _, name := range []string{"resift_pairs_scored_total", "resift_batch_pairs_count"} {
					if l, s := metric(t, p, name, `model="default"`), metric(t, p, name, `model="small"`); l == 0 || s == 0 {
						t.Errorf("%s: %v and %v", name, l, s)
					}
				}
			})
			t.Run("arms", func(t *testing.T) { holdArmsOfTwoModels(t, e, p, names, dir) })
		})
	}
}

// holdTwoInOne has both models score searches of one multi-search.
func holdTwoInOne(t *testing.T, p *process, names map[string]string) {
	const other = `{"query":{"match":{"text":"system language"}},"size":12}`
	small := strings.TrimSuffix(other, "}") + `,"ext":{"resift":{"model":"small"}}}`
	oddSmall := strings.TrimSuffix(oddWords, "}") + `,"ext":{"resift":{"model":"small"}}}`
	a := p.ask(multi("/_msearch", onDocs, other, onDocs, small, onOdd, oddSmall, onDocs, sortedByKey))
	if got := a.header.Get("X-Resift-Model"); got != names["large"]+", "+names["small"] {
		t.Errorf("scored by %q", got)
	}
	if got := a.header.Get("X-Resift-Searches"); got != "reranked;n=3, bypassed;reason=sort" {
		t.Errorf("searches %q", got)
	}
	parts := a.responses(t)
	for i, alone := range []request{post("/"+docs+"/_search", other), post("/"+docs+"/_search", small), post("/"+odd+"/_search", oddSmall)} {
		_, want := readFound(t, p.ask(alone)) // from the cache, but for the first that is asked
		if _, got := readFound(t, parts[i]); !slices.Equal(ids(got), ids(want)) {
			t.Errorf("search %d: %v, alone %v", i, ids(got), ids(want))
		}
	}
	all := p.ask(multi("/_msearch", onDocs, other, onOdd, oddWords).with("X-Resift-Model: small"))
	if got := all.header.Get("X-Resift-Model"); got != names["small"] {
		t.Errorf("by a header for all: %q, %s", got, all)
	}
}

// holdTemplateOfModel chooses by the header of a search by template, and inside the template.
func holdTemplateOfModel(t *testing.T, p *process, names map[string]string) {
	const path = "/" + docs + "/_search/template"
	template := func(more string) string {
		return `{"source":{"query":{"match":{"text":"{{q}}"}},"size":12` + more + `},"params":{"q":"system language"}}`
	}
	_, plain := readFound(t, p.ask(post("/"+docs+"/_search", `{"query":{"match":{"text":"system language"}},"size":12,"ext":{"resift":{"model":"small"}}}`)))
	for name, r := range map[string]request{
		"header": post(path, template("")).with("X-Resift-Model: small"), "ext": post(path, template(`,"ext":{"resift":{"model":"small"}}`)),
	} {
		a := p.ask(r)
		if _, hits := readFound(t, a); a.header.Get("X-Resift-Model") != names["small"] || !slices.Equal(ids(hits), ids(plain)) {
			t.Errorf("%s: %v, want %v: %s", name, ids(hits), ids(plain), a)
		}
	}
	several := p.ask(multi("/_msearch/template", onDocs, template(""), onDocs, template(`,"ext":{"resift":{"model":"small"}}`)))
	if got := several.header.Get("X-Resift-Model"); got != names["large"]+", "+names["small"] {
		t.Errorf("several: scored by %q: %s", got, several)
	}
}

func holdUnknownModel(t *testing.T, p *process) {
	search := `{"query":{"match":{"text":"memory"}}}`
	for name, r := range map[string]request{
		"header": post("/"+docs+"/_search", search, "X-Resift-Model: huge"),
		"ext":    post("/"+docs+"/_search", strings.TrimSuffix(search, "}")+`,"ext":{"resift":{"model":"huge"}}}`),
		"multi":  multi("/_msearch", onDocs, search).with("X-Resift-Model: huge"),
	} {
		a := p.ask(r)
		var e struct {
			Error struct {
				Type, Reason string
				RootCause    []struct{ Type, Reason string } `json:"root_cause"`
			}
			Status int
		}
		if err := json.Unmarshal(a.body, &e); err != nil || a.status != 400 || e.Status != 400 || e.Error.Type != "illegal_argument_exception" ||
			len(e.Error.RootCause) != 1 || !strings.Contains(e.Error.Reason, "must be one of [default, small]") {
			t.Errorf("%s: %v %s", name, err, a)
		}
	}
}

// holdModelOfCalls has the rerank API choose by name.
func holdModelOfCalls(t *testing.T, p *process, names map[string]string) {
	for model, want := range map[string]string{"small": names["small"], "default": names["large"], "rerank-v3.5": names["large"]} {
		body := fmt.Sprintf(`{"model":%q,"query":"free memory","documents":["garbage collection","a cat"]}`, model)
		res, err := httpClient.Post(p.Rerank+"/v2/rerank", "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		var a struct{ Model string }
		err = json.NewDecoder(res.Body).Decode(&a)
		res.Body.Close()
		if err != nil || res.StatusCode != 200 || a.Model != want {
			t.Errorf("%s: %d, %v, answered by %q, want %q", model, res.StatusCode, err, a.Model, want)
		}
	}
}

// holdArmsOfTwoModels sends users' searches until every arm had some, stops resift, and looks at order, header and record.
func holdArmsOfTwoModels(t *testing.T, e *engine, p *process, names map[string]string, dir string) {
	const index = "/" + shards + "/_search"
	search := `{"query":{"match":{"text":"system language"}},"size":12}`
	_, direct := readFound(t, ask(t, e.address, post(index, search)))
	orders := map[string][]string{"control": ids(direct), "dark": ids(direct)}
	for arm, model := range map[string]string{"large": "default", "small": "small"} {
		_, hits := readFound(t, p.ask(post(index, search, "X-Resift-Arm: treatment", "X-Resift-Model: "+model)))
		orders[arm] = ids(hits)
	}
	scoredBy := map[string]string{"control": "", "large": names["large"], "small": names["small"], "windows": names["small"], "mixed": names["small"], "dark": ""}
	seen, byArm := map[string]string{}, map[string]int{} // query id → arm
	for user := 0; len(byArm) < len(scoredBy) && user < 300; user++ {
		a := p.ask(post(index, search, fmt.Sprintf("X-User: user-%d", user)))
		arm := a.header.Get("X-Resift-Arm")
		seen[a.header.Get("X-Resift-Query-Id")] = arm
		byArm[arm]++
		if got := a.header.Get("X-Resift-Model"); got != scoredBy[arm] {
			t.Errorf("%s: scored by %q, want %q: %s", arm, got, scoredBy[arm], a)
		}
		_, hits := readFound(t, a)
		holdMultiset(t, withoutDetails(direct), withoutDetails(hits))
		if want, ok := orders[arm]; ok && !slices.Equal(ids(hits), want) {
			t.Errorf("%s: %v, want %v", arm, ids(hits), want)
		}
		if arm == "mixed" && ids(hits)[0] != orders["control"][0] && ids(hits)[0] != orders["small"][0] {
			t.Errorf("the first of an interleaved search is %s", ids(hits)[0])
		}
	}
	if len(byArm) != len(scoredBy) {
		t.Fatalf("arms of 300 users: %v", byArm)
	}
	p.Signal(syscall.SIGTERM)
	p.Wait(stopLimit)
	scoredBy["dark"] = names["small"] // after the answer
	forced := 0
	err := ubi.ReadDir(dir, ubi.Queries, func(line []byte) error {
		var q ubi.Query
		if err := json.Unmarshal(line, &q); err != nil {
			return err
		}
		arm, ours := seen[q.QueryID]
		if q.Attributes.Forced {
			forced++
		}
		if !ours {
			return nil
		}
		delete(seen, q.QueryID)
		if q.Attributes.Arm != arm || q.Attributes.Model != scoredBy[arm] || q.Attributes.Forced || (arm == "dark") != (q.Attributes.Shadow != nil) {
			t.Errorf("%s: %s", arm, line)
		}
		return nil
	})
	if err != nil || len(seen) > 0 || forced != 2 {
		t.Errorf("%v; not recorded %v; %d forced", err, seen, forced)
	}
	o := command(t, nil, "ab", "report", "--records", dir)
	for _, arm := range []string{"large", "small", "windows", "mixed", "dark"} {
		if want := arm + ": scored by " + scoredBy[arm] + "\n"; o.code != 0 || !strings.Contains(o.stdout, want) {
			t.Errorf("code %d, want %q in\n%s%s", o.code, want, o.stdout, o.stderr)
		}
	}
}

// withoutDetails are hits as the engine has them.
func withoutDetails(hits []hit) []hit {
	plain := slices.Clone(hits)
	for i, h := range plain {
		if at := strings.Index(h.raw, `,"fields":{"resift.`); at >= 0 {
			plain[i].raw = h.raw[:at] + h.raw[at+strings.Index(h.raw[at:], "}")+1:]
		}
	}
	return plain
}

// TestModelsFailAlone gives a second model a queue that is too small, and then takes its server away: the first goes on.
func TestModelsFailAlone(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		first, second := rig.NewScorer(t, rig.ReverseOrder), rig.NewScorer(t, rig.KeepOrder)
		second.Model = "test/other" // of one name they would be one model, and what one scores would be known to the other
		c := withScorer(e, first)
		c.rest += fmt.Sprintf("\nmodels: {other: {backend: tei, url: %q, queue_pairs: 8}}", second.URL)
		p := start(t, c)
		search := func(size int) string { return fmt.Sprintf(`{"query":{"match":{"text":"memory"}},"size":%d}`, size) }
		by := func(window int) string {
			return strings.TrimSuffix(search(5), "}") + fmt.Sprintf(`,"ext":{"resift":{"model":"other","window":%d}}}`, window)
		}
		outcomes := func() string {
			return p.ask(multi("/_msearch", onDocs, by(20), onDocs, search(5), onDocs, by(6))).header.Get("X-Resift-Searches")
		}
		if got, want := outcomes(), "fallback;reason=overloaded, reranked;n=2"; got != want {
			t.Errorf("a queue of 8 pairs: %q, want %q", got, want)
		}
		second.CloseClientConnections()
		second.Listener.Close()
		if got, want := outcomes(), "fallback;reason=overloaded, reranked, fallback;reason=model"; got != want {
			t.Errorf("without the second server: %q, want %q", got, want)
		}
		status, body := fetch(t, p.Admin+"/healthz")
		for _, want := range []string{`"status":"degraded"`, `"default":{"model":"ok"`, `"other":{"model":"failing"`} {
			if status != 200 || !strings.Contains(body, want) {
				t.Errorf("health lacks %s: %d %s", want, status, body)
			}
		}
		plain := post("/"+docs+"/_search", search(5))
		if d := differences(ask(t, e.address, plain), p.ask(plain.with("X-Resift-Model: other"))); d != nil {
			t.Error(indent(d))
		}
	})
}

// TestEvalOfSeveralModels compares, in one table, a model that keeps the engine's order with one that turns it around.
func TestEvalOfSeveralModels(t *testing.T) {
	keeping, reversing := rig.NewScorer(t, rig.KeepOrder), rig.NewScorer(t, rig.ReverseOrder)
	reversing.Model = "test/reverse"
	c := withScorer(shared.opensearch, keeping)
	c.rest += fmt.Sprintf("\nmodels: {reversing: {backend: tei, url: %q}}", reversing.URL)
	p := start(t, c)
	dir := t.TempDir()
	queries, qrels, page := filepath.Join(dir, "queries.tsv"), filepath.Join(dir, "qrels.txt"), filepath.Join(dir, "report.html")
	writeFile(t, queries, corpus.Queries())
	writeFile(t, qrels, corpus.Qrels())
	args := []string{"eval", "--url", "http://" + p.address, "--index", docs, "--queries", queries, "--qrels", qrels, "--size", "20", "--window", "20"}
	o := command(t, nil, append(args, "--model", "default", "--model", "reversing", "--json", "--html", page)...)
	var report struct {
		Arms []struct {
			Name, Model string
			ScoredBy    []string `json:"scored_by"`
			Mean        struct{ NDCG float64 }
		}
	}
	if err := json.Unmarshal([]byte(o.stdout), &report); err != nil || o.code != 0 || len(report.Arms) != 3 {
		t.Fatalf("%v: code %d\n%s%s", err, o.code, o.stdout, o.stderr)
	}
	control, kept, reversed := report.Arms[0], report.Arms[1], report.Arms[2]
	if kept.Name != "default" || reversed.Model != "reversing" || kept.Mean.NDCG != control.Mean.NDCG || reversed.Mean.NDCG > control.Mean.NDCG*.8 {
		t.Errorf("%+v", report)
	}
	if len(kept.ScoredBy) != 1 || len(reversed.ScoredBy) != 1 || !strings.HasPrefix(kept.ScoredBy[0], "test/order@") || !strings.HasPrefix(reversed.ScoredBy[0], "test/reverse@") {
		t.Errorf("scored by %v and %v", kept.ScoredBy, reversed.ScoredBy)
	}
	o = command(t, nil, append(args, "--model", "reversing")...)
	if o.code != 0 || !strings.Contains(o.stdout, "reranked, by test/reverse@") {
		t.Errorf("one model: code %d\n%s%s", o.code, o.stdout, o.stderr)
	}
	o = command(t, nil, append(args, "--model", "none")...)
	holdMessage(t, outcome{o.code, "", o.stderr}, 1, "must be one of [default, reversing]")
	for _, wrong := range [][]string{{"--model", ""}, {"--model", "a", "--model", "a"}} {
		if o := command(t, nil, append(args, wrong...)...); o.code != 2 {
			t.Errorf("%v: code %d\n%s", wrong, o.code, o.stderr)
		}
	}
}
