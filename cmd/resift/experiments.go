package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/resift/resift/compare"
	"github.com/resift/resift/configs"
	"github.com/resift/resift/eval/ab"
	"github.com/resift/resift/ubi"
)

// maxRecords is how many bytes of records are read for the page of experiments: as many, some 90,000 searches, take about a second of
// one core and, while they are read, three times their size in memory.
const maxRecords = 64 << 20

// liveExperiments tells the page of experiments what the records say by now. They are read when somebody asks, and again only when
// they have changed.
type liveExperiments struct {
	rules   []configs.Index
	records configs.Records
	limit   int64 // bytes of records that are read at most

	mu     sync.Mutex // held while the records are read: who else asks meanwhile wants the same
	extent ubi.Extent // of the records that known is of
	known  []compare.Experiment
}

// newLiveExperiments returns nil where no rule has an experiment.
func newLiveExperiments(c *configs.Config) compare.Experiments {
	x := &liveExperiments{records: c.Records, limit: maxRecords}
	for _, rule := range c.Indices {
		if rule.Experiment.Name != "" {
			x.rules = append(x.rules, rule)
		}
	}
	if x.rules == nil {
		return nil
	}
	return x
}

// Experiments implements compare.Experiments.
func (x *liveExperiments) Experiments(context.Context) []compare.Experiment {
	x.mu.Lock()
	defer x.mu.Unlock()
	now := time.Now()
	extent, problem := x.measure()
	if problem == "" && x.known != nil && extent == x.extent {
		for i := range x.known {
			x.known[i].AsOf = now
		}
		return slices.Clone(x.known)
	}
	list := x.names()
	for i := range list {
		if list[i].Problem = problem; problem == "" {
			x.fill(&list[i], now)
		}
	}
	x.extent, x.known = extent, nil
	if problem == "" {
		x.known = slices.Clone(list)
	}
	return list
}

// measure tells how much there is to read, or why it cannot be read here.
func (x *liveExperiments) measure() (e ubi.Extent, problem string) {
	r := &x.records
	switch {
	case r.Dir == "" && r.URL == "":
		return e, "It keeps no records: records.dir of the configuration says where to."
	case r.Dir == "":
		return e, fmt.Sprintf("Its records go to an engine (records.url), into %[1]s%[2]s and %[1]s%[3]s: the figures are to be had there.", r.IndexPrefix, ubi.Queries, ubi.Events)
	}
	e, err := ubi.Measure(r.Dir)
	if err != nil {
		return e, err.Error()
	}
	if e.Bytes > x.limit {
		return e, fmt.Sprintf("The records are %d MiB, more than the %d MiB that are read for this page: ask resift ab report --records %s.", e.Bytes>>20, x.limit>>20, r.Dir)
	}
	return e, ""
}

// names are the experiments with their rules' indices, each experiment once.
func (x *liveExperiments) names() []compare.Experiment {
	var list []compare.Experiment
	for _, rule := range x.rules {
		at := slices.IndexFunc(list, func(e compare.Experiment) bool { return e.Name == rule.Experiment.Name })
		if at < 0 {
			at = len(list)
			list = append(list, compare.Experiment{Name: rule.Experiment.Name})
		}
		list[at].Indices = append(list[at].Indices, rule.Match)
	}
	return list
}

// fill reads the records of one experiment as resift ab report does.
func (x *liveExperiments) fill(e *compare.Experiment, now time.Time) {
	records, err := ab.Read(x.records.Dir, e.Name, ab.Click)
	if err != nil {
		e.Problem = err.Error()
		return
	}
	report, err := ab.Analyse(records, ab.Options{})
	if err != nil {
		e.Problem = err.Error()
		return
	}
	c := report.Counts
	e.Searches, e.Clicks, e.LeftOut, e.AsOf, e.Report = c.Searches, c.Clicks, c.LaterPage+c.Forced+c.NoUnit, now, report.HTML
	if r := report.Ratio; r != nil {
		e.Split = compare.Split{Tested: true, Mismatch: r.Mismatch(), P: r.P}
	}
	var shown []int // the shares of searches with a click: what a glance at a page wants
	for i, m := range report.Measures {
		if strings.HasPrefix(m.Name, "CTR@") {
			shown, e.Measures = append(shown, i), append(e.Measures, m.Name)
		}
	}
	for _, a := range report.Arms {
		arm := compare.Arm{Name: a.Name, Kind: a.Kind, Share: a.Share, Users: a.Users, Searches: a.Impressions, Clicks: a.Clicks}
		for _, i := range shown {
			f := compare.Figure{Mean: a.Means[i]}
			if a.Differences != nil {
				d := a.Differences[i]
				f.Difference = &compare.Difference{Value: d.Value, Low: d.AnytimeLow, High: d.AnytimeHigh, LookLow: d.Low, LookHigh: d.High, Verdict: report.Verdict(i, d)}
			}
			arm.Figures = append(arm.Figures, f)
		}
		e.Arms = append(e.Arms, arm)
		if len(a.Models) > 1 {
			e.Notes = append(e.Notes, fmt.Sprintf("%s was scored by %d models while the experiment ran: its figures are a mixture.", a.Name, len(a.Models)))
		}
	}
	for _, v := range report.Interleave {
		e.Notes = append(e.Notes, fmt.Sprintf("%s: the model's documents won %d searches, tied %d, lost %d: %s.", v.Arm, v.Wins, v.Ties, v.Losses, v.Verdict()))
	}
	for _, s := range report.Shadows {
		e.Notes = append(e.Notes, fmt.Sprintf("%s: in %d searches the model's first ten share %.0f %% with the engine's.", s.Arm, s.Searches, 100*s.Overlap10))
	}
}
