package proxy

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/resift/resift/searchclient/rawjson"
)

// The request headers that steer resift. None of them reaches the engine.
const (
	HeaderMode   = "X-Resift-Mode"   // rerank | off
	HeaderQuery  = "X-Resift-Query"  // the query text, UTF-8
	HeaderWindow = "X-Resift-Window" // hits to re-rank
	HeaderArm    = "X-Resift-Arm"    // control | treatment | an arm of the experiment
	HeaderModel  = "X-Resift-Model"  // default | a name of Options.Models; of an answer: the model that scored
)

// MaxTimeout is the longest time for scoring that a request may ask for.
const MaxTimeout = time.Minute

// Bounds of the fields that a request may name.
const (
	maxControlFields = 32
	maxPathBytes     = 1000
)

// controls are what a request itself says about its re-ranking. Zero values mean that nothing was said.
type controls struct {
	off     bool
	arm     string // an arm by name
	model   string // a model by name
	query   string
	window  int
	fields  []string
	timeout time.Duration
	details *bool
	passage bool

	models []string // those that model may name

	allowFailures bool // text_similarity_reranker.allow_rerank_failures
}

// engineHeaders returns the headers without those that are ours; h itself if there are none.
func engineHeaders(h http.Header) http.Header {
	ours := func(name string, _ []string) bool { return strings.HasPrefix(name, "X-Resift-") }
	for name, values := range h {
		if ours(name, values) {
			h = maps.Clone(h)
			maps.DeleteFunc(h, ours)
			return h
		}
	}
	return h
}

// readHeaders takes the controls from the headers. A header that configuration forbids is as if it were not there.
func (c *controls) readHeaders(h http.Header, allow Allow) *Refusal {
	for _, header := range []struct {
		name    string
		allowed bool
		read    func(value string) *Refusal
	}{
		{HeaderMode, allow.Mode, c.readMode},
		{HeaderQuery, allow.Query, c.readQuery},
		{HeaderWindow, allow.Window, c.readWindow},
		{HeaderArm, allow.Arm, c.readArm},
		{HeaderModel, allow.Model, c.readModel},
	} {
		values := h.Values(header.name)
		if !header.allowed || len(values) == 0 {
			continue
		}
		if len(values) > 1 {
			return refuseArgument("header [%s] is given more than once", header.name)
		}
		if refusal := header.read(strings.TrimSpace(values[0])); refusal != nil {
			refusal.Reason = fmt.Sprintf("header [%s]: %s", header.name, refusal.Reason)
			return refusal
		}
	}
	return nil
}

func (c *controls) readMode(value string) *Refusal {
	switch value {
	case "rerank", "off":
		c.off = value == "off"
		return nil
	}
	return refuseArgument("must be [rerank] or [off]")
}

func (c *controls) readQuery(value string) *Refusal {
	if !utf8.ValidString(value) {
		return refuseArgument("must be UTF-8")
	}
	if c.query = collapse(value); c.query == "" {
		return refuseArgument("must not be empty")
	}
	return nil
}

func (c *controls) readWindow(value string) *Refusal {
	n, err := strconv.Atoi(value)
	if err != nil || n < 1 {
		return refuseArgument("must be an integer of at least 1")
	}
	c.window = n
	return nil
}

func (c *controls) readArm(value string) *Refusal {
	if value == "" {
		return refuseArgument("must not be empty")
	}
	c.arm = value
	return nil
}

func (c *controls) readModel(value string) *Refusal {
	if !slices.Contains(c.models, value) {
		return refuseArgument("must be one of [%s]", strings.Join(c.models, ", "))
	}
	c.model = value
	return nil
}

// extReader reads one member of ext.resift. headerWins is true where the header of the same meaning was given.
type extReader struct {
	allowed    bool
	headerWins bool
	read       func(c *controls, doc []byte, v rawjson.Span) *Refusal
}

// readExt takes the controls from ext.resift. A header of the same meaning wins. An unknown member is refused, because a
// misspelt control would else be silently lost.
func (c *controls) readExt(doc []byte, ext rawjson.Span, h http.Header, allow Allow) *Refusal {
	if rawjson.KindOf(doc, ext) != rawjson.Object {
		return refuseParsing("[ext.resift] must be an object")
	}
	given := func(name string, allowed bool) bool { return allowed && len(h.Values(name)) > 0 }
	readers := map[string]extReader{
		"mode":       {allow.Mode, given(HeaderMode, allow.Mode), extString((*controls).readMode)},
		"query_text": {allow.Query, given(HeaderQuery, allow.Query), extString((*controls).readQuery)},
		"window":     {allow.Window, given(HeaderWindow, allow.Window), (*controls).extWindow},
		"model":      {allow.Model, given(HeaderModel, allow.Model), extString((*controls).readModel)},
		"fields":     {true, false, (*controls).extFields},
		"timeout":    {true, false, extString((*controls).readTimeout)},
		"details":    {true, false, (*controls).extDetails},
		"passage":    {true, false, (*controls).extPassage},
	}
	for m, err := range rawjson.Members(doc, ext) {
		if err != nil {
			return refuseParsing("[ext.resift] cannot be read")
		}
		name, _ := rawjson.Text(doc, m.Key)
		reader, known := readers[name]
		if !known {
			return refuseParsing("[ext.resift] unknown field [%s]", name)
		}
		if !reader.allowed || reader.headerWins {
			continue
		}
		if refusal := reader.read(c, doc, m.Value); refusal != nil {
			refusal.Reason = fmt.Sprintf("[ext.resift.%s] %s", name, refusal.Reason)
			return refusal
		}
	}
	return nil
}

func extString(read func(*controls, string) *Refusal) func(*controls, []byte, rawjson.Span) *Refusal {
	return func(c *controls, doc []byte, v rawjson.Span) *Refusal {
		s, ok := rawjson.Text(doc, v)
		if !ok {
			return refuseParsing("must be a string")
		}
		return read(c, s)
	}
}

func (c *controls) extWindow(doc []byte, v rawjson.Span) *Refusal {
	if rawjson.KindOf(doc, v) != rawjson.Number {
		return refuseParsing("must be a number")
	}
	return c.readWindow(string(v.Of(doc)))
}

func (c *controls) extFields(doc []byte, v rawjson.Span) *Refusal {
	fields, ok := stringOrStrings(doc, v)
	if !ok {
		return refuseParsing("must be a string or an array of strings")
	}
	if len(fields) == 0 || len(fields) > maxControlFields {
		return refuseArgument("must name 1 to %d fields", maxControlFields)
	}
	for _, f := range fields {
		if f == "" || len(f) > maxPathBytes || strings.Contains(f, "*") {
			return refuseArgument("must name fields of at most %d bytes without wildcards", maxPathBytes)
		}
	}
	c.fields = fields
	return nil
}

func (c *controls) extDetails(doc []byte, v rawjson.Span) *Refusal {
	c.details = new(bool)
	return extFlag(doc, v, c.details)
}

func (c *controls) extPassage(doc []byte, v rawjson.Span) *Refusal {
	return extFlag(doc, v, &c.passage)
}

func extFlag(doc []byte, v rawjson.Span, to *bool) *Refusal {
	kind := rawjson.KindOf(doc, v)
	if kind != rawjson.True && kind != rawjson.False {
		return refuseParsing("must be a boolean")
	}
	*to = kind == rawjson.True
	return nil
}

func (c *controls) readTimeout(value string) *Refusal {
	d, ok := parseTimeValue(value)
	if !ok || d <= 0 || d > MaxTimeout {
		return refuseArgument("must be a time with a unit, above 0 and at most %s, for example [500ms]", MaxTimeout)
	}
	c.timeout = d
	return nil
}

// parseTimeValue reads the engines' time values: a whole number and one of nanos, micros, ms, s, m, h, d.
func parseTimeValue(s string) (time.Duration, bool) {
	digits := strings.TrimRight(s, "abcdefghijklmnopqrstuvwxyz")
	units := map[string]time.Duration{
		"nanos": time.Nanosecond, "micros": time.Microsecond, "ms": time.Millisecond, "s": time.Second, "m": time.Minute,
		"h": time.Hour, "d": 24 * time.Hour,
	}
	unit, ok := units[s[len(digits):]]
	n, err := strconv.ParseUint(digits, 10, 31)
	if !ok || err != nil || n > uint64(1<<62)/uint64(unit) {
		return 0, false
	}
	return time.Duration(n) * unit, true
}

func refuseArgument(format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Type: "illegal_argument_exception", Reason: fmt.Sprintf(format, args...)}
}

func refuseParsing(format string, args ...any) *Refusal {
	return &Refusal{Status: http.StatusBadRequest, Type: "parsing_exception", Reason: fmt.Sprintf(format, args...)}
}
