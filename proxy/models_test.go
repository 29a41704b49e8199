package proxy

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/sdk/metric/metricdata"

	"github.com/resift/resift/experiment"
	"github.com/resift/resift/reranker"
	"github.com/resift/resift/ubi"
)

// contrary thinks the opposite of a hashScorer, and takes a word for two tokens.
type contrary struct {
	mu   sync.Mutex
	read []string
}

func (c *contrary) ScoreEach(_ context.Context, query string, passages []string, each reranker.Each) (reranker.Result, error) {
	c.mu.Lock()
	c.read = append(c.read, passages...)
	c.mu.Unlock()
	r := opinions(query, passages)
	for i := range r.Scores {
		r.Scores[i] = -r.Scores[i]
		each(i, r.Scores[i])
	}
	return r, nil
}

func (c *contrary) Windows(text string, maxTokens, overlap int) []string {
	return (&hashScorer{}).Windows(text, maxTokens/2, overlap/2)
}

func (c *contrary) Reach(query, passage string) int { return (&hashScorer{}).Reach(query, passage) }

func (c *contrary) Revision() string { return "contrary" }

func (c *contrary) Name() string { return "contrary@89abcdef" }

func (c *contrary) passages() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.read)
}

// startTwo is a proxy with two models, the second called small.
func startTwo(t *testing.T, e *engine, s setup) (*rig, *contrary) {
	t.Helper()
	second, more := &contrary{}, s.options
	s.options = func(o *Options) {
		o.Models = map[string]Scorer{"small": second}
		if more != nil {
			more(o)
		}
	}
	return startProxy(t, e, s), second
}

const (
	defaultName = "hash-scorer@01234567"
	smallName   = "contrary@89abcdef"
)

// by checks which models an answer says it was scored by.
func (a answer) by(t testing.TB, names string) answer {
	t.Helper()
	if got := a.header.Get(HeaderModel); got != names {
		t.Errorf("scored by %q, want %q; %d %s", got, names, a.status, cut(a.body))
	}
	return a
}

// opposed tells whether the second list is the first the other way round, but for the last hit, which has no text.
func opposed(a, b []string) bool {
	if len(a) < 3 || len(a) != len(b) {
		return false
	}
	b = slices.Clone(b)
	slices.Reverse(b[:len(b)-1])
	return slices.Equal(a, b)
}

func TestRequestChoosesTheModel(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r, _ := startTwo(t, e, setup{})
	const all = `,"size":20`
	plain := ids(r.search(t, all).by(t, defaultName).hits(t))
	for name, a := range map[string]answer{
		"header":           r.search(t, all, HeaderModel, "small"),
		"ext":              r.search(t, all+`,"ext":{"resift":{"model":"small"}}`),
		"header, over ext": r.search(t, all+`,"ext":{"resift":{"model":"default"}}`, HeaderModel, "small"),
	} {
		a.expect(t, StatusReranked, "")
		if got := ids(a.by(t, smallName).hits(t)); !opposed(plain, got) {
			t.Errorf("%s: %v, the other model's order is %v", name, got, plain)
		}
	}
	if got := ids(r.search(t, all, HeaderModel, "default").by(t, defaultName).hits(t)); !slices.Equal(got, plain) {
		t.Errorf("default by name: %v, want %v", got, plain)
	}
	for i, request := range e.requests() {
		if request.header.Get(HeaderModel) != "" || strings.Contains(string(request.body), "resift") {
			t.Errorf("request %d: the control reaches the engine: %v %s", i, request.header, request.body)
		}
	}
	asked := len(e.requests())
	for name, a := range map[string]answer{
		"header":  r.search(t, "", HeaderModel, "large"),
		"capital": r.search(t, "", HeaderModel, "Small"),
		"empty":   r.search(t, "", HeaderModel, " "),
		"ext":     r.search(t, `,"ext":{"resift":{"model":"large"}}`),
		"multi":   r.do(t, "POST", "/_msearch", notes+"\n{"+query+"}\n", "Content-Type", "application/x-ndjson", HeaderModel, "large"),
	} {
		if a.status != 400 || !strings.Contains(string(a.body), `"type":"illegal_argument_exception"`) || !strings.Contains(string(a.body), "must be one of [default, small]") {
			t.Errorf("%s: %d %s", name, a.status, a.body)
		}
	}
	if a := r.search(t, `,"ext":{"resift":{"model":7}}`); a.status != 400 || !strings.Contains(string(a.body), `"type":"parsing_exception"`) {
		t.Errorf("a number: %d %s", a.status, a.body)
	}
	if n := len(e.requests()); n != asked {
		t.Errorf("the engine was asked %d times for what was refused", n-asked)
	}
}

func TestModelControlCanBeForbidden(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r, second := startTwo(t, e, setup{options: func(o *Options) { o.Rules.Allow.Model = false }})
	r.search(t, `,"ext":{"resift":{"model":"small"}}`, HeaderModel, "nonsense").by(t, defaultName).expect(t, StatusReranked, "")
	if read := second.passages(); read != nil {
		t.Errorf("the other model read %d passages", len(read))
	}
}

// TestModelsShareNoScores asks both models for the same pairs, in turn: each scores them once.
func TestModelsShareNoScores(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	second := &contrary{}
	o := startObservedBy(t, e, setup{options: func(o *Options) { o.Models = map[string]Scorer{"small": second} }})
	var orders [2][]string
	for range 3 {
		for i, name := range []string{"default", "small"} {
			got := ids(o.search(t, `,"size":20`, HeaderModel, name).hits(t))
			if orders[i] == nil {
				orders[i] = got
			}
			if !slices.Equal(got, orders[i]) {
				t.Errorf("%s: %v, then %v", name, orders[i], got)
			}
		}
	}
	if !opposed(orders[0], orders[1]) {
		t.Errorf("%v, %v", orders[0], orders[1])
	}
	first, read := o.scorer.pairs.Load(), len(second.passages())
	if first == 0 || int(first) != read {
		t.Errorf("%d pairs for one model, %d for the other", first, read)
	}
	eventually(t, "all searches are counted", func() bool { return slices.Equal(counts(t, o.collect(t)["resift.requests"]), []string{"reranked/ 6"}) })
	scored := map[string]int64{}
	for _, p := range o.collect(t)["resift.pairs.scored"].Data.(metricdata.Sum[int64]).DataPoints {
		v, _ := p.Attributes.Value("model")
		scored[v.AsString()] = p.Value
	}
	if len(scored) != 2 || scored["default"] != first || scored["small"] != first {
		t.Errorf("counted %v, want %d each", scored, first)
	}
}

// TestMultiSearchWithTwoModels has each search scored by its own model, at the same time.
func TestMultiSearchWithTwoModels(t *testing.T) {
	e := startEngine(t, recorded(t, "elasticsearch-9.5", "all"))
	answerMulti(e, nil)
	r, _ := startTwo(t, e, setup{})
	small := "{" + query + `,"size":20,"ext":{"resift":{"model":"small"}}}`
	plain := "{" + query + `,"size":20}`
	a := r.msearch(t, notes, plain, notes, small, notes, `{"query":{"match_all":{}}}`, notes, plain).by(t, defaultName+", "+smallName)
	a.expectSearches(t, "reranked;n=2, bypassed;reason=no_query_text, reranked")
	parts := a.parts(t)
	if first, second := ids(parts[0].hits(t)), ids(parts[1].hits(t)); !opposed(first, second) || !slices.Equal(first, ids(parts[3].hits(t))) {
		t.Errorf("%v, %v, %v", first, second, ids(parts[3].hits(t)))
	}
	alone := r.do(t, "POST", "/notes/_search", small).by(t, smallName)
	if !sameHits(parts[1].hits(t), alone.hits(t)) {
		t.Errorf("%s\nalone: %s", parts[1].body, alone.body)
	}
	r.do(t, "POST", "/_msearch", notes+"\n"+plain+"\n"+notes+"\n"+plain+"\n", "Content-Type", "application/x-ndjson", HeaderModel, "small").by(t, smallName)
}

type recordList struct {
	mu   sync.Mutex
	list []ubi.Query
}

func (l *recordList) Query(q ubi.Query) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.list = append(l.list, q)
}

// last waits for the n-th record.
func (l *recordList) last(t *testing.T, n int) (q ubi.Query) {
	t.Helper()
	eventually(t, "the record is there", func() bool {
		l.mu.Lock()
		defer l.mu.Unlock()
		if len(l.list) >= n {
			q = l.list[n-1]
		}
		return len(l.list) >= n
	})
	return q
}

func twoModelExperiment(t *testing.T) *Experiment {
	t.Helper()
	x, err := experiment.New("models", "", []experiment.Arm{
		{Name: "control", Kind: experiment.Control, Weight: 1}, {Name: "large", Kind: experiment.Treatment, Weight: 1},
		{Name: "tiny", Kind: experiment.Treatment, Weight: 1}, {Name: "mixed", Kind: experiment.Interleave, Weight: 1},
		{Name: "dark", Kind: experiment.Shadow, Weight: 1},
	})
	if err != nil {
		t.Fatal(err)
	}
	return &Experiment{Experiment: x, UnitHeader: "X-User", Arms: map[string]ArmSettings{
		"tiny": {Model: "small"}, "mixed": {Model: "small"}, "dark": {Model: "small"},
	}}
}

// TestArmsWithDifferentModels holds order, header and record of every kind of arm to its model.
func TestArmsWithDifferentModels(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	records := &recordList{}
	r, second := startTwo(t, e, setup{
		rule:    func(rule *Rule) { rule.Experiment = twoModelExperiment(t) },
		options: func(o *Options) { o.Recorder = records },
	})
	engine := ids(r.search(t, `,"size":20`, HeaderMode, "off").hits(t))
	orders := map[string][]string{}
	for n, c := range []struct{ arm, header, recorded string }{
		{"large", defaultName, defaultName}, {"tiny", smallName, smallName}, {"mixed", smallName, smallName}, {"control", "", ""}, {"dark", "", smallName},
	} {
		a := r.search(t, `,"size":20`, HeaderArm, c.arm).by(t, c.header)
		orders[c.arm] = ids(a.hits(t))
		q := records.last(t, n+1)
		if q.Attributes.Arm != c.arm || q.Attributes.Model != c.recorded || !slices.Equal(q.HitIDs, orders[c.arm]) {
			t.Errorf("%s: recorded %+v", c.arm, q)
		}
		if c.arm == "dark" && (q.Attributes.Shadow == nil || q.Attributes.Shadow.Hits != len(engine)) {
			t.Errorf("the shadow's comparison is %+v", q.Attributes.Shadow)
		}
	}
	if !opposed(orders["large"], orders["tiny"]) {
		t.Errorf("%v, %v", orders["large"], orders["tiny"])
	}
	if top := orders["mixed"][0]; top != engine[0] && top != orders["tiny"][0] {
		t.Errorf("the first of an interleaved search is of another order: %s", top)
	}
	if !slices.Equal(orders["dark"], engine) || !slices.Equal(orders["control"], engine) {
		t.Errorf("shadow %v, control %v, engine %v", orders["dark"], orders["control"], engine)
	}
	if read, pairs := len(second.passages()), int(r.scorer.pairs.Load()); read != pairs {
		t.Errorf("three arms had the second model read %d pairs, one arm the first %d", read, pairs)
	}
}

// TestRequestsModelIsNoPartOfAComparisonOfModels records what names its model itself as forced, where arms name models.
func TestRequestsModelIsNoPartOfAComparisonOfModels(t *testing.T) {
	rules := testRules()
	rules.models = []string{"default", "small"}
	x := twoModelExperiment(t)
	rules.List[0].Experiment = x
	user := "X-User: "
	for i := 0; x.Assign("header:"+user[len("X-User: "):]).Name != "tiny"; i++ {
		user = "X-User: " + string(rune('a'+i))
	}
	for _, c := range []struct {
		headers []string
		arms    map[string]ArmSettings
		model   string
		forced  bool
	}{
		{nil, x.Arms, "small", false},
		{[]string{"X-Resift-Model: default"}, x.Arms, "default", true},
		{[]string{"X-Resift-Model: small"}, x.Arms, "small", true},
		{[]string{"X-Resift-Arm: large"}, x.Arms, "default", true},
		{[]string{"X-Resift-Arm: treatment"}, x.Arms, "default", true},
		{[]string{"X-Resift-Model: small"}, map[string]ArmSettings{"tiny": {Window: 3}}, "small", false},
		{nil, nil, "default", false},
	} {
		x.Arms = c.arms
		d := Plan(ask("POST /products/_search", matchBody, append([]string{user}, c.headers...)...), rules)
		if d.Bypass != "" || d.Model != c.model || d.Assignment.Forced != c.forced {
			t.Errorf("%v: bypass %q, model %q, %+v; want %q, forced %v", c.headers, d.Bypass, d.Model, d.Assignment, c.model, c.forced)
		}
	}
}

func TestRuleChoosesTheModel(t *testing.T) {
	rules := testRules()
	rules.models = []string{"default", "small"}
	rules.List[0].Model = "small"
	rules.List[0].Experiment = twoModelExperiment(t)
	rules.List[0].Experiment.Arms = map[string]ArmSettings{"large": {Model: "default"}}
	for headers, want := range map[string]string{
		"X-Resift-Arm: tiny": "small", "X-Resift-Arm: large": "default", "X-Resift-Arm: treatment": "small",
	} {
		if d := Plan(ask("POST /products/_search", matchBody, headers), rules); d.Model != want {
			t.Errorf("%s: %q, want %q", headers, d.Model, want)
		}
	}
	if d := Plan(ask("POST /docs/_search", `{"params":{"question":"why"}}`), rules); d.Model != "default" {
		t.Errorf("a rule without a model: %q", d.Model)
	}
}

// TestLongTextsAreCutByTheModelsTokenizer compares the windows that each model read.
func TestLongTextsAreCutByTheModelsTokenizer(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	r, second := startTwo(t, e, setup{rule: func(rule *Rule) {
		rule.LongText = LongText{Mode: LongTextMax, MaxTokens: 8, Overlap: 2}
	}})
	longest := func(passages []string) (words int) {
		for _, p := range passages {
			words = max(words, len(strings.Fields(p)))
		}
		return words
	}
	var read []string
	r.scorer.score = func(_ context.Context, query string, passages []string) (reranker.Result, error) {
		read = append(read, passages...)
		return opinions(query, passages), nil
	}
	r.search(t, "").by(t, defaultName).expect(t, StatusReranked, "")
	r.search(t, "", HeaderModel, "small").by(t, smallName).expect(t, StatusReranked, "")
	if first, other := longest(read), longest(second.passages()); first != 8 || other != 4 {
		t.Errorf("windows of up to %d words, and %d", first, other)
	}
}

// TestTemplateChoosesTheModel reads the control from the header, and from what the engine rendered.
func TestTemplateChoosesTheModel(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	e.answer = func(w http.ResponseWriter, r *http.Request, body []byte) bool {
		var template struct{ Source string }
		switch {
		case strings.HasPrefix(r.URL.Path, "/_render/template"):
			if err := json.Unmarshal(body, &template); err != nil {
				t.Error(err)
			}
			w.Header().Set("Content-Type", "application/json")
			w.Write([]byte(`{"template_output":` + template.Source + `}`))
			return true
		case strings.HasSuffix(r.URL.Path, "/_search/template"):
			e.all.page(0, 20).write(w)
			return true
		}
		return false
	}
	r, _ := startTwo(t, e, setup{})
	body := func(more string) string {
		source, err := json.Marshal("{" + query + more + "}")
		if err != nil {
			t.Fatal(err)
		}
		return `{"source":` + string(source) + `}`
	}
	r.do(t, "POST", "/notes/_search/template", body("")).by(t, defaultName)
	r.do(t, "POST", "/notes/_search/template", body(""), HeaderModel, "small").by(t, smallName)
	r.do(t, "POST", "/notes/_search/template", body(`,"ext":{"resift":{"model":"small"}}`)).by(t, smallName)
	if a := r.do(t, "POST", "/notes/_search/template", body(""), HeaderModel, "large"); a.status != 400 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestModelsThatAreNotThere(t *testing.T) {
	e := startEngine(t, recorded(t, "opensearch-3.8", "all"))
	for want, change := range map[string]func(*Options){
		`rule 0 names the model "large"`: func(o *Options) { o.Rules.List[0].Model = "large" },
		`the arm tiny names the model "small"`: func(o *Options) {
			o.Models, o.Rules.List[0].Experiment = nil, &Experiment{Arms: map[string]ArmSettings{"tiny": {Model: "small"}}}
		},
		"default is the scorer's name": func(o *Options) { o.Models["default"] = &contrary{} },
	} {
		startTwo(t, e, setup{options: func(o *Options) {
			broken := *o
			broken.Rules = &Rules{List: slices.Clone(o.Rules.List)}
			broken.Models = map[string]Scorer{"small": o.Models["small"]}
			change(&broken)
			if _, err := New(broken); err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%v, want %q", err, want)
			}
		}})
	}
}
