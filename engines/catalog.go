package engines

import (
	"embed"
	"fmt"
	"slices"
	"strings"
)

//go:embed recipes
var recipes embed.FS

// recipe is one engine that this package can boot.
type recipe struct {
	name    string // as in Options.Name, and the folder under recipes
	flavour string // "opensearch" or "elasticsearch"
	version string // of the jars, as its pom says
	java    int    // oldest Java feature release that boots it
	// isolated tells that the HTTP module is loaded from a folder of its own instead of the class path.
	isolated bool
}

// catalog lists the engines, the fullest first.
func catalog() []recipe {
	return []recipe{
		{name: "opensearch-3.8", flavour: "opensearch", version: "3.8.0", java: 21},
		{name: "opensearch-2.19", flavour: "opensearch", version: "2.19.6", java: 17},
		{name: "elasticsearch-9.5", flavour: "elasticsearch", version: "9.5.3", java: 21, isolated: true},
		{name: "elasticsearch-8.19", flavour: "elasticsearch", version: "8.19.21", java: 17, isolated: true},
		{name: "elasticsearch-7.17", flavour: "elasticsearch", version: "7.17.29", java: 17},
	}
}

// Names lists what Options.Name may be.
func Names() []string {
	var names []string
	for _, r := range catalog() {
		names = append(names, r.name)
	}
	return names
}

func findRecipe(name string) (recipe, error) {
	all := catalog()
	i := slices.IndexFunc(all, func(r recipe) bool { return r.name == name })
	if i < 0 {
		return recipe{}, fmt.Errorf("engine %q is unknown: one of %s", name, strings.Join(Names(), ", "))
	}
	return all[i], nil
}

// file reads one of the recipe's files.
func (r recipe) file(name string) ([]byte, error) {
	return recipes.ReadFile("recipes/" + r.name + "/" + name)
}

// folder is the recipe's place below the cache's engines folder.
func (r recipe) folder() string { return r.flavour + "-" + r.version }

// settings are those every engine gets: one node, loopback only, and no refusal to write on a nearly full disk.
func (r recipe) settings(port int) map[string]string {
	s := map[string]string{
		"cluster.name":   "resift",
		"node.name":      "resift",
		"discovery.type": "single-node",
		"network.host":   "127.0.0.1",
		"http.port":      fmt.Sprint(port),
		"transport.port": "0",
		// The engine binds port 0 and writes the one it got to logs/http.ports: no race for a free port.
		"node.portsfile": "true",
		"cluster.routing.allocation.disk.threshold_enabled": "false",
	}
	if !r.isolated {
		s["transport.type"], s["http.type"] = "netty4", "netty4"
	}
	return s
}
