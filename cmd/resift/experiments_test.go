package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/resift/resift/configs"
	"github.com/resift/resift/eval/ab"
	"github.com/resift/resift/ubi"
)

// traffic writes searches of users in two arms, a share of which end in a click, and returns when they are written.
func traffic(t *testing.T, dir string, from, users int) {
	t.Helper()
	sink, err := ubi.NewFiles(dir, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := ubi.NewWriter(ubi.Options{Sink: sink, Queue: 1_000_000})
	for u := from; u < from+users; u++ {
		arm, kind, clicks := "a", "control", u/2%5 == 0
		if u%2 == 1 {
			arm, kind, clicks = "b", "treatment", u/2%5 != 0
		}
		id := fmt.Sprintf("q%d", u)
		q := ubi.Query{QueryID: id, QueryResponseID: id, ClientID: fmt.Sprintf("u%d", u), HitIDs: []string{"1", "2"}, Timestamp: ubi.Time{Time: time.Now()}}
		q.Attributes = ubi.QueryAttributes{Experiment: "two", Arm: arm, Kind: kind, Share: .5, Status: "reranked", TookMS: 1}
		if kind == "treatment" {
			q.Attributes.Model = fmt.Sprint("m@", u/200) // another for every 200 users
		}
		w.Query(q)
		if clicks {
			w.Event(ubi.Event{ActionName: ab.Click, QueryID: id, Attributes: ubi.EventAttributes{Object: ubi.Object{ObjectID: "1"}}})
		}
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func experimentsOf(records configs.Records) *liveExperiments {
	c := &configs.Config{Records: records, Indices: []configs.Index{
		{Match: "plain"}, {Match: "x-*", Experiment: configs.Experiment{Name: "two"}}, {Match: "y", Experiment: configs.Experiment{Name: "two"}}, {Match: "*", Experiment: configs.Experiment{Name: "later"}},
	}}
	return newLiveExperiments(c).(*liveExperiments)
}

// TestLiveExperiments holds the figures of the page against those of the report, before and after more records came.
func TestLiveExperiments(t *testing.T) {
	dir := t.TempDir()
	x := experimentsOf(configs.Records{Dir: dir})
	for _, e := range x.Experiments(t.Context()) {
		if !strings.Contains(e.Problem, "holds no search of the experiment") || e.Arms != nil {
			t.Errorf("without records: %+v", e)
		}
	}
	for n := 1; n <= 2; n++ {
		traffic(t, dir, 200*(n-1), 200)
		list := x.Experiments(t.Context())
		if len(list) != 2 || list[0].Name != "two" || strings.Join(list[0].Indices, " ") != "x-* y" || list[1].Problem == "" {
			t.Fatalf("%+v", list)
		}
		e := list[0]
		records, err := ab.Read(dir, "two", ab.Click)
		if err != nil {
			t.Fatal(err)
		}
		report, err := ab.Analyse(records, ab.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if e.Problem != "" || e.Searches != 200*n || e.Clicks != 100*n || !e.Split.Tested || e.Split.Mismatch || len(e.Arms) != 2 || strings.Join(e.Measures, " ") != "CTR@1 CTR@3 CTR@10" {
			t.Fatalf("%+v", e)
		}
		for i, a := range e.Arms {
			want := report.Arms[i]
			if a.Name != want.Name || a.Users != want.Users || a.Searches != want.Impressions || a.Clicks != want.Clicks || a.Figures[2].Mean != want.Means[2] {
				t.Errorf("%+v, want %+v", a, want)
			}
		}
		d, want := e.Arms[1].Figures[0].Difference, report.Arms[1].Differences[0]
		if d == nil || d.Value != want.Value || d.Low != want.AnytimeLow || d.High != want.AnytimeHigh || d.Verdict != "better" || e.Arms[0].Figures[0].Difference != nil {
			t.Errorf("%+v, want %+v", d, want)
		}
		if notes := strings.Join(e.Notes, "\n"); notes != "" != (n > 1) || n > 1 && !strings.HasPrefix(notes, "b was scored by 2 models") {
			t.Errorf("after %d rounds: notes %q", n, notes)
		}
		var page bytes.Buffer
		if err := e.Report(&page); err != nil || !strings.Contains(page.String(), "Experiment two") {
			t.Errorf("%v: %s", err, page.String())
		}
		if again := x.Experiments(t.Context()); again[0].AsOf.Before(e.AsOf) || again[0].Searches != e.Searches {
			t.Errorf("asked again: %+v", again[0])
		}
	}
}

func TestLiveExperimentsThatAreNotRead(t *testing.T) {
	dir := t.TempDir()
	traffic(t, dir, 0, 10)
	for want, records := range map[string]configs.Records{
		"It keeps no records":                       {},
		"into shop_ubi_queries and shop_ubi_events": {URL: "http://u:secret@engine:9200", IndexPrefix: "shop_"},
		"more than the 0 MiB":                       {Dir: dir},
		"missing":                                   {Dir: filepath.Join(dir, "missing")},
	} {
		x := experimentsOf(records)
		x.limit = 100
		for _, e := range x.Experiments(t.Context()) {
			if !strings.Contains(e.Problem, want) || strings.Contains(e.Problem, "secret") || e.Report != nil {
				t.Errorf("want %q: %+v", want, e)
			}
		}
	}
	broken := t.TempDir()
	if err := os.WriteFile(filepath.Join(broken, "ubi_queries.jsonl"), []byte("{\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if e := experimentsOf(configs.Records{Dir: broken}).Experiments(t.Context()); !strings.Contains(e[0].Problem, "line 1") {
		t.Errorf("%+v", e)
	}
	if newLiveExperiments(&configs.Config{Indices: []configs.Index{{Match: "*"}}}) != nil {
		t.Error("a page of no experiments")
	}
}
