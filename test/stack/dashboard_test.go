package stack

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// dashboard is Grafana's, as far as it is asked about here; command check holds all of it to Grafana's own types.
type dashboard struct {
	Panels []struct {
		ID         int
		Type       string
		Title      string
		Datasource struct{ Type, UID string }
		GridPos    struct{ X, Y, W, H int }
		Targets    []struct{ Expr string }
	}
}

func readDashboard(t *testing.T) dashboard {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root(t), "deploy/grafana/dashboards/resift.json"))
	if err != nil {
		t.Fatal(err)
	}
	var d dashboard
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDashboard: every panel asks a data source that is provisioned, and lies where no other does.
func TestDashboard(t *testing.T) {
	var provisioned struct {
		Datasources []struct{ UID, Type, URL string }
	}
	text, err := os.ReadFile(filepath.Join(root(t), "deploy/grafana/provisioning/datasources/datasources.yml"))
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(text, &provisioned); err != nil {
		t.Fatal(err)
	}
	types := map[string]string{}
	for _, s := range provisioned.Datasources {
		types[s.UID] = s.Type
		name, _, _ := strings.Cut(strings.TrimPrefix(s.URL, "http://"), ":")
		if _, ok := theStack(t).Compose.Project.Services[name]; !ok {
			t.Errorf("data source %s: no service %s", s.UID, name)
		}
	}
	taken := map[[2]int]string{}
	ids := map[int]bool{}
	panels := 0
	for _, p := range readDashboard(t).Panels {
		if ids[p.ID] {
			t.Errorf("%s: the number %d is another panel's", p.Title, p.ID)
		}
		ids[p.ID] = true
		for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				if other := taken[[2]int{x, y}]; other != "" || x >= 24 {
					t.Fatalf("%s lies on %q at %d,%d", p.Title, other, x, y)
				}
				taken[[2]int{x, y}] = p.Title
			}
		}
		if p.Type == "row" {
			continue
		}
		panels++
		if p.Type != "timeseries" && p.Type != "stat" { // Grafana's types let plugins of any name pass
			t.Errorf("%s: no panel is a %s", p.Title, p.Type)
		}
		if len(p.Targets) == 0 || p.Datasource.Type != "prometheus" || types[p.Datasource.UID] != "prometheus" {
			t.Errorf("%s: %d queries to data source %v", p.Title, len(p.Targets), p.Datasource)
		}
	}
	if panels < 20 {
		t.Errorf("%d panels", panels)
	}
}
