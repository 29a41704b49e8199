package e2e

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/resift/resift/test/rig"
)

// comparePage is the address of a comparison at the admin port.
func comparePage(p *process, query string) string {
	return p.Admin + "/?" + url.Values{"q": {query}, "index": {docs}, "fields": {"title,text"}}.Encode()
}

// TestComparePage reads the page over plain HTTP on both engines: the model's order is the engine's, reversed.
func TestComparePage(t *testing.T) {
	onBoth(t, func(t *testing.T, e *engine) {
		p := start(t, withScorer(e, rig.NewScorer(t, rig.ReverseOrder)))
		status, page := fetch(t, comparePage(p, "virtual memory"))
		if status != http.StatusOK {
			t.Fatalf("status %d\n%s", status, page)
		}
		for _, want := range []string{"The model’s order: reranked", "▲ up 99, from 100", "▼ to 100", "<mark>", "engine ", "model ", "cache: 0 of 100 pairs known", "The model read this in one piece."} {
			if !strings.Contains(page, want) {
				t.Errorf("the page lacks %q", want)
			}
		}
		status, page = fetch(t, p.Admin+"/?q=x&index=e2e-nowhere")
		if status != http.StatusNotFound || !strings.Contains(page, "index_not_found_exception") {
			t.Errorf("an index that is not there: status %d\n%s", status, page)
		}
	})
}

// TestComparePageInABrowser searches as a person would, on a desk and on a phone, and looks for what only a browser can tell:
// whether the page fits, whether its lines meet its hits, whether its policy lets it be drawn. RESIFT_TEST_SCREENSHOTS names a
// folder that keeps what was seen.
func TestComparePageInABrowser(t *testing.T) {
	c := withScorer(shared.opensearch, rig.NewScorer(t, rig.ByHash))
	c.indices = `[{match: "*", fields: [title, text], long_text: {mode: max, max_tokens: 48, overlap: 12}}]`
	p := start(t, c)
	for _, screen := range []struct {
		name          string
		width, height int
		dark          bool
	}{{"desk", 1280, 1000, false}, {"desk-dark", 1280, 1000, true}, {"phone", 390, 844, false}} {
		t.Run(screen.name, func(t *testing.T) {
			b := rig.NewBrowser(t, screen.width, screen.height, screen.dark)
			b.Open(p.Admin + "/")
			b.Run(nil, `document.querySelector("input[name=index]").value = arguments[0]`, docs)
			b.Type("input[name=q]", `memory <script>alert("x")</script>`)
			b.Click("button")
			b.WaitFor(".after .hit")
			var seen struct {
				Hits, Lines, Wide, Off int
				Query, Background      string
			}
			b.Run(&seen, `
				const lines = [...document.querySelectorAll("svg line")];
				const svg = document.querySelector("svg"), box = svg.getBoundingClientRect();
				const middle = v => box.top + v.baseVal.value * box.height / svg.viewBox.baseVal.height;
				const meets = (y, hits) => [...hits].some(h => { const r = h.getBoundingClientRect(); return Math.abs(y - (r.top + r.bottom) / 2) < 3 });
				let off = 0; // ends of lines that do not meet the middle of a hit
				if (box.width > 0) for (const l of lines) {
					if (!meets(middle(l.y1), document.querySelectorAll("section:not(.after) li"))) off++;
					if (!meets(middle(l.y2), document.querySelectorAll(".after li"))) off++;
				}
				return {
					Hits: document.querySelectorAll(".hit").length, Lines: lines.length, Off: off,
					Wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
					Query: document.querySelector("input[name=q]").value, Background: getComputedStyle(document.body).backgroundColor,
				}`)
			if seen.Hits != 20 || seen.Off != 0 || seen.Wide > 0 {
				t.Errorf("%+v", seen)
			}
			if seen.Query != `memory <script>alert("x")</script>` {
				t.Errorf("the query became %q", seen.Query)
			}
			if light := seen.Background == "rgb(255, 255, 255)"; light == screen.dark {
				t.Errorf("background %s, dark %v", seen.Background, screen.dark)
			}
			if said := b.Complaints(); len(said) > 0 {
				t.Errorf("the browser complains: %q", said)
			}
			b.Keep("compare-" + screen.name)
			b.Click(".after .why")
			b.WaitFor("[popover]:popover-open .read")
			var said struct {
				Inside, Focus bool
				Passage       string
				Marks         int
			}
			b.Run(&said, `
				const open = document.querySelector(":popover-open"), r = open.getBoundingClientRect();
				return {
					Inside: r.left >= 0 && r.right <= innerWidth && r.top >= 0 && r.bottom <= innerHeight,
					Passage: open.querySelector(".read").textContent, Marks: open.querySelectorAll(".read mark").length,
					Focus: document.activeElement.getAttribute("popovertarget") === open.id,
				}`)
			if !said.Inside || !said.Focus || said.Marks == 0 || len(strings.Fields(said.Passage)) > 48 {
				t.Errorf("why the first hit is there: %+v", said)
			}
			b.Keep("why-" + screen.name)
			b.Click(":popover-open .why")
			b.WaitFor("body:not(:has(:popover-open))")
			if said := b.Complaints(); len(said) > 0 {
				t.Errorf("the browser complains of the passage: %q", said)
			}
		})
	}
}
