package main

import (
	"fmt"
	"time"

	"github.com/resift/resift/configs"
	"github.com/resift/resift/experiment"
	"github.com/resift/resift/proxy"
)

// rules are what the proxy plans by.
func rules(c *configs.Config) (*proxy.Rules, error) {
	r := &proxy.Rules{
		Allow: proxy.Allow{
			Mode: c.Allow.Mode, Query: c.Allow.Query, Window: c.Allow.Window, Arm: c.Allow.Arm, Model: c.Allow.Model, Ext: c.Allow.Ext, Native: c.Allow.Native,
		},
		MaxDepth: c.Limits.JSONDepth,
	}
	for i, x := range c.Indices {
		test, err := newExperiment(&x.Experiment)
		if err != nil {
			return nil, fmt.Errorf("indices[%d].experiment: %w", i, err)
		}
		r.List = append(r.List, proxy.Rule{
			Match: x.Match, Fields: x.Fields, Model: x.Model, Window: x.Window, MaxWindow: x.MaxWindow, Timeout: time.Duration(x.Timeout),
			Score:     proxy.ScoreMode(x.Score),
			LongText:  proxy.LongText{Mode: proxy.LongTextMode(x.LongText.Mode), MaxTokens: x.LongText.MaxTokens, Overlap: x.LongText.Overlap},
			HTML:      proxy.HTMLMode(x.HTML),
			QueryPath: x.QueryPath, QueryParam: x.QueryParam, Details: x.Details, OnFailure: proxy.FailureMode(x.OnFailure), Experiment: test,
		})
	}
	return r, nil
}

func newExperiment(c *configs.Experiment) (*proxy.Experiment, error) {
	if c.Name == "" {
		return nil, nil
	}
	var arms []experiment.Arm
	settings := map[string]proxy.ArmSettings{}
	for _, a := range c.Arms {
		arms = append(arms, experiment.Arm{Name: a.Name, Kind: experiment.Kind(a.Kind), Weight: float64(a.Weight)})
		settings[a.Name] = proxy.ArmSettings{Model: a.Model, Window: a.Window, LongText: proxy.LongTextMode(a.LongText)}
	}
	e, err := experiment.New(c.Name, c.Salt, arms)
	if err != nil {
		return nil, err
	}
	return &proxy.Experiment{Experiment: e, UnitHeader: c.Unit.Header, UnitCookie: c.Unit.Cookie, Arms: settings}, nil
}
