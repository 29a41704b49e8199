package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

// TestExperimentsPage has users search and click in an experiment with every kind of arm, and looks at the page while resift
// runs: by plain HTTP, then in a browser, on a desk and on a phone.
func TestExperimentsPage(t *testing.T) {
	p := startExperiment(t, shared.opensearch, t.TempDir())
	if status, page := fetch(t, p.Admin+"/"); status != http.StatusOK || !strings.Contains(page, `href="experiments"`) {
		t.Errorf("the compare page has no link to the experiments: %d\n%s", status, page)
	}
	if _, page := fetch(t, p.Admin+"/experiments"); !strings.Contains(page, "holds no search of the experiment") {
		t.Errorf("before the first search:\n%s", page)
	}
	const users = 90
	for u := range users {
		a := p.ask(post("/"+docs+"/_search", experimentSearch(0, 10), fmt.Sprintf("X-User: user-%d", u)))
		if ids := idsOf(t, a.body); u%2 == 0 {
			click(t, p, a.header.Get("X-Resift-Query-Id"), ids[u%10])
		}
	}
	p.ask(post("/"+docs+"/_search", experimentSearch(0, 10), "X-Resift-Arm: model"))
	var page string
	eventually(t, "all searches are on the page", time.Minute, func() bool {
		_, page = fetch(t, p.Admin+"/experiments")
		return strings.Contains(page, fmt.Sprintf("%d searches, of which 1 are not compared", users+1)) && strings.Contains(page, fmt.Sprintf("%d clicks", users/2))
	})
	for _, want := range []string{"on e2e-*", "The arms have the users that the split planned", "mixed: the model&#39;s documents won", "shadow: in ", ">CTR@10<", `class="undecided"`} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q\n%s", want, page)
		}
	}
	for _, screen := range []struct {
		name          string
		width, height int
		dark          bool
	}{{"desk", 1280, 800, false}, {"phone-dark", 390, 844, true}} {
		t.Run(screen.name, func(t *testing.T) {
			b := rig.NewBrowser(t, screen.width, screen.height, screen.dark)
			b.Open(p.Admin + "/")
			b.Click("nav a")
			b.WaitFor("section table")
			var seen struct{ Arms, Drawn, Out, Wide int }
			b.Run(&seen, `return {
				Arms: document.querySelectorAll("tbody tr").length,
				Drawn: [...document.querySelectorAll("line.interval")].filter(l => l.getBoundingClientRect().width > 1).length,
				Out: [...document.querySelectorAll("td, td *")].filter(c => { const r = c.getBoundingClientRect(); return r.width > 0 && (r.left < 0 || r.right > innerWidth) }).length,
				Wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
			}`)
			if seen.Arms != 5 || seen.Drawn == 0 || seen.Out > 0 || seen.Wide > 0 {
				t.Errorf("%+v", seen)
			}
			b.Keep("experiments-" + screen.name)
			b.Click("section a")
			b.WaitFor("svg .any")
			if said := b.Complaints(); len(said) > 0 {
				t.Errorf("the browser complains: %q", said)
			}
			b.Keep("report-" + screen.name)
		})
	}
}
