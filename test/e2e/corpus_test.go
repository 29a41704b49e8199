package e2e

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/resift/resift/demo/corpus"
)

// The indices of the tests. docs has entries of the demo's corpus, odd has documents that few would think of, shards has
// three shards, logDay is what a date math expression names. Aliases: e2e-alias is docs, e2e-all is docs and odd.
const (
	docs   = "e2e-docs"
	odd    = "e2e-odd"
	shards = "e2e-shards"
	logDay = "e2e-log-2026.11.24"
)

// corpusDocuments is how many entries of the dictionary docs gets: all that were judged, and others.
const corpusDocuments = 2000

const mappings = `{"settings":{"number_of_shards":%d,"number_of_replicas":0},"mappings":{"properties":{
"title":{"type":"text"},"text":{"type":"text"},"key":{"type":"keyword"},"topics":{"type":"keyword"},"updated":{"type":"date","format":"yyyy||yyyy-MM||yyyy-MM-dd"},
"length":{"type":"integer"},"stored":{"type":"text","store":true},"big":{"type":"long"},"when":{"type":"date"},
"people":{"type":"nested","properties":{"name":{"type":"text"},"age":{"type":"integer"}}},
"raw":{"type":"object","enabled":false},"suggest":{"type":"completion"}}}}`

// load deletes, makes and fills the indices of the tests.
func load(ctx context.Context, e *engine) error {
	for _, index := range []string{docs, odd, shards, logDay} {
		if err := e.call(ctx, "DELETE", "/"+index+"?ignore_unavailable=true", "", nil); err != nil {
			return err
		}
		n := 1
		if index == shards {
			n = 3
		}
		if err := e.call(ctx, "PUT", "/"+index, "application/json", fmt.Appendf(nil, mappings, n)); err != nil {
			return err
		}
	}
	list, err := entries()
	if err != nil {
		return err
	}
	var bulk bytes.Buffer
	for i, d := range list {
		add(&bulk, docs, d.ID, source(d, d.ID))
		if i < 300 { // with keys of their own: a scorer gives equal texts equal scores
			add(&bulk, shards, d.ID, source(d, "shards-"+d.ID))
		}
		if i < 20 {
			add(&bulk, logDay, d.ID, source(d, "log-"+d.ID))
		}
	}
	for _, d := range oddDocuments() {
		add(&bulk, odd, d[0], d[1])
	}
	answer, err := e.read(ctx, "POST", "/_bulk", "application/x-ndjson", bulk.Bytes())
	if err != nil {
		return err
	}
	if !bytes.Contains(answer, []byte(`"errors":false`)) {
		at := bytes.Index(answer, []byte(`"error":`))
		return fmt.Errorf("bulk: %.300s", answer[max(0, at-100):])
	}
	// One segment a shard: scores of a search do not depend on how the engine spread the documents.
	if err := e.call(ctx, "POST", "/e2e-*/_forcemerge?max_num_segments=1", "", nil); err != nil {
		return err
	}
	if err := e.call(ctx, "POST", "/e2e-*/_refresh", "", nil); err != nil {
		return err
	}
	return e.call(ctx, "POST", "/_aliases", "application/json", []byte(
		`{"actions":[{"add":{"index":"e2e-docs","alias":"e2e-alias"}},{"add":{"indices":["e2e-docs","e2e-odd"],"alias":"e2e-all"}}]}`))
}

// entries are those of the dictionary that a question's judgments name, then others in the dictionary's order.
func entries() ([]corpus.Document, error) {
	judged := map[string]bool{}
	for line := range strings.Lines(corpus.Qrels()) {
		if f := strings.Fields(line); len(f) == 4 {
			judged[f[2]] = true
		}
	}
	var first, others []corpus.Document
	for d, err := range corpus.Documents() {
		if err != nil {
			return nil, err
		}
		if judged[d.ID] {
			first = append(first, d)
		} else {
			others = append(others, d)
		}
	}
	return append(first, others...)[:corpusDocuments], nil
}

func source(d corpus.Document, key string) string {
	updated := ""
	if d.Updated != "" {
		updated = fmt.Sprintf(`,"updated":%q`, d.Updated)
	}
	return fmt.Sprintf(`{"title":%s,"text":%s,"key":%q,"topics":%s,"length":%d,"stored":%s%s}`,
		quote(d.Title), quote(d.Text), key, quote(append([]string{}, d.Topics...)), len(d.Text), quote(d.Title), updated)
}

// oddDocuments are pairs of identifier and source. Each has "odd" and "words" in its title or text, but for those without
// any, and a key of its own, so that no two texts are the same.
func oddDocuments() [][2]string {
	const text = `odd words about a parser`
	return [][2]string{
		{"integers", `{"title":"odd integers","text":"` + text + `","key":"k01","big":9007199254740993,"raw":{"beyond":123456789012345678901234567890,"min":-9223372036854775808}}`},
		{"floats", `{"title":"odd floats","text":"` + text + ` and floats","key":"k02","raw":[1.0,1e3,-0.0,1.7976931348623157e308,4.9e-324,0.1000000000000000055511151231257827]}`},
		{"escapes", `{"title":"odd \"escapes\" \\ \/ \b\f\n\r\t","text":"` + text + ` \u00e9\u4e2d\ud83d\ude00 <b>&amp;</b>","key":"k03"}`},
		{"nul", `{"title":"odd\u0000nul","text":"words\u0000with\u0000nul \u0001\u001f\u007f","key":"k04"}`},
		{"emoji", `{"title":"odd 👩‍👩‍👧‍👦 family 🏳️‍🌈","text":"` + text + ` 日本語 العربية हिन्दी ` + "\u2028\u2029" + `","key":"k05"}`},
		{"surrogate", `{"title":"odd lone surrogate words","text":"` + text + ` \\ud800","key":"k06"}`},
		{"empty-text", `{"title":"odd words","text":"","key":"k07"}`},
		{"no-text", `{"title":"odd words without text","key":"k08"}`},
		{"null-text", `{"title":"odd words of null","text":null,"key":"k09"}`},
		{"no-title", `{"text":"odd words without a title","key":"k10"}`},
		{"nested", `{"title":"odd nested","text":"` + text + ` nested","key":"k11","people":[{"name":"Ada Lovelace","age":36},{"name":"Alan Turing","age":41}],"raw":{"b":{"c":[1,{"d":null},[[]],{}]}}}`},
		{"many", `{"title":["odd first","odd second"],"text":["words one","words two",null],"key":"k12"}`},
		{"dates", `{"title":"odd dates","text":"` + text + ` dates","key":"k13","when":["2026-11-24T07:00:00.123Z","1969-12-31"],"updated":"1970-01"}`},
		{"long", `{"title":"odd length","text":"` + strings.Repeat("odd words that go on and on ", 8000) + `","key":"k14"}`},
		{"one-word", `{"title":"odd","text":"` + strings.Repeat("words", 4000) + ` words","key":"k15"}`},
		{"space", "{ \"title\" :\t\"odd   space\" ,\n \"text\":\"" + text + ` and space","key":"k16"` + " }\t"},
		{"keys", `{"title":"odd keys","text":"` + text + ` keys","key":"k17"," spaced ":1,"a-b.c":2,"\u00fc":3}`},
		{"looks", `{"title":"odd looks","text":"` + text + ` looks","key":"k18","took":5,"hits":{"hits":[{"_score":1}]},"_shards":"x"}`},
		{"bools", `{"title":"odd booleans","text":"` + text + ` booleans","key":"k19","yes":true,"no":false,"nothing":null,"empty":{},"none":[]}`},
		{"key only", `{"key":"k20","title":"odd identifier / ? # % words"}`},
	}
}

func add(bulk *bytes.Buffer, index, id, source string) {
	fmt.Fprintf(bulk, "{\"index\":{\"_index\":%q,\"_id\":%q}}\n%s\n", index, id, strings.ReplaceAll(source, "\n", " "))
}

func quote(v any) string {
	b, _ := json.Marshal(v) // strings
	return string(b)
}

func (e *engine) call(ctx context.Context, method, path, contentType string, body []byte) error {
	_, err := e.read(ctx, method, path, contentType, body)
	return err
}

// read sends a request to the engine itself; an answer that is no success is an error.
func (e *engine) read(ctx context.Context, method, path, contentType string, body []byte) ([]byte, error) {
	req, err := http.NewRequestWithContext(ctx, method, e.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if contentType != "" {
		req.Header.Set("Content-Type", contentType)
	}
	res, err := httpClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer res.Body.Close()
	answer, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode/100 != 2 {
		err = fmt.Errorf("%s %s: %d %.300s", method, path, res.StatusCode, answer)
	}
	return answer, err
}
