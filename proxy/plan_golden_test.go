package proxy

import (
	"bufio"
	"flag"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/plan anew")

// split stands between the request and the plan of a golden file.
const split = "\n=====\n"

// TestGoldenPlans holds the plans of whole requests, byte for byte. Each file of testdata/plan has a request as HTTP/1.1 writes it
// (without Host), then the plan of it under testRules.
func TestGoldenPlans(t *testing.T) {
	files, err := filepath.Glob("testdata/plan/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatalf("no golden files: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			content, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			request, want, _ := strings.Cut(string(content), split)
			got := describePlan(Plan(readRequest(t, request), testRules()))
			if *update {
				if err := os.WriteFile(file, []byte(request+split+got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if got != want {
				t.Errorf("plan:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}

func readRequest(t *testing.T, text string) *Request {
	t.Helper()
	head, body, _ := strings.Cut(text, "\n\n")
	lines := strings.Split(head, "\n")
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(lines[0] + " HTTP/1.1\r\nHost: x\r\n" + strings.Join(append(lines[1:], "", ""), "\r\n"))))
	if err != nil {
		t.Fatal(err)
	}
	return &Request{Method: r.Method, Path: r.URL.EscapedPath(), RawQuery: r.URL.RawQuery, Header: r.Header, Body: []byte(body)}
}

// describePlan writes a plan for people to read.
func describePlan(d Decision) string {
	var b strings.Builder
	switch {
	case d.Refusal != nil:
		fmt.Fprintf(&b, "refusal: %d %s: %s\n", d.Refusal.Status, d.Refusal.Type, d.Refusal.Reason)
		return b.String()
	case d.Bypass != "":
		fmt.Fprintf(&b, "bypass: %s\n\n", d.Bypass)
		writeOutgoing(&b, "own", d.Own)
		return b.String()
	}
	fmt.Fprintf(&b, "query: %s\n", d.Query)
	fmt.Fprintf(&b, "page: from %d size %d of window %d, fetch %d\n", d.From, d.Size, d.Window, d.Fetch)
	for _, f := range d.Fields {
		where := "_source"
		if f.Fetched {
			where = "fields"
		}
		fmt.Fprintf(&b, "text: %s of %s\n", f.Path, where)
	}
	for _, note := range []struct {
		name  string
		value []string
	}{{"strip fields", d.Strip}, {"strip highlight", d.StripHighlight}, {"filter_path", d.FilterPath}} {
		if len(note.value) > 0 {
			fmt.Fprintf(&b, "%s: %s\n", note.name, strings.Join(note.value, ", "))
		}
	}
	fmt.Fprintf(&b, "timeout %s, score %s, long text %s, details %v, explain %v, on failure %s\n\n",
		d.Timeout, d.Score, d.LongText.Mode, d.Details, d.Explain, d.OnFailure)
	writeOutgoing(&b, "first", d.First)
	if d.OwnEdited {
		b.WriteByte('\n')
		writeOutgoing(&b, "own", d.Own)
	}
	return b.String()
}

func writeOutgoing(b *strings.Builder, name string, out Outgoing) {
	target := out.Path
	if out.RawQuery != "" {
		target += "?" + out.RawQuery
	}
	fmt.Fprintf(b, "%s: %s %s\n", name, out.Method, target)
	var names []string
	for h := range out.Header {
		names = append(names, h)
	}
	slices.Sort(names)
	for _, h := range names {
		fmt.Fprintf(b, "%s: %s\n", h, strings.Join(out.Header[h], ", "))
	}
	if len(out.Body) > 0 {
		fmt.Fprintf(b, "%s\n", strings.TrimSuffix(string(out.Body), "\n"))
	}
}
