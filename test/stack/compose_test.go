package stack

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// ended are the services that do their work and end.
var ended = []string{"load", "load-elasticsearch", "eval"}

func TestProfiles(t *testing.T) {
	always := []string{"grafana", "jaeger", "load", "opensearch", "otel-collector", "prometheus", "resift"}
	for profile, more := range map[string][]string{
		"": nil, "gpu": {"resift-gpu"}, "eval": {"eval"}, "elasticsearch": {"elasticsearch", "load-elasticsearch", "resift-elasticsearch"},
	} {
		want := slices.Sorted(slices.Values(append(slices.Clone(always), more...)))
		if got := slices.Sorted(slices.Values(theStack(t).Compose.Profiles[profile])); !slices.Equal(got, want) {
			t.Errorf("profile %q starts %v, want %v", profile, got, want)
		}
	}
	if n := len(theStack(t).Compose.Profiles); n != 4 {
		t.Errorf("%d profiles", n)
	}
}

// pinned is an image that cannot change: a version to read, and a digest.
var pinned = regexp.MustCompile(`^[a-z0-9./-]+:v?[0-9][a-z0-9.-]*@sha256:[0-9a-f]{64}$|^[a-z0-9./-]+:[a-z]+-[0-9]{8}-slim@sha256:[0-9a-f]{64}$`)

// secret is a variable whose value nobody should read in a file.
var secret = regexp.MustCompile(`(?i)password|secret|token|credential|api_?key`)

func TestEveryService(t *testing.T) {
	published := map[string]string{}
	for name, s := range theStack(t).Compose.Project.Services {
		if s.Build == nil && !pinned.MatchString(s.Image) {
			t.Errorf("%s: the image %s is not pinned by version and digest", name, s.Image)
		}
		if s.Privileged || !slices.Contains(s.SecurityOpt, "no-new-privileges:true") {
			t.Errorf("%s can gain privileges", name)
		}
		for _, p := range s.Ports {
			if p.HostIP != "127.0.0.1" {
				t.Errorf("%s publishes %d on %q, which is not loopback", name, p.Target, p.HostIP)
			}
			if other := published[p.Published]; other != "" {
				t.Errorf("%s and %s both publish %s", name, other, p.Published)
			}
			published[p.Published] = name
		}
		for _, v := range s.Volumes {
			if v.Type != "bind" {
				if _, ok := theStack(t).Compose.Project.Volumes[v.Source]; !ok {
					t.Errorf("%s: no volume %s", name, v.Source)
				}
				continue
			}
			if _, err := os.Stat(v.Source); err != nil || !v.ReadOnly || !strings.HasPrefix(v.Source, root(t)) {
				t.Errorf("%s mounts %s, read-only %v: %v", name, v.Source, v.ReadOnly, err)
			}
		}
		for variable, value := range s.Environment {
			if secret.MatchString(variable) && value != "" {
				t.Errorf("%s: the file tells %s", name, variable)
			}
		}
		ends := slices.Contains(ended, name)
		checks := s.HealthCheck != nil && !s.HealthCheck.Disable && len(s.HealthCheck.Test) > 1
		if want := !ends && name != "otel-collector"; checks != want {
			t.Errorf("%s has a health check: %v, want %v", name, checks, want)
		}
		holdDependencies(t, name, s)
	}
}

// holdDependencies: who needs a service waits until it is healthy, or has done its work.
func holdDependencies(t *testing.T, name string, s service) {
	t.Helper()
	for needed, d := range s.DependsOn {
		want := "service_healthy"
		if slices.Contains(ended, needed) {
			want = "service_completed_successfully"
		}
		if d.Condition != want {
			t.Errorf("%s waits for %s to be %s, want %s", name, needed, d.Condition, want)
		}
		other := theStack(t).Compose.Project.Services[needed]
		for _, p := range other.Profiles {
			if !slices.Contains(s.Profiles, p) {
				t.Errorf("%s needs %s, which only profile %s has", name, needed, p)
			}
		}
	}
}

// TestOurServices run without root, without capabilities, on a file system they cannot write.
func TestOurServices(t *testing.T) {
	n := 0
	for name, s := range theStack(t).Compose.Project.Services {
		if s.Build == nil {
			continue
		}
		n++
		target := theStack(t).Dockerfile.Targets[s.Build.Target]
		if !s.ReadOnly || !slices.Equal(s.CapDrop, []string{"ALL"}) || s.User == "" || s.User != target.User || strings.HasPrefix(s.User, "0") {
			t.Errorf("%s: read-only %v, capabilities dropped %v, user %q, of its image %q", name, s.ReadOnly, s.CapDrop, s.User, target.User)
		}
		gpu := s.Deploy != nil && len(s.Deploy.Resources.Reservations.Devices) == 1 && s.Deploy.Resources.Reservations.Devices[0].Driver == "nvidia"
		if want := name == "resift-gpu"; gpu != want || (s.Build.Target == "gpu") != want {
			t.Errorf("%s: GPU %v, target %s", name, gpu, s.Build.Target)
		}
	}
	if n != 6 {
		t.Errorf("%d services are built here", n)
	}
}
