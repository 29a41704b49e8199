package compare

import (
	"context"
	"io"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

type going []Experiment

func (g going) Experiments(context.Context) []Experiment { return g }

func showExperiments(t *testing.T, e Experiments, target string) (int, string) {
	t.Helper()
	h, err := New(Options{Experiments: e})
	if err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	h.ServeExperiments(w, httptest.NewRequest("GET", target, nil))
	if !strings.HasPrefix(w.Header().Get("Content-Security-Policy"), "default-src 'none'") {
		t.Error("no content security policy")
	}
	return w.Code, w.Body.String()
}

func TestExperimentsPage(t *testing.T) {
	list := going{
		{
			Name: `<b> & co`, Indices: []string{"shop-*", "books"}, Searches: 1234, Clicks: 321, LeftOut: 17, AsOf: time.Date(2026, 11, 28, 21, 2, 3, 0, time.UTC),
			Split: Split{Tested: true, Mismatch: true, P: 1e-7}, Measures: []string{"CTR@1", "CTR@3"},
			Arms: []Arm{
				{Name: "control", Kind: "control", Share: .5, Users: 101, Searches: 611, Clicks: 99, Figures: []Figure{{Mean: .2}, {Mean: .25}}},
				{Name: "model", Kind: "treatment", Share: .5, Users: 102, Searches: 612, Clicks: 111, Figures: []Figure{
					{Mean: .31, Difference: &Difference{.11, .04, .18, .06, .16, "better"}}, {Mean: .24, Difference: &Difference{-.01, -1.5, .03, -.04, .02, "undecided"}}}},
			},
			Notes:  []string{"mixed: the <model> won."},
			Report: func(w io.Writer) error { _, err := io.WriteString(w, "the whole report"); return err },
		},
		{Name: "new", Indices: []string{"*"}, Problem: "No <search> yet."},
	}
	status, page := showExperiments(t, list, "/experiments")
	for _, want := range []string{
		"&lt;b&gt; &amp; co</h2>", "shop-*, books", "1234 searches, of which 17 are not compared", "321 clicks", "2026-11-28 21:02:03 UTC",
		"Sample ratio mismatch (p 1e-07)", "control, 50.0 % of users", ">101<", ">612<", "31.0 %<span>&#43;11.0 (&#43;4.0 to &#43;18.0)</span>", `class="interval" x1="61.1" x2="100.0"`, `class="look better" x1="66.7" x2="94.4"`,
		"-1.0 (-100.0 to &#43;3.0)", `x1="0.0" x2="51.5"`, `<span class="undecided">undecided</span>`, "the &lt;model&gt; won.", `href="?report=%3cb%3e%20%26%20co"`, "No &lt;search&gt; yet.",
	} {
		if status != 200 || !strings.Contains(page, want) {
			t.Errorf("status %d, the page lacks %q", status, want)
		}
	}
	for _, never := range []string{"<script", "<b>", "ZgotmplZ", "http://", "https://"} {
		if strings.Contains(page, never) {
			t.Errorf("the page holds %q", never)
		}
	}
	if t.Failed() {
		t.Log(page)
	}
	if status, page := showExperiments(t, list, "/experiments?report=%3cb%3e%20%26%20co"); status != 200 || page != "the whole report" {
		t.Errorf("report: %d %s", status, page)
	}
	for _, unknown := range []string{"new", "nobody", ""} {
		if status, page := showExperiments(t, list, "/experiments?report="+unknown); status != 404 || !strings.Contains(page, "1234 searches") {
			t.Errorf("report of %q: %d %s", unknown, status, page)
		}
	}
}

func TestPagesWithoutExperiments(t *testing.T) {
	status, page := showExperiments(t, nil, "/experiments")
	if status != 200 || !strings.Contains(page, "No rule has an experiment") {
		t.Errorf("%d %s", status, page)
	}
	for e, want := range map[Experiments]bool{nil: false, &one{}: true} {
		h, err := New(Options{Search: &canned{t: t}, Experiments: e})
		if err != nil {
			t.Fatal(err)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", "/", nil))
		if strings.Contains(w.Body.String(), `href="experiments"`) != want {
			t.Errorf("experiments %v:\n%s", e, w.Body)
		}
	}
}

type one struct{}

func (*one) Experiments(context.Context) []Experiment { return nil }
