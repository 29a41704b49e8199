package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/resift/resift/reranker"
)

// withModels is a configuration with the tiny model as the default, further ones, and rules.
func withModels(models, rules string) string {
	text := configText(`{listen: "127.0.0.1:0", texts: 50}`)
	text, _, _ = strings.Cut(text, "indices:")
	return text + "models: " + models + "\nindices: " + rules + "\n"
}

const (
	cutTiny   = `{model: ../../reranker/testdata/tiny, device: cpu, max_tokens: 12, queue_pairs: 100}`
	plainRule = `[{match: "*", fields: [text]}]`
)

// rerankBy asks the rerank API and returns the model that answered.
func (s *running) rerankBy(model string) string {
	s.t.Helper()
	status, body := s.ask(http.MethodPost, s.RerankURL()+"/v2/rerank", "", `{"model":`+model+`,"query":"memory","documents":["a program","memory"]}`)
	var a struct{ Model string }
	if err := json.Unmarshal([]byte(body), &a); err != nil || status != 200 || !strings.Contains(a.Model, "@") {
		s.t.Fatalf("%d %s", status, body)
	}
	return a.Model
}

// TestModelsAreReloadedOneByOne keeps each model whose options did not change, and all where a reload fails.
func TestModelsAreReloadedOneByOne(t *testing.T) {
	s := serveText(t, withModels(`{small: `+cutTiny+`, other: `+strings.Replace(cutTiny, "12", "14", 1)+`}`, plainRule))
	now := func() models { return s.current.snapshot.Load().models }
	before := now()
	if len(before) != 3 || before["small"].Revision() == before["other"].Revision() || before["small"].Stats().QueueLimit != 100 {
		t.Fatalf("%v", before)
	}
	pairs := func(r *reranker.Reranker) error {
		_, err := r.Score(t.Context(), "memory", []string{"a program"})
		return err
	}

	s.writeText(withModels(`{small: `+strings.Replace(cutTiny, "100", "60", 1)+`, added: `+cutTiny+`, other: `+strings.Replace(cutTiny, "12", "14", 1)+`}`,
		`[{match: "*", fields: [text], model: added}]`))
	if err := s.tryReload(s.file); err != nil {
		t.Fatal(err)
	}
	after := now()
	if after["default"] != before["default"] || after["other"] != before["other"] || after["small"] == before["small"] || len(after) != 4 {
		t.Errorf("%v, then %v", before, after)
	}
	if err := pairs(before["small"]); err == nil {
		t.Error("the model that was replaced is still open")
	}
	for name, r := range after {
		if err := pairs(r); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}

	for want, text := range map[string]string{
		`indices[0].model: no model is called "added"`: withModels(`{small: `+cutTiny+`}`, `[{match: "*", fields: [text], model: added}]`),
		"models.small: ":      withModels(`{small: {model: /nowhere}}`, plainRule),
		"models.small.model:": withModels(`{small: {url: "http://h:1", backend: tei, model: x}}`, plainRule),
	} {
		s.writeText(text)
		if err := s.tryReload(s.file); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q", err, want)
		}
	}
	for name, r := range now() {
		if r != after[name] || pairs(r) != nil {
			t.Errorf("%s did not outlive a reload that failed", name)
		}
	}
	s.writeText(withModels(`{}`, plainRule))
	if err := s.tryReload(s.file); err != nil || len(now()) != 1 || now().first() != before.first() {
		t.Errorf("%v %v", err, now())
	}
	if err := pairs(after["added"]); err == nil {
		t.Error("a model that is not configured any more is still open")
	}
}

// TestSeveralModelsAreToldApart asks the rerank API, health, metrics and the compare page.
func TestSeveralModelsAreToldApart(t *testing.T) {
	s := serveText(t, withModels(`{small: `+cutTiny+`}`, plainRule))
	open := s.current.snapshot.Load().models
	first, small := open.first().Name(), open["small"].Name()
	if first == small {
		t.Fatalf("both are %s", first)
	}
	for model, want := range map[string]string{`"small"`: small, `"default"`: first, `"rerank-v3.5"`: first, `7`: first, `null`: first, `{"small":1}`: first} {
		if got := s.rerankBy(model); got != want {
			t.Errorf("model %s: answered by %s, want %s", model, got, want)
		}
	}
	_, health := s.ask(http.MethodGet, s.AdminURL()+"/healthz", "", "")
	var c struct {
		Status, Model string
		Models        map[string]struct {
			Model   string
			Devices []string
		}
	}
	if err := json.Unmarshal([]byte(health), &c); err != nil || c.Status != "ok" || c.Model != "ok" || len(c.Models) != 2 || c.Models["small"].Model != "ok" || len(c.Models["default"].Devices) != 1 {
		t.Errorf("%v %s", err, health)
	}
	_, metrics := s.ask(http.MethodGet, s.AdminURL()+"/metrics", "", "")
	for _, name := range []string{"resift_batch_pairs_count", "resift_batch_tokens_count", "resift_queue_pairs"} {
		for _, model := range []string{"default", "small"} {
			found := false
			for l := range strings.Lines(metrics) {
				found = found || strings.HasPrefix(l, name+"{") && strings.Contains(l, `model="`+model+`"`)
			}
			if !found {
				t.Errorf("no %s of %s", name, model)
			}
		}
	}
	_, page := s.ask(http.MethodGet, s.AdminURL()+"/", "", "")
	if !strings.Contains(page, "<option>default</option><option>small</option>") {
		t.Errorf("no choice of models:\n%s", page)
	}
	if log := s.log.String(); !strings.Contains(log, "one more model") || !strings.Contains(log, "name=small") {
		t.Errorf("%s", log)
	}
}

// TestOneModelIsNoChoice looks at what several models change where there is one.
func TestOneModelIsNoChoice(t *testing.T) {
	s := serveConfig(t, `{listen: "127.0.0.1:0"}`)
	_, health := s.ask(http.MethodGet, s.AdminURL()+"/healthz", "", "")
	_, page := s.ask(http.MethodGet, s.AdminURL()+"/", "", "")
	if strings.Contains(health, "models") || strings.Contains(page, "<select") {
		t.Errorf("%s\n%s", health, page)
	}
}
