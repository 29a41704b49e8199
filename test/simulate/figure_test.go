package simulate

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"testing"
	"text/template"
)

// panel is one plot of the figure: the share of runs that see the true winner, by impressions.
type panel struct {
	Title       string
	X           float64
	Curves      []curve
	Ticks, Rows []tick
	Last        bool
}

type curve struct {
	Class, Points, Name string
	Need                string // impressions for 80 %
}

type tick struct {
	At   float64
	Text string
}

// Size of a panel's plot.
const (
	plotWidth, plotHeight = 330.0, 200.0
	panelWidth            = 400.0
)

// draw writes the power curves as an SVG that reads on light and on dark paper.
func (r *results) draw(t *testing.T, file string) {
	t.Helper()
	panels := []panel{
		newPanel("The model over the whole window", r.powers(r.split, r.interleaved)),
		newPanel("The model over the first three hits", r.powers(r.slight, r.slightlyMixed)),
	}
	for i := range panels {
		panels[i].X = 50 + float64(i)*panelWidth
	}
	var out bytes.Buffer
	if err := figure.Execute(&out, panels); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

func newPanel(title string, powers []power) panel {
	p := panel{Title: title}
	looks := powers[0].tally.looks
	first, last := math.Log(float64(looks[0])), math.Log(float64(looks[len(looks)-1]))
	x := func(n float64) float64 { return (math.Log(n) - first) / (last - first) * plotWidth }
	y := func(share float64) float64 { return plotHeight * (1 - share) }
	for i, w := range powers {
		c := curve{Class: fmt.Sprintf("c%d", i), Name: w.name, Need: w.need()}
		for at, look := range looks {
			c.Points += fmt.Sprintf("%.1f,%.1f ", x(float64(look)), y(w.share(at)))
		}
		p.Curves = append(p.Curves, c)
	}
	for _, n := range []float64{50, 100, 200, 500, 1000, 2000, 5000} {
		p.Ticks = append(p.Ticks, tick{x(n), fmt.Sprint(n)})
	}
	for _, share := range []float64{0, .2, .4, .6, .8, 1} {
		p.Rows = append(p.Rows, tick{y(share), fmt.Sprintf("%.0f %%", 100*share)})
	}
	return p
}

var figure = template.Must(template.New("").Funcs(template.FuncMap{"row": func(i int) int { return 276 + 18*i }}).Parse(
	`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 840 420" font-family="system-ui, sans-serif" font-size="12" role="img">
<title>Share of experiments that see the true winner, by impressions</title>
<style>
svg { color: #1b1f24; --paper: #fff } text { fill: currentColor } .soft { fill: #667 } .grid { stroke: #d5d9df } .goal { stroke: #667; stroke-dasharray: 3 3 }
polyline, .key { fill: none; stroke-width: 2.2 } .c0 { stroke: #9db7d8 } .c1 { stroke: #2f6fb3 } .c2 { stroke: #2f6fb3; stroke-dasharray: 7 4 }
.c3 { stroke: #c2571a } .c4 { stroke: #e3a679 } .c5 { stroke: #c2571a; stroke-dasharray: 7 4 }
@media (prefers-color-scheme: dark) { svg { color: #e6e8ec; --paper: #14171b } .soft { fill: #9aa3ae } .grid { stroke: #343a43 } .goal { stroke: #9aa3ae }
.c0 { stroke: #5b7da8 } .c1, .c2 { stroke: #7db4f0 } .c3, .c5 { stroke: #f0955a } .c4 { stroke: #a8683f } }
</style>
<rect width="840" height="420" style="fill: var(--paper)"/>
{{range .}}<g transform="translate({{.X}} 34)">
<text x="0" y="-14" font-weight="600">{{html .Title}}</text>
{{range .Rows}}<line class="grid" x1="0" x2="330" y1="{{.At}}" y2="{{.At}}"/><text class="soft" x="-6" y="{{.At}}" dy="4" text-anchor="end">{{.Text}}</text>
{{end}}{{range .Ticks}}<text class="soft" x="{{.At}}" y="218" text-anchor="middle">{{.Text}}</text>
{{end}}<line class="goal" x1="0" x2="330" y1="40" y2="40"/>
{{range .Curves}}<polyline class="{{.Class}}" points="{{.Points}}"/>
{{end}}<text class="soft" x="330" y="236" text-anchor="end">impressions</text><text class="soft" x="330" y="258" text-anchor="end">for 80 %</text>
{{range $i, $c := .Curves}}<line class="key {{$c.Class}}" x1="0" x2="26" y1="{{row $i}}" y2="{{row $i}}"/><text x="34" y="{{row $i}}" dy="4">{{html $c.Name}}</text><text x="330" y="{{row $i}}" dy="4" text-anchor="end">{{html $c.Need}}</text>
{{end}}</g>
{{end}}</svg>
`))
