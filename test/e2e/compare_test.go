package e2e

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// masks are what two equal searches may answer differently.
var (
	tookMask    = mask{regexp.MustCompile(`("took" ?: ?)\d+`), `${1}0`}
	yamlMask    = mask{regexp.MustCompile(`(?m)^((?:- )?took: )\d+`), `${1}0`}
	profileMask = mask{regexp.MustCompile(`("[a-z_]+" ?: ?)(?:\d+|"\[[^"]*"|"[0-9.]+(?:nanos|micros|ms)")`), `${1}0`}
	scrollMask  = mask{regexp.MustCompile(`("_scroll_id" ?: ?)"[^"]*"`), `${1}""`}
	pitMask     = mask{regexp.MustCompile(`("(?:pit_id|id)" ?: ?)"[^"]{40,}"`), `${1}""`}
	smileMask   = mask{regexp.MustCompile(`(?s)took.{1,9}?timed_out`), `tooktimed_out`}
	cborMask    = mask{regexp.MustCompile(`(?s)dtook.{1,9}?itimed_out`), `dtook itimed_out`}
	stackMask   = mask{regexp.MustCompile(`("stack_trace" ?: ?)"(?:[^"\\]|\\.)*"`), `${1}""`}
)

type mask struct {
	pattern *regexp.Regexp
	with    string
}

func (m mask) apply(body []byte) []byte { return m.pattern.ReplaceAll(body, []byte(m.with)) }

// ours are the header fields that resift adds, and those that end at each hop. Date is among them: RFC 9110, 6.6.1 has
// a proxy add it where the engine sends none.
var ours = []string{
	"X-Resift-Status", "X-Resift-Reason", "X-Resift-Searches", "X-Resift-Arm", "X-Resift-Query-Id", "X-Resift-Model", "Server-Timing", "Date",
	"Connection", "Transfer-Encoding", "Content-Length",
}

// differences tells how the answer of the proxy differs from the engine's own; nil if it does not.
func differences(direct, proxied answer, masks ...mask) []string {
	var list []string
	if direct.status != proxied.status {
		list = append(list, fmt.Sprintf("status: engine %d, resift %d", direct.status, proxied.status))
	}
	list = append(list, headerDifferences(direct.header, proxied.header)...)
	want, got := direct.body, proxied.body
	for _, m := range append([]mask{tookMask, yamlMask}, masks...) {
		want, got = m.apply(want), m.apply(got)
	}
	if d := firstDifference(want, got); d != "" {
		list = append(list, d)
	}
	return list
}

func headerDifferences(direct, proxied http.Header) []string {
	var list []string
	names := maps.Clone(direct)
	maps.Copy(names, proxied)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if slices.Contains(ours, name) || slices.Equal(direct[name], proxied[name]) {
			continue
		}
		list = append(list, fmt.Sprintf("header %s: engine %q, resift %q", name, direct[name], proxied[name]))
	}
	return list
}

// firstDifference shows both texts around the first byte in which they differ; "" if there is none.
func firstDifference(want, got []byte) string {
	if bytes.Equal(want, got) {
		return ""
	}
	at := 0
	for at < len(want) && at < len(got) && want[at] == got[at] {
		at++
	}
	around := func(b []byte) string {
		from, to := max(0, at-80), min(len(b), at+80)
		return fmt.Sprintf("%q", b[min(from, to):to])
	}
	return fmt.Sprintf("body: %d and %d bytes, the first difference is at %d\n      engine … %s\n      resift … %s",
		len(want), len(got), at, around(want), around(got))
}

// indent lists differences under a line of their own each.
func indent(list []string) string { return "\n    " + strings.Join(list, "\n    ") }
