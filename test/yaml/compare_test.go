package yaml

import (
	"fmt"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// identity is the number by which Java prints an object that has no text of its own.
var identity = regexp.MustCompile(`([A-Za-z]\w*)@[0-9a-f]{5,8}\b`)

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

// difference tells how resift's answer differs from two of the engine's, "" if it does in nothing but what it may, or in what
// the engine's differ in themselves.
func difference(before, after, resift answer, like likeness) string {
	if before.status == after.status && before.status != resift.status {
		return fmt.Sprintf("status: engine %d, resift %d %.300s", before.status, resift.status, resift.body)
	}
	if d := headerDifference(before.header, after.header, resift.header); d != "" {
		return d
	}
	return apart(normal(before, like), normal(after, like), normal(resift, like), "")
}

func headerDifference(before, after, resift http.Header) string {
	names := maps.Clone(before)
	maps.Copy(names, resift)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if slices.Contains(ours, name) || strings.HasPrefix(name, "X-Resift-") {
			continue
		}
		if !slices.Equal(before[name], resift[name]) && slices.Equal(before[name], after[name]) {
			return fmt.Sprintf("header %s: engine %q, resift %q", name, before[name], resift[name])
		}
	}
	return ""
}

// apart finds the first place where two documents of the engine's have the same value and resift's has another. Where theirs
// are objects or lists of the same shape, it looks inside.
func apart(before, after, resift any, path string) string {
	switch b := before.(type) {
	case map[string]any:
		a, ok := after.(map[string]any)
		if !ok || !sameKeys(b, a) {
			return ""
		}
		r, ok := resift.(map[string]any)
		if !ok || !sameKeys(b, r) {
			return said(path, before, resift)
		}
		for _, key := range slices.Sorted(maps.Keys(b)) {
			if d := apart(b[key], a[key], r[key], path+"."+key); d != "" {
				return d
			}
		}
		return ""
	case []any:
		a, ok := after.([]any)
		if !ok || len(b) != len(a) {
			return ""
		}
		r, ok := resift.([]any)
		if !ok || len(b) != len(r) {
			return said(path, before, resift)
		}
		for i := range b {
			if d := apart(b[i], a[i], r[i], fmt.Sprint(path, ".", i)); d != "" {
				return d
			}
		}
		return ""
	}
	if before == resift || before != after {
		return ""
	}
	return said(path, before, resift)
}

func sameKeys(a, b map[string]any) bool {
	for key := range a {
		if _, ok := b[key]; !ok {
			return false
		}
	}
	return len(a) == len(b)
}

func said(path string, engine, resift any) string {
	return fmt.Sprintf("body at %s:\n      engine %.600s\n      resift %.600s", path, appendValue(nil, engine), appendValue(nil, resift))
}

// normal is an answer's body without what two answers to the same request always differ in, and without what resift may
// change. What is no JSON is a text.
func normal(a answer, like likeness) any {
	body := goneScroll.ReplaceAll(a.body, []byte("$1"))
	body = identity.ReplaceAll(body, []byte("$1"))
	doc, err := decode(body)
	if !a.isJSON() || err != nil {
		return string(body)
	}
	top, ok := doc.(map[string]any)
	if !ok {
		return doc
	}
	normalizeSearch(top, like)
	if list, ok := top["responses"].([]any); ok {
		for _, r := range list {
			if one, ok := r.(map[string]any); ok {
				normalizeSearch(one, like)
			}
		}
	}
	return top
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
		hits["hits"] = strconv.Itoa(len(list)) + " hits"
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
	for i, text := range texts {
		list[i] = text
	}
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
