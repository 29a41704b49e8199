package main

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
)

// table is printed whole when it is complete: rows take minutes to come.
type table struct {
	out   io.Writer
	title string
	rows  [][]string
}

func (t *table) row(cells ...string) { t.rows = append(t.rows, cells) }

func (t *table) flush() error {
	fmt.Fprintf(t.out, "\n%s\n\n", t.title)
	w := tabwriter.NewWriter(t.out, 0, 0, 2, ' ', 0)
	for _, cells := range t.rows {
		fmt.Fprintln(w, "  "+strings.Join(cells, "\t"))
	}
	return w.Flush()
}
