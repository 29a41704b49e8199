package eval

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
)

// Print writes the report for a terminal: one treatment beside control, several as a table with a line each.
func (r *Report) Print(w io.Writer) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	if len(r.Treatments()) == 1 {
		r.printPair(t)
	} else {
		r.printMany(t)
	}
	if err := t.Flush(); err != nil {
		return err
	}
	adjusted := ""
	if n := len(r.Treatments()); n > 1 {
		adjusted = fmt.Sprintf(", adjusted for %d comparisons (Holm)", n)
	}
	fmt.Fprintf(w, "%d queries; a document of grade %d or more is relevant; p: paired randomisation test, two-sided%s\n",
		len(r.Queries), r.Options.Relevant, adjusted)
	for _, a := range r.Arms {
		if _, err := fmt.Fprintf(w, "%s: %s\n", a.Name, a.statuses()); err != nil {
			return err
		}
	}
	return nil
}

func (r *Report) printPair(w io.Writer) {
	c, t := r.Control(), r.Treatments()[0]
	control, treatment := c.Mean.Values(), t.Mean.Values()
	fmt.Fprintf(w, "\tcontrol\t%s\tdifference\tp\t\n", t.Name)
	for i, name := range r.Options.Names() {
		fmt.Fprintf(w, "%s\t%.4f\t%.4f\t%+.4f\t%.5f\t\n", name, control[i], treatment[i], treatment[i]-control[i], t.P[i])
	}
	fmt.Fprintf(w, "p50 ms\t%.1f\t%.1f\t\t\t\np95 ms\t%.1f\t%.1f\t\t\t\n", c.P50, t.P50, c.P95, t.P95)
}

func (r *Report) printMany(w io.Writer) {
	names := r.Options.Names()
	fmt.Fprintf(w, "\t%s\tdifference\tp\t%s\tp50 ms\tp95 ms\t\n", names[0], strings.Join(names[1:], "\t"))
	for i, a := range r.Arms {
		v := a.Mean.Values()
		difference, p := "", ""
		if i > 0 {
			difference, p = fmt.Sprintf("%+.4f", v[0]-r.Control().Mean.NDCG), fmt.Sprintf("%.5f", a.P[0])
		}
		fmt.Fprintf(w, "%s\t%.4f\t%s\t%s\t%.4f\t%.4f\t%.4f\t%.1f\t%.1f\t\n", a.Name, v[0], difference, p, v[1], v[2], v[3], a.P50, a.P95)
	}
}

// statuses are the arm's searches by what became of them and the models that scored, such as "74 reranked, by resift-tiny@1f3a9c04".
func (a *ArmReport) statuses() string {
	var parts []string
	for _, status := range slices.Sorted(maps.Keys(a.Statuses)) {
		parts = append(parts, fmt.Sprintf("%d %s", a.Statuses[status], status))
	}
	for _, m := range a.ScoredBy {
		parts = append(parts, "by "+m)
	}
	return strings.Join(parts, ", ")
}

// PrintQueries writes a line a query and treatment, the largest loss of nDCG first.
func (r *Report) PrintQueries(w io.Writer) error {
	names := r.Options.Names()
	if _, err := fmt.Fprintf(w, "arm\tquery\tcontrol %s\ttreatment %s\tdifference\tcontrol %s\ttreatment %s\ttext\n", names[0], names[0], names[1], names[1]); err != nil {
		return err
	}
	for i := range r.Treatments() {
		t := &r.Treatments()[i]
		for _, d := range r.Deltas(t) {
			q := r.Queries[d.Query]
			if _, err := fmt.Fprintf(w, "%s\t%s\t%.4f\t%.4f\t%+.4f\t%.4f\t%.4f\t%s\n",
				t.Name, q.ID, d.Control.NDCG, d.Treatment.NDCG, d.NDCG(), d.Control.MRR, d.Treatment.MRR, q.Text); err != nil {
				return err
			}
		}
	}
	return nil
}

// Save writes the run of each arm and the table of queries into a folder, which it makes.
func (r *Report) Save(dir string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	for _, a := range r.Arms {
		name := strings.Map(func(c rune) rune {
			if strings.ContainsRune(`/\: `, c) {
				return '-'
			}
			return c
		}, a.Name)
		err := WriteFile(filepath.Join(dir, name+".run"), func(w io.Writer) error { return a.Run.Write(w, r.Queries, "resift-"+name) })
		if err != nil {
			return err
		}
	}
	return WriteFile(filepath.Join(dir, "queries.tsv"), r.PrintQueries)
}

// WriteFile makes or replaces a file by what write writes.
func WriteFile(name string, write func(io.Writer) error) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return errors.Join(write(f), f.Close())
}
