package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/grafana/grafana-foundation-sdk/go/cog"
	"github.com/grafana/grafana-foundation-sdk/go/cog/plugins"
	"github.com/grafana/grafana-foundation-sdk/go/dashboard"
	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
)

// readQueries parses every query of the rules and of the dashboards, and returns the metrics that each selects.
func readQueries(root string) (map[string][]string, error) {
	rules := filepath.Join(root, "deploy/prometheus/rules.yml")
	p := parser.NewParser(parser.Options{})
	groups, problems := rulefmt.ParseFile(rules, false, model.UTF8Validation, p, slog.New(slog.DiscardHandler))
	if len(problems) > 0 {
		return nil, fmt.Errorf("%s: %w", rules, errors.Join(problems...))
	}
	var queries []string
	for _, g := range groups.Groups {
		for _, r := range g.Rules {
			queries = append(queries, r.Expr)
		}
	}
	plugins.RegisterDefaultPlugins() // the types of panels and queries
	dashboards, err := filepath.Glob(filepath.Join(root, "deploy/grafana/dashboards/*.json"))
	if err != nil {
		return nil, err
	}
	for _, file := range dashboards {
		of, err := dashboardQueries(file)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		queries = append(queries, of...)
	}
	metrics := map[string][]string{}
	for _, q := range queries {
		if metrics[q], err = selected(p, q); err != nil {
			return nil, fmt.Errorf("%s: %w", q, err)
		}
	}
	return metrics, nil
}

// dashboardQueries are the queries of a dashboard's panels. The dashboard must fit Grafana's own types, without a member that
// these do not know.
func dashboardQueries(file string) ([]string, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	var known dashboard.Dashboard
	for _, err := range []error{known.UnmarshalJSONStrict(text), known.Validate()} {
		// Both return an empty list of problems, which is no nil error, where there are none.
		if problems, list := err.(cog.BuildErrors); err != nil && (!list || len(problems) > 0) {
			return nil, err
		}
	}
	var d struct {
		Panels []struct {
			Targets []struct{ Expr string }
		}
	}
	if err := json.Unmarshal(text, &d); err != nil {
		return nil, err
	}
	var queries []string
	for _, p := range d.Panels {
		for _, t := range p.Targets {
			queries = append(queries, t.Expr)
		}
	}
	return queries, nil
}

// selected are the metrics that a query selects, by name. Grafana's variables stand for what it puts there.
func selected(p parser.Parser, query string) ([]string, error) {
	expr, err := p.ParseExpr(strings.NewReplacer("$__rate_interval", "1m", "$instance", ".*").Replace(query))
	if err != nil {
		return nil, err
	}
	var names []string
	for _, selector := range parser.ExtractSelectors(expr) {
		for _, m := range selector {
			if m.Name == model.MetricNameLabel && m.Type == labels.MatchEqual {
				names = append(names, m.Value)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}
