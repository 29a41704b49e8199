package configs

import (
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/net/http/httpguts"
)

// maxWindow is what engines return at most from one search by default (index.max_result_window).
const maxWindow = 10_000

// validator checks what types cannot say. Each message tells what is wanted.
type validator struct{ *decoder }

// wrong adds a problem, unless the path has one: what could not be read needs no second verdict.
func (v *validator) wrong(path, format string, args ...any) {
	for _, p := range v.problems {
		if p.Path == path {
			return
		}
	}
	v.problems = append(v.problems, Problem{Path: path, Line: v.lines[path], Text: fmt.Sprintf(format, args...)})
}

func (v *validator) config(c *Config) {
	v.address("listen", c.Listen)
	if c.Admin.Listen != "" {
		v.address("admin.listen", c.Admin.Listen)
		if c.Admin.Listen == c.Listen && !strings.HasSuffix(c.Listen, ":0") {
			v.wrong("admin.listen", "is the search port too; the admin port must be another one")
		}
	}
	v.pair("tls", c.TLS.Cert, c.TLS.Key)
	if c.TLS.ClientCA != "" && c.TLS.Cert == "" {
		v.wrong("tls.client_ca", "needs tls.cert and tls.key")
	}
	for _, f := range [][2]string{{"tls.cert", c.TLS.Cert}, {"tls.key", c.TLS.Key}, {"tls.client_ca", c.TLS.ClientCA},
		{"engine.tls.ca", c.Engine.TLS.CA}, {"engine.tls.cert", c.Engine.TLS.Cert}, {"engine.tls.key", c.Engine.TLS.Key}} {
		v.file(f[0], f[1])
	}
	v.rerankAPI(c)
	v.engine(&c.Engine)
	v.reranker("reranker", &c.Reranker)
	v.models(c.Models)
	v.headers(c.Allow.Headers)
	v.limits(&c.Limits)
	v.indices(c.Indices)
	v.chosenModels(c)
	v.records(&c.Records)
	v.recorded(c)
	v.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	v.oneOf("log.format", c.Log.Format, "text", "json")
}

func (v *validator) headers(names []string) {
	for i, name := range names {
		if !httpguts.ValidHeaderFieldName(strings.TrimSuffix(name, "*")) || strings.Contains(strings.TrimSuffix(name, "*"), "*") {
			v.wrong(fmt.Sprintf("allow.headers[%d]", i), "want the name of a header field, with a * at its end for any rest, found %q", name)
		}
	}
}

func (v *validator) rerankAPI(c *Config) {
	a := &c.RerankAPI
	if a.Listen != "" {
		v.address("rerank_api.listen", a.Listen)
		if (a.Listen == c.Listen || a.Listen == c.Admin.Listen) && !strings.HasSuffix(a.Listen, ":0") {
			v.wrong("rerank_api.listen", "is the search port or the admin port too; want another one")
		}
	}
	if a.Body < 1<<10 {
		v.wrong("rerank_api.body", "want at least 1KiB")
	}
	v.atLeast("rerank_api.texts", a.Texts, 1)
	models := c.ByName()
	for _, name := range slices.Sorted(maps.Keys(models)) {
		m := models[name]
		if a.Listen != "" && a.Texts > max(1, m.QueuePairs) {
			v.wrong("rerank_api.texts", "want at most %d (%s.queue_pairs), found %d", m.QueuePairs, ModelPath(name), a.Texts)
		}
	}
	v.atLeast("rerank_api.calls", a.Calls, 1)
	v.positive("rerank_api.timeout", a.Timeout)
}

func (v *validator) engine(e *Engine) {
	if len(e.URLs) == 0 {
		v.wrong("engine.urls", "is missing: the address of your engine, such as [\"http://127.0.0.1:9200\"]")
	}
	for i, s := range e.URLs {
		v.url(fmt.Sprintf("engine.urls[%d]", i), s, "credentials are the caller's")
	}
	v.pair("engine.tls", e.TLS.Cert, e.TLS.Key)
	v.atLeast("engine.idle_per_host", e.IdlePerHost, 1)
	v.positive("engine.connect_timeout", e.ConnectTimeout)
	if e.MaxAnswer < 1<<10 {
		v.wrong("engine.max_answer", "want at least 1KiB")
	}
}

func (v *validator) reranker(at string, r *Reranker) {
	v.oneOf(at+".backend", r.Backend, "onnx", "tei")
	switch r.Backend {
	case "onnx":
		v.onlyFor("tei", at+".url", r.URL != "")
		v.onlyFor("tei", at+".token", r.Token != "")
	case "tei":
		if r.URL == "" {
			v.wrong(at+".url", "is missing: the server's address, such as http://127.0.0.1:8080")
		} else {
			v.url(at+".url", r.URL, "use "+at+".token")
		}
		v.onlyFor("onnx", at+".model", r.Model != "")
		v.onlyFor("onnx", at+".library", r.Library != "")
	}
	v.device(at+".device", r.Device)
	for _, n := range []struct {
		path string
		n    int
	}{{"sessions", r.Sessions}, {"threads", r.Threads}, {"max_tokens", r.MaxTokens}, {"batch_tokens", r.BatchTokens}, {"tokenize_workers", r.TokenizeWorkers}} {
		v.atLeast(at+"."+n.path, n.n, 0)
	}
	v.atLeast(at+".concurrency", r.Concurrency, 1)
	v.atLeast(at+".queue_pairs", r.QueuePairs, 1)
	v.positive(at+".timeout", r.Timeout)
}

func (v *validator) onlyFor(backend, path string, set bool) {
	if set {
		v.wrong(path, "is for backend %s only", backend)
	}
}

func (v *validator) device(path, s string) {
	if s == "auto" || s == "cpu" {
		return
	}
	for d := range strings.SplitSeq(s, ",") {
		n, ok := strings.CutPrefix(strings.TrimSpace(d), "cuda:")
		if i, err := strconv.Atoi(n); !ok || err != nil || i < 0 {
			v.wrong(path, "want auto, cpu, or devices such as cuda:0,cuda:1, found %q", s)
			return
		}
	}
}

func (v *validator) limits(l *Limits) {
	if l.Body < 1<<10 {
		v.wrong("limits.body", "want at least 1KiB")
	}
	if l.Headers < 4<<10 {
		v.wrong("limits.headers", "want at least 4KiB")
	}
	v.positive("limits.header_time", l.HeaderTime)
	v.positive("limits.body_time", l.BodyTime)
	v.positive("limits.stall_time", l.StallTime)
	v.positive("limits.idle_time", l.IdleTime)
	v.positive("limits.drain_time", l.DrainTime)
	v.atLeast("limits.json_depth", l.JSONDepth, 1)
	v.atLeast("limits.searches", l.Searches, 1)
}

func (v *validator) indices(list []Index) {
	if len(list) == 0 {
		v.wrong("indices", "is missing: at least one rule, such as [{match: \"*\", fields: [title, text]}]")
	}
	seen := map[string]int{}
	all := -1
	for i := range list {
		x, at := &list[i], fmt.Sprintf("indices[%d]", i)
		if first, twice := seen[x.Match]; twice {
			v.wrong(at+".match", "%q is the match of indices[%d] too; the first rule that matches decides", x.Match, first)
		} else if all >= 0 {
			v.wrong(at, "is never reached: indices[%d] matches everything; put it last", all)
		}
		seen[x.Match] = i
		if x.Match == "*" && all < 0 {
			all = i
		}
		v.index(at, x)
	}
}

func (v *validator) index(at string, x *Index) {
	if x.Match == "" {
		v.wrong(at+".match", "is missing: an index name or a pattern such as \"products-*\"")
	}
	if len(x.Fields) == 0 {
		v.wrong(at+".fields", "is missing: the fields that the model reads, such as [title, text]")
	}
	for i, f := range x.Fields {
		if f == "" || strings.ContainsAny(f, "*?") {
			v.wrong(fmt.Sprintf("%s.fields[%d]", at, i), "want the name of one field, found %q", f)
		}
	}
	if x.Window < 1 || x.Window > maxWindow {
		v.wrong(at+".window", "want 1 to %d hits, found %d", maxWindow, x.Window)
	}
	if x.MaxWindow < x.Window || x.MaxWindow > maxWindow {
		v.wrong(at+".max_window", "want %d (the window) to %d hits, found %d", x.Window, maxWindow, x.MaxWindow)
	}
	v.experiment(at+".experiment", x)
	v.positive(at+".timeout", x.Timeout)
	v.oneOf(at+".score", x.Score, "model", "keep")
	v.oneOf(at+".on_failure", x.OnFailure, "engine", "error")
	v.oneOf(at+".html", x.HTML, "keep", "strip")
	v.oneOf(at+".long_text.mode", x.LongText.Mode, "first", "max", "highlight")
	v.atLeast(at+".long_text.max_tokens", x.LongText.MaxTokens, 8)
	if x.LongText.Overlap < 0 || x.LongText.Overlap >= x.LongText.MaxTokens {
		v.wrong(at+".long_text.overlap", "want 0 to below max_tokens (%d), found %d", x.LongText.MaxTokens, x.LongText.Overlap)
	}
}

func (v *validator) address(path, s string) {
	_, port, err := net.SplitHostPort(s)
	if n, e := strconv.Atoi(port); err != nil || e != nil || n < 0 || n > 65535 {
		v.wrong(path, "want host:port, such as 127.0.0.1:9280, found %q", s)
	}
}

func (v *validator) url(path, s, credentials string) {
	u, err := url.Parse(s)
	switch {
	case err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "":
		v.wrong(path, "want http://host:port or https://host:port")
	case u.User != nil:
		v.wrong(path, "must not hold a user or password: %s", credentials)
	case u.RawQuery != "" || u.Fragment != "":
		v.wrong(path, "must not hold a query or fragment")
	}
}

func (v *validator) pair(path, cert, key string) {
	if (cert == "") != (key == "") {
		v.wrong(path, "cert and key go together")
	}
}

func (v *validator) file(path, name string) {
	if name == "" {
		return
	}
	if _, err := os.Stat(name); err != nil {
		v.wrong(path, "%v", err)
	}
}

func (v *validator) oneOf(path, s string, allowed ...string) {
	for _, a := range allowed {
		if s == a {
			return
		}
	}
	v.wrong(path, "want %s, found %q", strings.Join(allowed, " or "), s)
}

func (v *validator) atLeast(path string, n, least int) {
	if n < least {
		v.wrong(path, "want at least %d, found %d", least, n)
	}
}

func (v *validator) positive(path string, d Duration) {
	if d <= 0 {
		v.wrong(path, "want more than 0")
	}
}
