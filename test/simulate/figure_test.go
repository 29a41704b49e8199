package simulate

import (
	"bytes"
	"fmt"
	"image"
	"image/color"
	"image/png"
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
		newPanel(r.whole.title, r.whole.powers()),
		newPanel(r.narrow.title, r.narrow.powers()),
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
	classes := []string{"split pale", "split", "split dashed", "split dotted", "mixed pale", "mixed", "mixed dashed", "mixed dotted"}
	for i, w := range powers {
		c := curve{Class: classes[i], Name: w.name, Need: w.need()}
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

// shrink writes a screenshot anew with a palette: five bits a channel, or four where that is more than 256 colours.
func shrink(t *testing.T, file string) {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	from, err := png.Decode(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	for bits := 5; ; bits-- {
		if to := withPalette(from, bits); to != nil {
			var out bytes.Buffer
			if err := (&png.Encoder{CompressionLevel: png.BestCompression}).Encode(&out, to); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(file, out.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
			return
		}
	}
}

// withPalette is the picture in no more than 256 colours, each channel rounded to bits; nil if it has more.
func withPalette(from image.Image, bits int) *image.Paletted {
	most := float64(int(1)<<bits - 1)
	round := func(v uint32) uint8 { return uint8(math.Round(math.Round(float64(v)/0xffff*most) / most * 255)) }
	to := image.NewPaletted(from.Bounds(), nil)
	known := map[color.RGBA]uint8{}
	for y := from.Bounds().Min.Y; y < from.Bounds().Max.Y; y++ {
		for x := from.Bounds().Min.X; x < from.Bounds().Max.X; x++ {
			r, g, b, _ := from.At(x, y).RGBA()
			c := color.RGBA{round(r), round(g), round(b), 255}
			i, ok := known[c]
			if !ok {
				if len(to.Palette) == 256 {
					return nil
				}
				i = uint8(len(to.Palette))
				known[c], to.Palette = i, append(to.Palette, c)
			}
			to.SetColorIndex(x, y, i)
		}
	}
	return to
}

var figure = template.Must(template.New("").Funcs(template.FuncMap{"row": func(i int) int { return 276 + 18*i }}).Parse(
	`<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 840 446" font-family="system-ui, sans-serif" font-size="12" role="img">
<title>Share of experiments that see the true winner, by impressions</title>
<style>
svg { color: #1b1f24; --paper: #fff } text { fill: currentColor } .soft { fill: #667 } .grid { stroke: #d5d9df } .goal { stroke: #667; stroke-dasharray: 3 3 }
polyline, .key { fill: none; stroke-width: 2.2 } .split { stroke: #2f6fb3 } .mixed { stroke: #c2571a }
.pale { opacity: .5 } .dashed { stroke-dasharray: 7 4 } .dotted { stroke-dasharray: 2 3 }
@media (prefers-color-scheme: dark) { svg { color: #e6e8ec; --paper: #14171b } .soft { fill: #9aa3ae } .grid { stroke: #343a43 } .goal { stroke: #9aa3ae }
.split { stroke: #7db4f0 } .mixed { stroke: #f0955a } }
</style>
<rect width="840" height="446" style="fill: var(--paper)"/>
{{range .}}<g transform="translate({{.X}} 34)">
<text x="0" y="-14" font-weight="600">{{html .Title}}</text>
{{range .Rows}}<line class="grid" x1="0" x2="330" y1="{{.At}}" y2="{{.At}}"/><text class="soft" x="-6" y="{{.At}}" dy="4" text-anchor="end">{{.Text}}</text>
{{end}}{{range .Ticks}}<text class="soft" x="{{.At}}" y="218" text-anchor="middle">{{.Text}}</text>
{{end}}<line class="goal" x1="0" x2="330" y1="40" y2="40"/>
{{range .Curves}}<polyline class="{{.Class}}" points="{{.Points}}"/>
{{end}}<text class="soft" x="330" y="236" text-anchor="end">impressions</text><text class="soft" x="360" y="258" text-anchor="end">for 80 %</text>
{{range $i, $c := .Curves}}<line class="key {{$c.Class}}" x1="0" x2="26" y1="{{row $i}}" y2="{{row $i}}"/><text x="34" y="{{row $i}}" dy="4">{{html $c.Name}}</text><text x="360" y="{{row $i}}" dy="4" text-anchor="end">{{html $c.Need}}</text>
{{end}}</g>
{{end}}</svg>
`))
