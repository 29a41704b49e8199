package configs

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// DefaultModel is the name of Config.Reranker where models go by name.
const DefaultModel = "default"

// longestModelName bounds a name that stands in labels, headers and variables.
const longestModelName = 64

// ByName are all models, Config.Reranker by the name DefaultModel.
func (c *Config) ByName() map[string]Reranker {
	all := maps.Clone(c.Models)
	if all == nil {
		all = map[string]Reranker{}
	}
	all[DefaultModel] = c.Reranker
	return all
}

// ModelPath is where the model of this name stands in a configuration.
func ModelPath(name string) string {
	if name == DefaultModel {
		return "reranker"
	}
	return "models." + name
}

func (v *validator) models(m Models) {
	for _, name := range slices.Sorted(maps.Keys(m)) {
		at, r := ModelPath(name), m[name]
		switch {
		case name == DefaultModel:
			at = "models." + name
			v.wrong(at, "is the name of reranker; want another one")
		case !modelName(name):
			v.wrong(at, "want a name of small letters, digits and -, at most %d", longestModelName)
		}
		v.reranker(at, &r)
	}
}

// modelName tells whether a name can stand in a header field and, with capitals, in the name of a variable, where no two are one.
func modelName(s string) bool {
	return s != "" && len(s) <= longestModelName && strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789-") == ""
}

// chosenModels looks up the names that rules and arms choose by.
func (v *validator) chosenModels(c *Config) {
	known := slices.Sorted(maps.Keys(c.ByName()))
	choose := func(path, name string) {
		if name != "" && !slices.Contains(known, name) {
			v.wrong(path, "no model is called %q; known here: %s", name, strings.Join(known, ", "))
		}
	}
	for i, x := range c.Indices {
		choose(fmt.Sprintf("indices[%d].model", i), x.Model)
		for n, a := range x.Experiment.Arms {
			choose(fmt.Sprintf("indices[%d].experiment.arms[%d].model", i, n), a.Model)
		}
	}
}
