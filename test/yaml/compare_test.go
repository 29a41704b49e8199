package yaml

import (
	"bytes"
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// How an answer of resift's may differ from the engine's.
type likeness int

const (
	equal     likeness = iota // in nothing but the time that it took
	reordered                 // in the order of the hits, and their scores
	repaged                   // in which of the hits are on the page as well
)

// ours are the header fields that resift adds, those of one connection, and what OpenSearch tells of the task that answered. The
// lengths differ with the digits of took.
var ours = []string{"Server-Timing", "Date", "Content-Length", "Connection", "Keep-Alive", "Transfer-Encoding", "Task_resource_usage"}

// goneScroll has the number of a scroll in the error of one that is gone: each side has scrolls of its own.
var goneScroll = regexp.MustCompile(`(No search context found for id )\[\d+\]`)

// difference tells how resift's answer differs from the engine's; "" if it may.
func difference(engine, resift answer, like likeness) string {
	if engine.status != resift.status {
		return fmt.Sprintf("status: engine %d, resift %d %.300s", engine.status, resift.status, resift.body)
	}
	if d := headerDifference(engine.header, resift.header); d != "" {
		return d
	}
	want, got := normal(engine, like), normal(resift, like)
	if bytes.Equal(want, got) {
		return ""
	}
	at := 0
	for at < len(want) && at < len(got) && want[at] == got[at] {
		at++
	}
	around := func(b []byte) []byte { return b[max(0, min(at-120, len(b))):min(len(b), at+120)] }
	return fmt.Sprintf("body at %d:\n      engine … %s\n      resift … %s", at, around(want), around(got))
}

func headerDifference(engine, resift http.Header) string {
	names := maps.Clone(engine)
	maps.Copy(names, resift)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if slices.Contains(ours, name) || strings.HasPrefix(name, "X-Resift-") || slices.Equal(engine[name], resift[name]) {
			continue
		}
		return fmt.Sprintf("header %s: engine %q, resift %q", name, engine[name], resift[name])
	}
	return ""
}

// normal is an answer's body without what two answers to the same request always differ in, and without what resift may
// change. JSON is written anew, members sorted by name.
func normal(a answer, like likeness) []byte {
	doc, err := decode(goneScroll.ReplaceAll(a.body, []byte("$1")))
	if !a.isJSON() || err != nil {
		return a.body
	}
	top, ok := doc.(map[string]any)
	if !ok {
		return appendValue(nil, doc)
	}
	normalizeSearch(top, like)
	if list, ok := top["responses"].([]any); ok {
		for _, r := range list {
			if one, ok := r.(map[string]any); ok {
				normalizeSearch(one, like)
			}
		}
	}
	return appendValue(nil, top)
}

func normalizeSearch(top map[string]any, like likeness) {
	for _, name := range []string{"took", "_scroll_id", "pit_id"} {
		if _, ok := top[name]; ok {
			top[name] = "…"
		}
	}
	if _, ok := top["profile"]; ok { // times, and the larger page that was asked for
		top["profile"] = "…"
	}
	hits, ok := top["hits"].(map[string]any)
	if !ok {
		return
	}
	list, ok := hits["hits"].([]any)
	if !ok {
		return
	}
	for _, h := range list {
		if hit, ok := h.(map[string]any); ok {
			unexplain(hit)
		}
	}
	if like == equal {
		return
	}
	delete(hits, "max_score")
	if like == repaged {
		hits["hits"] = len(list)
		return
	}
	texts := make([]string, len(list))
	for i, h := range list {
		if hit, ok := h.(map[string]any); ok {
			delete(hit, "_score")
		}
		texts[i] = string(appendValue(nil, h))
	}
	slices.Sort(texts)
	hits["hits"] = texts
}

// unexplain takes resift's explanation from around the engine's.
func unexplain(hit map[string]any) {
	outer, _ := hit["_explanation"].(map[string]any)
	description, _ := outer["description"].(string)
	details, _ := outer["details"].([]any)
	if strings.Contains(description, "cross-encoder") && len(details) == 1 {
		hit["_explanation"] = details[0]
	}
}
