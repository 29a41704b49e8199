package configs

import (
	"fmt"
	"strings"

	"golang.org/x/net/http/httpguts"
)

func (v *validator) experiment(at string, x *Index) {
	e := &x.Experiment
	if e.Name == "" {
		if len(e.Arms) > 0 || e.Salt != "" || e.Unit != (Unit{}) {
			v.wrong(at+".name", "is missing")
		}
		return
	}
	if len(e.Arms) == 0 {
		v.wrong(at+".arms", "is missing, such as [{name: control, kind: control}, {name: treatment, kind: treatment}]")
	}
	if e.Unit.Header != "" && !httpguts.ValidHeaderFieldName(e.Unit.Header) {
		v.wrong(at+".unit.header", "want the name of a header field, found %q", e.Unit.Header)
	}
	if strings.ContainsAny(e.Unit.Cookie, " ;=,") {
		v.wrong(at+".unit.cookie", "want the name of a cookie, found %q", e.Unit.Cookie)
	}
	seen := map[string]int{}
	for i := range e.Arms {
		a, here := &e.Arms[i], fmt.Sprintf("%s.arms[%d]", at, i)
		if first, twice := seen[a.Name]; twice {
			v.wrong(here+".name", "%q is the name of arms[%d] too", a.Name, first)
		}
		seen[a.Name] = i
		if !armName(a.Name) {
			v.wrong(here+".name", "want letters, digits, - and _, found %q", a.Name)
		}
		v.oneOf(here+".kind", a.Kind, "control", "treatment", "interleave", "shadow")
		v.atLeast(here+".weight", a.Weight, 1)
		if a.Window != 0 && (a.Window < 1 || a.Window > x.MaxWindow) {
			v.wrong(here+".window", "want 1 to %d hits (the rule's max_window), or 0 for the rule's own, found %d", x.MaxWindow, a.Window)
		}
		if a.LongText != "" {
			v.oneOf(here+".long_text", a.LongText, "first", "max", "highlight")
		}
	}
}

// armName tells whether a name can stand in a header field and in a folder of runs.
func armName(s string) bool {
	if s == "" || len(s) > 64 {
		return false
	}
	for _, c := range s {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_') {
			return false
		}
	}
	return true
}

func (v *validator) records(r *Records) {
	if r.Dir != "" && r.URL != "" {
		v.wrong("records.url", "is given beside records.dir; records go to one of them")
	}
	if r.URL != "" {
		v.url("records.url", r.URL, "use records.authorization")
	}
	if r.Authorization != "" && r.URL == "" {
		v.wrong("records.authorization", "needs records.url")
	}
	if r.FileSize < 1<<10 {
		v.wrong("records.file_size", "want at least 1KiB")
	}
	v.atLeast("records.files", r.Files, 1)
	v.atLeast("records.queue", r.Queue, 1)
	v.oneOf("records.queries", r.Queries, "keep", "hash", "omit")
	v.oneOf("records.clients", r.Clients, "keep", "hash", "omit")
	if r.Queries == "hash" && r.Key == "" {
		v.wrong("records.key", "is missing: without it anybody could hash texts and compare")
	}
	for i, o := range r.Origins {
		if o != "*" && !strings.HasPrefix(o, "http://") && !strings.HasPrefix(o, "https://") || strings.HasSuffix(o, "/") {
			v.wrong(fmt.Sprintf("records.origins[%d]", i), "want an origin such as https://shop.example, or *, found %q", o)
		}
	}
}

// recorded tells of an experiment that nobody writes down.
func (v *validator) recorded(c *Config) {
	if c.Records.Dir != "" || c.Records.URL != "" {
		if c.Records.Clients == "omit" {
			for i, x := range c.Indices {
				if x.Experiment.Name != "" {
					v.wrong("records.clients", "the experiment of indices[%d] needs its units: keep or hash", i)
				}
			}
		}
		return
	}
	for i, x := range c.Indices {
		if x.Experiment.Name != "" {
			v.wrong(fmt.Sprintf("indices[%d].experiment", i), "needs records.dir or records.url: an experiment that is not recorded tells nothing")
		}
	}
}
