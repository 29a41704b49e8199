package proxy

import (
	"errors"
	"fmt"
	"maps"
	"slices"
)

// DefaultModel is the name of Options.Scorer where models go by name.
const DefaultModel = "default"

// models are all models by name, and the rules with what requests may name. A rule or arm that names another model is an error.
func (o *Options) models() (map[string]Scorer, *Rules, error) {
	if _, taken := o.Models[DefaultModel]; taken {
		return nil, nil, errors.New("models: " + DefaultModel + " is the scorer's name")
	}
	names := slices.Insert(slices.Sorted(maps.Keys(o.Models)), 0, DefaultModel)
	models := maps.Clone(o.Models)
	if models == nil {
		models = map[string]Scorer{}
	}
	models[DefaultModel] = o.Scorer
	known := func(name string) bool { return name == "" || models[name] != nil }
	for i, rule := range o.Rules.List {
		if !known(rule.Model) {
			return nil, nil, fmt.Errorf("rule %d names the model %q, which is not there", i, rule.Model)
		}
		if rule.Experiment == nil {
			continue
		}
		for name, arm := range rule.Experiment.Arms {
			if !known(arm.Model) {
				return nil, nil, fmt.Errorf("rule %d: the arm %s names the model %q, which is not there", i, name, arm.Model)
			}
		}
	}
	rules := *o.Rules
	rules.models = names
	return models, &rules, nil
}

// scorer is the model that the plan chose.
func (s *search) scorer() Scorer { return s.models[s.plan.Model] }
