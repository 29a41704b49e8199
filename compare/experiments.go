package compare

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"time"
)

// Experiments tells how the experiments that are in force go, in the order of the configuration's rules.
type Experiments interface {
	Experiments(context.Context) []Experiment
}

// Experiment is what the page shows of one experiment.
type Experiment struct {
	Name    string
	Indices []string // globs of the rules that it is on
	Problem string   // why there are no figures; then nothing below is set

	Searches, Clicks int
	LeftOut          int       // of these searches, those that are not compared
	AsOf             time.Time // when the records were read
	Split            Split
	Measures         []string // names of the arms' figures
	Arms             []Arm    // control first
	Notes            []string // what else the records say, a sentence each
	// Report writes the whole report as a page of its own.
	Report func(io.Writer) error
}

// Split says whether the arms have the users that they were to have.
type Split struct {
	Tested, Mismatch bool
	P                float64
}

// Arm is one arm of an experiment.
type Arm struct {
	Name, Kind              string
	Share                   float64 // of the users, as planned; 0: unknown
	Users, Searches, Clicks int     // Searches: first pages, which is what clicks are counted on
	Figures                 []Figure
}

// Figure is a measure of an arm, a share of its searches from 0 to 1.
type Figure struct {
	Mean       float64
	Difference *Difference // to control's; nil where there is none
}

// Difference is a difference of shares.
type Difference struct {
	Value             float64
	Low, High         float64 // the interval that holds at every look
	LookLow, LookHigh float64 // the interval for one look that was planned before
	Verdict           string  // better, worse, undecided
}

// ServeExperiments serves GET: how the experiments go, or, with ?report=NAME, the whole report of one.
func (h *Handler) ServeExperiments(w http.ResponseWriter, r *http.Request) {
	secure(w.Header())
	var list []Experiment
	if h.o.Experiments != nil {
		list = h.o.Experiments.Experiments(r.Context())
	}
	var page bytes.Buffer
	status, write := http.StatusOK, func(to io.Writer) error { return h.experiments.Execute(to, list) }
	if p := r.URL.Query(); p.Has("report") {
		status = http.StatusNotFound
		for _, x := range list {
			if x.Name == p.Get("report") && x.Report != nil {
				status, write = http.StatusOK, x.Report
			}
		}
	}
	if err := write(&page); err != nil {
		http.Error(w, "the page cannot be written", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(status)
	w.Write(page.Bytes())
}

// within is d with intervals no wider than a difference of shares can be.
func (d Difference) within() Difference {
	for _, v := range []*float64{&d.Low, &d.High, &d.LookLow, &d.LookHigh} {
		*v = max(-1, min(1, *v))
	}
	return d
}

// place is where a drawing of width 100 whose middle is zero shows the intervals; it reaches as far as the wide one.
func place(d Difference) Difference {
	reach := max(d.High, -d.Low, 1e-12)
	x := func(v float64) float64 { return 50 + 50*v/reach }
	return Difference{Low: x(d.Low), High: x(d.High), LookLow: x(d.LookLow), LookHigh: x(d.LookHigh)}
}
