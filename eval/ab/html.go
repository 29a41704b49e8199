package ab

import (
	"embed"
	"fmt"
	"html/template"
	"io"
)

//go:embed report.html.tmpl
var pages embed.FS

// HTML writes the report as one page that needs nothing beside it.
func (rep *Report) HTML(w io.Writer) error {
	t, err := template.New("report.html.tmpl").Funcs(template.FuncMap{
		"f1": func(v float64) string { return fmt.Sprintf("%.1f", v) },
		"f4": func(v float64) string { return fmt.Sprintf("%.4f", v) },
		"d4": func(v float64) string { return fmt.Sprintf("%+.4f", v) },
		"p5": pValue,
		"pc": func(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) },
	}).ParseFS(pages, "report.html.tmpl")
	if err != nil {
		return err
	}
	return t.Execute(w, rep.page())
}

type page struct {
	*Report
	Compared []compared
}

// compared is one arm's differences to control.
type compared struct {
	Name, Control string
	Rows          []line
}

// line is one difference, with its intervals as positions in a plot 300 units wide whose middle is zero.
type line struct {
	Measure, Verdict                   string
	D                                  Difference
	Low, High, Value, AnyLow, AnyWidth float64
	Width                              float64
}

const plotWidth = 300.0

func (rep *Report) page() *page {
	p := &page{Report: rep}
	for _, a := range rep.Arms {
		if a.Differences == nil {
			continue
		}
		c := compared{Name: a.Name, Control: rep.Arms[0].Name}
		for i, d := range a.Differences {
			c.Rows = append(c.Rows, place(rep.Measures[i].Name, rep.Verdict(i, d), d))
		}
		p.Compared = append(p.Compared, c)
	}
	return p
}

// place scales one difference's intervals so that the wider one fills the plot.
func place(measure, verdict string, d Difference) line {
	reach := max(d.AnytimeHigh, -d.AnytimeLow, d.High, -d.Low, 1e-12)
	x := func(v float64) float64 { return plotWidth/2 + v/reach*(plotWidth/2-4) }
	return line{
		Measure: measure, Verdict: verdict, D: d, Low: x(d.Low), High: x(d.High), Value: x(d.Value), AnyLow: x(d.AnytimeLow),
		AnyWidth: x(d.AnytimeHigh) - x(d.AnytimeLow), Width: x(d.High) - x(d.Low),
	}
}
