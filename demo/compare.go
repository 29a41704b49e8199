package demo

import (
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"
)

// Order is one arm's hits for a query.
type Order struct {
	Name string // heading: the arm, and what the proxy said of it
	Hits []Hit
	Took time.Duration
}

// Hit is what the comparison shows of a hit.
type Hit struct{ ID, Title string }

// Compare writes the first rows of two orders side by side. In the second each hit says how far it moved: ▲ up, ▼ down,
// = not at all, and from which rank it came if the first order does not show it.
func Compare(w io.Writer, query string, before, after Order, rows, width int) error {
	rank := map[string]int{}
	for i, h := range before.Hits {
		rank[h.ID] = i + 1
	}
	column := max((width-4)/2, 24)
	var b strings.Builder
	fmt.Fprintf(&b, "\n  “%s”\n", query)
	fmt.Fprintf(&b, "  %s %s\n", pad(heading(before), column), heading(after))
	for i := range rows {
		left, right := "", ""
		if i < len(before.Hits) {
			left = fmt.Sprintf("%2d        %s", i+1, before.Hits[i].Title)
		}
		if i < len(after.Hits) {
			h := after.Hits[i]
			right = fmt.Sprintf("%2d  %-5s %s", i+1, move(rank[h.ID], i+1), h.Title)
		}
		fmt.Fprintf(&b, "  %s %s\n", pad(left, column), strings.TrimRight(pad(right, column), " "))
	}
	_, err := io.WriteString(w, b.String())
	return err
}

func heading(o Order) string {
	return fmt.Sprintf("%s, %d ms", o.Name, o.Took.Milliseconds())
}

// move says how a hit came from rank was to rank is.
func move(was, is int) string {
	switch {
	case was == 0:
		return "new"
	case was > is:
		return fmt.Sprintf("▲%d", was-is)
	case was < is:
		return fmt.Sprintf("▼%d", is-was)
	}
	return "="
}

// pad cuts or fills s to n characters.
func pad(s string, n int) string {
	if count := utf8.RuneCountInString(s); count <= n {
		return s + strings.Repeat(" ", n-count)
	}
	runes := []rune(s)
	return string(runes[:n-1]) + "…"
}
