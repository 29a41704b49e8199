package eval

import (
	"embed"
	"fmt"
	"html/template"
	"io"
	"math"
	"strings"
)

//go:embed report.html.tmpl
var pages embed.FS

// worst is how many of a treatment's largest losses, and of its largest gains, a page shows with both top tens.
const worst = 10

// HTML writes the report as one page that needs nothing beside it: a table of all arms, curves over the window where several
// were tried, and for each treatment every query's difference and the largest losses and gains with both orders.
func (r *Report) HTML(w io.Writer, title string) error {
	t, err := template.New("report.html.tmpl").Funcs(template.FuncMap{
		"f1": func(v float64) string { return fmt.Sprintf("%.1f", v) },
		"f4": func(v float64) string { return fmt.Sprintf("%.4f", v) },
		"d4": func(v float64) string { return fmt.Sprintf("%+.4f", v) },
		"p5": func(v float64) string { return fmt.Sprintf("%.5f", v) },
	}).ParseFS(pages, "report.html.tmpl")
	if err != nil {
		return err
	}
	return t.Execute(w, r.page(title))
}

// page is what the template reads.
type page struct {
	Title   string
	Report  *Report
	Names   []string
	Rows    []row
	Curves  []curve
	Details []detail
}

type row struct {
	*ArmReport
	Values     []float64
	Difference float64
	Statuses   string
	First      bool
}

// detail is one treatment beside control, query by query.
type detail struct {
	Name                string
	Bars                []bar
	Width, Zero         float64
	Losses, Gains, Same int
	Worst, Best         []change
}

// bar is one query's difference, as a rectangle in a plot 200 units high.
type bar struct {
	X, Y, Width, Height float64
	Loss                bool
	Label               string
}

// change is a query with both orders.
type change struct {
	Query              Query
	Control, Treatment Measures
	Difference         float64
	Before, After      []place
}

// place is a document in an order.
type place struct {
	Rank, Other int // 1-based; Other: its rank in the other order, 0 for none
	ID, Text    string
	Judged      bool
	Grade       int
	Relevant    bool
}

const plotHeight = 200.0

// barWidth of a plot with n bars: wide enough to point at, the whole about as wide as a page.
func barWidth(n int) float64 { return max(4, min(24, 800/float64(max(n, 1)))) }

func (r *Report) page(title string) *page {
	p := &page{Title: title, Report: r, Names: r.Options.Names(), Curves: r.curves()}
	for i := range r.Arms {
		a := &r.Arms[i]
		p.Rows = append(p.Rows, row{a, a.Mean.Values(), a.Mean.NDCG - r.Control().Mean.NDCG, a.statuses(), i == 0})
	}
	for i := range r.Treatments() {
		p.Details = append(p.Details, r.detail(&r.Treatments()[i]))
	}
	return p
}

func (r *Report) detail(t *ArmReport) detail {
	deltas := r.Deltas(t)
	width := barWidth(len(deltas))
	d := detail{Name: t.Name, Width: width * float64(len(deltas)), Zero: plotHeight / 2}
	for i, x := range deltas {
		v := x.NDCG()
		height := math.Abs(v) * plotHeight / 2
		b := bar{X: width * float64(i), Y: d.Zero, Width: width * .8, Height: height, Loss: v < 0,
			Label: fmt.Sprintf("%s %+.4f: %s", r.Queries[x.Query].ID, v, r.Queries[x.Query].Text)}
		switch {
		case v > 0:
			d.Gains++
			b.Y -= height
		case v < 0:
			d.Losses++
		default:
			d.Same++
		}
		d.Bars = append(d.Bars, b)
	}
	for i := range min(worst, d.Losses) {
		d.Worst = append(d.Worst, r.change(t, deltas[i]))
	}
	for i := range min(worst, d.Gains) {
		d.Best = append(d.Best, r.change(t, deltas[len(deltas)-1-i]))
	}
	return d
}

func (r *Report) change(t *ArmReport, d Delta) change {
	q := r.Queries[d.Query]
	before, after := r.Control().Run[q.ID], t.Run[q.ID]
	return change{
		Query: q, Control: d.Control, Treatment: d.Treatment, Difference: d.NDCG(),
		Before: r.places(q, before, after, t), After: r.places(q, after, before, t),
	}
}

// places are the first ten of an order, with where the other order has them.
func (r *Report) places(q Query, docs, other []Ranked, t *ArmReport) []place {
	ranks := make(map[string]int, len(other))
	for i, d := range other {
		ranks[d.ID] = i + 1
	}
	var out []place
	for i, d := range docs[:min(len(docs), 10)] {
		grade, judged := r.Qrels[q.ID][d.ID]
		text := r.Control().Texts[d.ID]
		if text == "" {
			text = t.Texts[d.ID]
		}
		out = append(out, place{i + 1, ranks[d.ID], d.ID, text, judged, grade, judged && grade >= r.Options.Relevant})
	}
	return out
}

// curve is nDCG and latency over the window, for one source and model with several windows.
type curve struct {
	Of            string // what it is of, where there are several
	Points        []point
	NDCG, Latency string // SVG polylines in a plot of 480 by 200
	Top           float64
	Slowest       float64
}

type point struct {
	X, NDCGY, LatencyY float64
	Window             int
	NDCG, P50          float64
}

func (r *Report) curves() []curve {
	var out []curve
	places := map[string]int{}
	for _, a := range r.Treatments() {
		if a.Window == 0 {
			continue
		}
		of := strings.Trim(a.Source+", "+a.Model, ", ")
		at, ok := places[of]
		if !ok {
			at = len(out)
			places[of] = at
			out = append(out, curve{Of: of, Points: []point{{NDCG: r.Control().Mean.NDCG, P50: r.Control().P50}}})
		}
		out[at].Points = append(out[at].Points, point{Window: a.Window, NDCG: a.Mean.NDCG, P50: a.P50})
	}
	kept := out[:0]
	for _, c := range out {
		if len(c.Points) > 2 {
			c.draw()
			kept = append(kept, c)
		}
	}
	return kept
}

// draw places the points; both axes begin at zero, so that no difference looks larger than it is.
func (c *curve) draw() {
	widest := 1.0
	for _, p := range c.Points {
		widest, c.Top, c.Slowest = max(widest, float64(p.Window)), max(c.Top, p.NDCG), max(c.Slowest, p.P50)
	}
	var ndcg, latency strings.Builder
	for i := range c.Points {
		p := &c.Points[i]
		p.X = 480 * float64(p.Window) / widest
		p.NDCGY = plotHeight * (1 - p.NDCG/max(c.Top, 1e-9))
		p.LatencyY = plotHeight * (1 - p.P50/max(c.Slowest, 1e-9))
		fmt.Fprintf(&ndcg, "%.1f,%.1f ", p.X, p.NDCGY)
		fmt.Fprintf(&latency, "%.1f,%.1f ", p.X, p.LatencyY)
	}
	c.NDCG, c.Latency = strings.TrimSpace(ndcg.String()), strings.TrimSpace(latency.String())
}
