package ab

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/ubi"
)

// traffic is records of users who click the first hit with a chance that depends on their arm.
type traffic struct {
	arms   []ubi.QueryAttributes
	chance []float64
	split  []float64 // share of users that each arm really gets
	users  int
}

func (c traffic) write(t *testing.T, dir string) {
	t.Helper()
	sink, err := ubi.NewFiles(dir, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := ubi.NewWriter(ubi.Options{Sink: sink, Queue: 1 << 20, Privacy: ubi.Privacy{Clients: ubi.KeepText}})
	rng := rand.New(rand.NewPCG(4, 2))
	n := 0
	for u := range c.users {
		arm, x := 0, rng.Float64()
		for sum := c.split[0]; x > sum; sum += c.split[arm] {
			arm++
		}
		for range 1 + rng.IntN(4) {
			n++
			id := fmt.Sprint("q", n)
			a := c.arms[arm]
			a.Experiment, a.Status, a.TookMS = "test", "reranked", float64(10+arm)
			q := ubi.Query{QueryID: id, QueryResponseID: id, ClientID: fmt.Sprint("u", u), HitIDs: []string{"a", "b", "c"}, Timestamp: ubi.Time{Time: time.Unix(int64(n), 0)}, Attributes: a}
			w.Query(q)
			if rng.Float64() < c.chance[arm] {
				w.Event(click(id, "a"))
			} else if rng.Float64() < .3 {
				w.Event(click(id, "c"))
			}
		}
	}
	if err := w.Close(context.Background()); err != nil {
		t.Fatal(err)
	}
	if s := w.Stats(); s.Lost > 0 {
		t.Fatalf("%+v", s)
	}
}

func click(query, doc string) ubi.Event {
	return ubi.Event{ActionName: "click", QueryID: query, Attributes: ubi.EventAttributes{Object: ubi.Object{ObjectID: doc}}}
}

func analyse(t *testing.T, c traffic) *Report {
	t.Helper()
	dir := t.TempDir()
	c.write(t, dir)
	r, err := Read(dir, "", "click")
	if err != nil {
		t.Fatal(err)
	}
	rep, err := Analyse(r, Options{Planned: 4000})
	if err != nil {
		t.Fatal(err)
	}
	return rep
}

func halves() []ubi.QueryAttributes {
	return []ubi.QueryAttributes{{Arm: "control", Kind: "control", Share: .5}, {Arm: "treatment", Kind: "treatment", Share: .5}}
}

func TestReportNamesTheWinner(t *testing.T) {
	rep := analyse(t, traffic{arms: halves(), chance: []float64{.3, .45}, split: []float64{.5, .5}, users: 4000})
	if rep.Ratio == nil || rep.Ratio.Mismatch() {
		t.Errorf("sample ratio %+v", rep.Ratio)
	}
	if rep.Arms[0].Name != "control" || len(rep.Arms[0].Differences) != 0 {
		t.Fatalf("%+v", rep.Arms[0])
	}
	d := rep.Arms[1].Differences[0] // CTR@1
	if d.Low > .15 || d.High < .15 || !d.Decided() || d.P > 1e-6 {
		t.Errorf("CTR@1 differs by .15, the report says %+v", d)
	}
	if got := rep.Verdict(0, d); got != "better" {
		t.Errorf("verdict %q", got)
	}
	if got := rep.Verdict(4, rep.Arms[1].Differences[4]); got != "better" { // fewer abandon
		t.Errorf("verdict on abandonment %q: %+v", got, rep.Arms[1].Differences[4])
	}
	if got := rep.Verdict(5, rep.Arms[1].Differences[5]); got != "worse" { // 11 ms against 10
		t.Errorf("verdict on latency %q", got)
	}
	a := rep.Arms[1]
	if a.P50 != 11 || a.Clicks == 0 || math.Abs(a.Means[4]-(1-a.Means[2])) > 1e-12 {
		t.Errorf("%+v", a)
	}
	var text, html bytes.Buffer
	if err := rep.Print(&text); err != nil {
		t.Fatal(err)
	}
	if err := rep.HTML(&html); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"treatment minus control", "CTR@10", "better", "sample ratio: as planned"} {
		if !strings.Contains(text.String(), want) {
			t.Errorf("no %q in\n%s", want, text.String())
		}
	}
	if strings.Contains(html.String(), "NaN") || strings.Contains(html.String(), "ZgotmplZ") || !strings.Contains(html.String(), "treatment minus control") {
		t.Error("the page is wrong")
	}
	if _, err := json.Marshal(rep); err != nil {
		t.Error(err)
	}
}

func TestModelsOfArmsAreNamed(t *testing.T) {
	arms := []ubi.QueryAttributes{{Arm: "control", Kind: "control", Share: .5}, {Arm: "small", Kind: "treatment", Share: .25, Model: "tiny@1"}, {Arm: "large", Kind: "treatment", Share: .25, Model: "big@1"}}
	c := traffic{arms: arms, chance: []float64{.3, .3, .3}, split: []float64{.5, .25, .25}, users: 100}
	written := func(rep *Report) string {
		var text, html bytes.Buffer
		if err := errors.Join(rep.Print(&text), rep.HTML(&html)); err != nil {
			t.Fatal(err)
		}
		return text.String() + html.String()
	}
	out := written(analyse(t, c))
	for _, want := range []string{"\nsmall: scored by tiny@1\n", "\nlarge: scored by big@1\n", "small was scored by tiny@1.", "large was scored by big@1."} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
	if strings.Contains(out, "control: scored") || strings.Contains(out, "SCORED BY") || strings.Contains(out, "ZgotmplZ") {
		t.Errorf("%s", out)
	}
	c.arms = append(c.arms, ubi.QueryAttributes{Arm: "small", Kind: "treatment", Share: .25, Model: "tiny@2"})
	c.chance, c.split = append(c.chance, .3), []float64{.5, .125, .25, .125}
	out = written(analyse(t, c))
	for _, want := range []string{"small: SCORED BY 2 MODELS (tiny@1, tiny@2)", "small was scored by 2 models (tiny@1, tiny@2)"} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestBrokenSplitIsCalledOut(t *testing.T) {
	rep := analyse(t, traffic{arms: halves(), chance: []float64{.3, .3}, split: []float64{.45, .55}, users: 6000})
	if rep.Ratio == nil || !rep.Ratio.Mismatch() {
		t.Errorf("%+v", rep.Ratio)
	}
	var text bytes.Buffer
	if err := rep.Print(&text); err != nil || !strings.Contains(text.String(), "SAMPLE RATIO MISMATCH") {
		t.Errorf("%v\n%s", err, text.String())
	}
	rep = analyse(t, traffic{arms: halves(), chance: []float64{.3, .3}, split: []float64{1, 0}, users: 500})
	if rep.Ratio == nil || !rep.Ratio.Mismatch() {
		t.Errorf("an arm without users: %+v", rep.Ratio)
	}
}

func TestInterleavingCreditsTheTeamsThatWereClicked(t *testing.T) {
	arms := []ubi.QueryAttributes{{Arm: "mixed", Kind: "interleave", Share: 1, Teams: []string{"treatment", "control", "control"}}}
	rep := analyse(t, traffic{arms: arms, chance: []float64{.6}, split: []float64{1}, users: 800})
	v := rep.Interleave[0]
	if v.Wins <= v.Losses || v.Credit == nil || !v.Credit.Decided() || v.Credit.Value < .3 || v.P > 1e-6 || v.Ties != 0 {
		t.Errorf("%+v %+v", v, v.Credit)
	}
	var text bytes.Buffer
	if err := rep.Print(&text); err != nil || !strings.Contains(text.String(), "the model's order is better") {
		t.Errorf("%v\n%s", err, text.String())
	}
}

func TestWhatDoesNotCount(t *testing.T) {
	dir := t.TempDir()
	sink, err := ubi.NewFiles(dir, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := ubi.NewWriter(ubi.Options{Sink: sink, Privacy: ubi.Privacy{Clients: ubi.KeepText}})
	q := func(id, user string, a ubi.QueryAttributes) {
		a.Experiment, a.Kind, a.Arm = "e", "control", "control"
		w.Query(ubi.Query{QueryID: id, ClientID: user, HitIDs: []string{"a", "b"}, Attributes: a})
	}
	q("1", "u", ubi.QueryAttributes{})
	q("2", "u", ubi.QueryAttributes{From: 10})
	q("3", "u", ubi.QueryAttributes{Forced: true})
	q("4", "", ubi.QueryAttributes{})
	q("1", "u", ubi.QueryAttributes{})
	w.Query(ubi.Query{QueryID: "5", ClientID: "u", HitIDs: []string{"a"}}) // of no experiment
	w.Event(click("1", "b"))
	w.Event(click("1", "b")) // twice
	w.Event(click("1", "z")) // not shown
	w.Event(click("2", "a")) // no impression
	w.Event(ubi.Event{ActionName: "hover", QueryID: "1", Attributes: ubi.EventAttributes{Object: ubi.Object{ObjectID: "a"}}})
	if err := w.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	r, err := Read(dir, "e", "click")
	if err != nil {
		t.Fatal(err)
	}
	if want := (Counts{Searches: 5, LaterPage: 1, Forced: 1, NoUnit: 1, Clicks: 1, Unmatched: 2}); r.Counts != want {
		t.Errorf("%+v, want %+v", r.Counts, want)
	}
	rep, err := Analyse(r, Options{})
	if err != nil || rep.Arms[0].Means[1] != 1 || rep.Arms[0].Means[0] != 0 || rep.Arms[0].Means[3] != .5 {
		t.Errorf("%v %+v", err, rep.Arms)
	}
	if err := rep.Print(&bytes.Buffer{}); err != nil {
		t.Error(err)
	}
	for _, c := range []struct{ experiment, want string }{{"other", `no search of the experiment "other"`}} {
		if _, err := Read(dir, c.experiment, "click"); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%v", err)
		}
	}
	if _, err := Read(t.TempDir(), "", "click"); err == nil {
		t.Error("an empty folder is read")
	}
	if _, err := Analyse(r, Options{Control: "nobody"}); err == nil {
		t.Error("a control arm that is not there is taken")
	}
}

// TestTooFewToTell: nine users whose clicks all fell on one side would look like certainty, and are not compared.
func TestTooFewToTell(t *testing.T) {
	arms := []ubi.QueryAttributes{{Arm: "mixed", Kind: "interleave", Share: 1, Teams: []string{"treatment", "control", "control"}}}
	if rep := analyse(t, traffic{arms: arms, chance: []float64{1}, split: []float64{1}, users: leastUsers - 1}); rep.Interleave[0].Credit != nil || rep.Interleave[0].P > .05 {
		t.Errorf("nine users for the model: %+v", rep.Interleave[0])
	}
	rep := analyse(t, traffic{arms: halves(), chance: []float64{.3, .3}, split: []float64{.5, .5}, users: 14})
	var text bytes.Buffer
	if err := rep.Print(&text); err != nil || rep.Arms[1].Differences != nil || !strings.Contains(text.String(), "too few users to compare; each arm needs 10") {
		t.Errorf("%v\n%s", err, text.String())
	}
}
