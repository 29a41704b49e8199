package main

import (
	"context"
	"fmt"
	"reflect"
	"testing"
	"time"
)

func TestQuantile(t *testing.T) {
	tests := []struct {
		values []float64
		q      float64
		want   float64
	}{
		{nil, .5, 0},
		{[]float64{3}, .99, 3},
		{[]float64{3, 1, 2}, .5, 2},
		{[]float64{4, 3, 2, 1}, .25, 2},
		{[]float64{1, 2, 3, 4, 5, 6, 7, 8, 9, 10}, .99, 10},
		{[]float64{2, 1}, 1, 2},
	}
	for _, test := range tests {
		if got := quantile(test.values, test.q); got != test.want {
			t.Errorf("quantile(%v, %v) = %v, want %v", test.values, test.q, got, test.want)
		}
	}
}

func TestParseTiming(t *testing.T) {
	got := parseTiming("plan;dur=0.250, engine;dur=3.000, cdn;desc=x, total;dur=40.5")
	want := map[string]time.Duration{"plan": 250 * time.Microsecond, "engine": 3 * time.Millisecond, "total": 40500 * time.Microsecond}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestParseStat(t *testing.T) {
	pid, parent, used, err := parseStat("42 (a (b) c) S 7 42 42 0 -1 4194560 1 2 3 4 150 25 9 9 20 0 5 0\n")
	if err != nil || pid != 42 || parent != 7 || used != 1750*time.Millisecond {
		t.Errorf("pid %d, parent %d, %v, %v", pid, parent, used, err)
	}
	for _, text := range []string{"", "42 (a)", "42 (a) S x 42 42 0 -1 4194560 1 2 3 4 150 25 9"} {
		if _, _, _, err := parseStat(text); err == nil {
			t.Errorf("%q was read", text)
		}
	}
}

func TestRatesAndDisagreement(t *testing.T) {
	runs := func(score float32, seconds ...float64) []run {
		var out []run
		for _, s := range seconds {
			out = append(out, run{Seconds: s, CPU: 2 * s, Pairs: 10, Scores: [][]float32{{1, 2}, {score}}})
		}
		return out
	}
	a, b := runs(3, 1, 2, 10), runs(3.5, 1)
	if clock, cpu := rates(a); clock != 5 || cpu != 2.5 {
		t.Errorf("%v pairs/s by the clock, %v by CPU time; want 5 and 2.5", clock, cpu)
	}
	if got := apart(a[0], b[0]); got != .5 {
		t.Errorf("scores are %v apart, want 0.5", got)
	}
}

func TestScorersTakeTurns(t *testing.T) {
	var order string
	scorers := make([]scorer, 2)
	for i, name := range []string{"a", "b"} {
		scorers[i] = scorer{name: name, score: func(_ context.Context, requests []request) (run, error) {
			order += fmt.Sprint(name, len(requests), " ")
			return run{Pairs: len(requests)}, nil
		}}
	}
	set := pairSet{requests: make([]request, 3)}
	if err := set.score(context.Background(), scorers, 2); err != nil {
		t.Fatal(err)
	}
	if want := "a1 b1 a3 b3 a3 b3 "; order != want {
		t.Errorf("turns %q, want %q", order, want)
	}
	if len(scorers[1].runs) != 2 {
		t.Errorf("%d runs counted, want 2", len(scorers[1].runs))
	}
	scorers[1].score = func(context.Context, []request) (run, error) { return run{Pairs: 1}, nil }
	if err := set.score(context.Background(), scorers, 1); err == nil {
		t.Error("scorers of different pairs were compared")
	}
}
