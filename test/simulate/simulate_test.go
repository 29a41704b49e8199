package simulate

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/resift/resift/eval/ab"
	"github.com/resift/resift/test/rig"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// seed of everything that is drawn. What is asserted follows from it, from the engine's order and from the model's.
const seed = 7

// size of a simulation.
type size struct {
	questions, window int
	narrow            int // window of the arms whose treatment changes little; 0: none
	users             int
	runs              int
	looks             []int
	planned           float64 // users, for resift ab report
}

// TestSimulation is short in make test. RESIFT_TEST_SIMULATE names the folder for the figures of the whole one: make ab-simulate.
func TestSimulation(t *testing.T) {
	if testing.Short() {
		t.Skip("needs an engine and a model")
	}
	figures := os.Getenv("RESIFT_TEST_SIMULATE")
	z := size{questions: 12, window: 20, users: 800, runs: 60, looks: []int{100, 300, 1000}, planned: 500}
	if figures != "" {
		z = size{questions: 74, window: 100, narrow: 3, users: 20_000, runs: 1000, looks: []int{50, 100, 150, 200, 300, 500, 700, 1000, 1500, 2000, 3000, 5000}, planned: 10_000}
	}
	w := newWorld(t, z)
	w.holdPopulation(t)
	w.holdCommand(t, figures)
	r := w.runAll(t)
	r.hold(t)
	if figures != "" {
		r.print()
		r.draw(t, filepath.Join(figures, "ab-power.svg"))
	}
}

// world is the users' traffic, recorded, and what is known of it.
type world struct {
	size
	binary    string // of resift
	folder    string // of the records
	model     clickModel
	questions []*question
	arms      []arm
	records   *ab.Records
}

// newWorld lets all users act, and reads the records after the proxy has ended. RESIFT_TEST_SIMULATE_RECORDS names a folder that keeps the
// records; those that it has already, of an earlier run, are analysed again.
func newWorld(t *testing.T, z size) *world {
	w := &world{size: z, model: navigational(), questions: questions(t, z.questions)}
	w.arms = []arm{
		{"control", "control", z.window}, {"twin", "control", z.window}, {"treatment", "treatment", z.window}, {"interleaved", "interleave", z.window},
	}
	if z.narrow > 0 {
		w.arms = append(w.arms, arm{"treatment-narrow", "treatment", z.narrow}, arm{"interleaved-narrow", "interleave", z.narrow})
	}
	w.binary = rig.Binary(t)
	w.folder = cmp.Or(os.Getenv("RESIFT_TEST_SIMULATE_RECORDS"), filepath.Join(t.TempDir(), "records"))
	sent := -1
	if _, err := os.Stat(w.folder); err != nil {
		sent = w.record(t)
	}
	if found := holdRecords(t, w.folder, w.questions, w.arms); sent >= 0 && found != sent {
		t.Errorf("%d of the users' %d searches are in the records", found, sent)
	}
	var err error
	if w.records, err = ab.Read(w.folder, "", "click"); err != nil {
		t.Fatal(err)
	}
	return w
}

// record lets all users act before an engine and resift, and returns how many searches they sent.
func (w *world) record(t *testing.T) int {
	t.Helper()
	begin := time.Now()
	say := func(format string, args ...any) {
		fmt.Printf("%5.0f s  %s\n", time.Since(begin).Seconds(), fmt.Sprintf(format, args...))
	}
	s := newStand(t, w.binary, w.folder, w.arms, w.window)
	say("engine, corpus and resift are up")
	s.askAll(t, w.questions, w.arms)
	say("%d questions are scored, windows of %d", len(w.questions), w.window)
	sent := actAll(t, s, w.questions, w.model, seed, w.users)
	s.process.Signal(syscall.SIGTERM)
	s.process.Wait(rig.StopLimit)
	say("%d users have sent %d searches", w.users, sent)
	return sent
}

func (w *world) arm(name string) arm {
	return w.arms[slices.IndexFunc(w.arms, func(a arm) bool { return a.name == name })]
}

// of are the recorded users of arms, in an order that does not depend on who came first.
func (w *world) of(arms ...string) []ab.User {
	list := slices.DeleteFunc(w.records.Users(), func(u ab.User) bool { return !slices.Contains(arms, u.Arm) })
	slices.SortFunc(list, func(a, b ab.User) int { return strings.Compare(a.ID, b.ID) })
	return list
}

// expected differences of an arm to control, by the click model.
func (w *world) expected(name string) [5]float64 {
	page := func(arm string) func(*question) []string { return func(q *question) []string { return q.pages[arm] } }
	base, out := expectation(w.model, w.questions, page("control")), expectation(w.model, w.questions, page(name))
	for i := range out {
		out[i] -= base[i]
	}
	return out
}

// holdPopulation compares what eval/ab says of all users with what the click model says: no more than four standard errors apart, and
// every anytime interval holds the truth.
func (w *world) holdPopulation(t *testing.T) {
	t.Helper()
	rep, err := ab.Analyse(w.records, ab.Options{Planned: w.planned})
	if err != nil {
		t.Fatal(err)
	}
	if rep.Ratio == nil || rep.Ratio.Mismatch() {
		t.Errorf("the split is not the planned one: %+v", rep.Ratio)
	}
	hold := func(what string, d ab.Difference, truth float64) {
		t.Helper()
		se := (d.High - d.Low) / 2 / 1.96
		fmt.Printf("%-45s %+.4f, recorded %+.4f (%+.4f to %+.4f)\n", what, truth, d.Value, d.Low, d.High)
		if d.AnytimeLow > truth || d.AnytimeHigh < truth || d.Value-truth > 4*se || truth-d.Value > 4*se {
			t.Errorf("%s: the click model's difference is %+.4f, the report says %+.4f, at every look %+.4f to %+.4f", what, truth, d.Value, d.AnytimeLow, d.AnytimeHigh)
		}
	}
	for _, a := range rep.Arms {
		if a.Kind == "interleave" || a.Name == "control" {
			continue
		}
		for i, truth := range w.expected(a.Name) {
			hold(a.Name+" minus control, "+rep.Measures[i].Name, a.Differences[i], truth)
		}
	}
	for _, v := range rep.Interleave {
		hold(v.Arm+", credit", *v.Credit, creditOf(t, w.model, w.questions, w.arm("control"), treatmentOf(w.arms, w.arm(v.Arm))))
	}
}

// holdCommand runs resift ab report on the records as its user would. With a folder for figures the page is drawn too.
func (w *world) holdCommand(t *testing.T, figures string) {
	t.Helper()
	page := filepath.Join(t.TempDir(), "report.html")
	out, err := exec.Command(w.binary, "ab", "report", "--records", w.folder, "--planned-users", fmt.Sprint(w.planned), "--html", page).CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	text := string(out)
	part := func(title string) string {
		_, after, _ := strings.Cut(text, "\n"+title+"\n")
		before, _, _ := strings.Cut(after, "\n\n")
		return before
	}
	if _, line, _ := strings.Cut(part("treatment minus control"), "CTR@1"); !strings.HasSuffix(strings.TrimSpace(strings.SplitN(line, "\n", 2)[0]), "better") {
		t.Errorf("the winner is not named:\n%s", text)
	}
	twin := part("twin minus control")
	for line := range strings.Lines(twin) {
		if !strings.Contains(line, "latency") && (strings.Contains(line, "better") || strings.Contains(line, "worse")) {
			t.Errorf("arms of the same order differ:\n%s", text)
		}
	}
	if !strings.Contains(twin, "undecided") || !strings.Contains(text, "sample ratio: as planned") || !strings.Contains(text, "the model's order is better") {
		t.Errorf("resift ab report said:\n%s", text)
	}
	if figures != "" {
		fmt.Println(text)
		b := rig.NewBrowser(t, 1340, 1230, false)
		b.Open("file://" + page)
		picture := filepath.Join(figures, "ab-report.png")
		b.Screenshot(picture)
		shrink(t, picture)
	}
}
