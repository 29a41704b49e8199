package stack

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func TestDockerfile(t *testing.T) {
	d := theStack(t).Dockerfile
	for _, w := range d.Warnings {
		t.Error(w)
	}
	for _, base := range d.Bases {
		if !pinned.MatchString(strings.TrimPrefix(strings.TrimPrefix(base, "docker.io/"), "library/")) {
			t.Errorf("%s is not pinned by version and digest", base)
		}
	}
	if len(d.Bases) != 4 {
		t.Errorf("base images: %q", d.Bases)
	}
	for source, files := range d.Copied {
		if files == 0 {
			t.Errorf("COPY %s: .dockerignore leaves nothing of it", source)
		}
	}
	for _, target := range []string{"cpu", "gpu"} {
		i := d.Targets[target]
		if user, _, _ := strings.Cut(i.User, ":"); user == "" || user == "0" || user == "root" {
			t.Errorf("%s runs as %q", target, i.User)
		}
		if !slices.Equal(i.Entrypoint, []string{"/opt/resift/resift"}) || !slices.Equal(i.Cmd, []string{"serve", "--config", "/etc/resift/resift.yaml"}) {
			t.Errorf("%s runs %q %q", target, i.Entrypoint, i.Cmd)
		}
		if i.Healthcheck == nil || !slices.Equal(i.Healthcheck.Test, []string{"CMD", "/opt/resift/resift", "health"}) {
			t.Errorf("%s: health check %v", target, i.Healthcheck)
		}
		for _, port := range []string{"9280/tcp", "9281/tcp", "9282/tcp"} {
			if _, ok := i.ExposedPorts[port]; !ok {
				t.Errorf("%s does not expose %s", target, port)
			}
		}
		for _, label := range []string{"title", "description", "licenses", "version"} {
			if i.Labels["org.opencontainers.image."+label] == "" {
				t.Errorf("%s has no label %s", target, label)
			}
		}
	}
}

// TestToolchain holds the images that compile to the Go release of go.mod, and to a cargo that build/require.sh takes.
func TestToolchain(t *testing.T) {
	goMod, err := os.ReadFile(filepath.Join(root(t), "go.mod"))
	if err != nil {
		t.Fatal(err)
	}
	want := regexp.MustCompile(`(?m)^go (1\.\d+)`).FindStringSubmatch(string(goMod))
	found := regexp.MustCompile(`golang:(1\.\d+)`).FindStringSubmatch(strings.Join(theStack(t).Dockerfile.Bases, " "))
	if want == nil || found == nil || want[1] != found[1] {
		t.Errorf("go.mod wants Go %v, Dockerfile has %v", want, found)
	}
}
