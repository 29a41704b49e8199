package stack

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	flag.Parse()
	if testing.Short() {
		fmt.Println("tests of the stack need an engine: skipped by -short")
		return
	}
	goleak.VerifyTestMain(m)
}

// checked is what command check prints, as far as it is asked about here.
type checked struct {
	Compose struct {
		Profiles map[string][]string
		Project  struct {
			Services map[string]service
			Volumes  map[string]any
		}
	}
	Dockerfile struct {
		Bases    []string
		Targets  map[string]image
		Warnings []string
		Copied   map[string]int
	}
	Metrics map[string][]string // by query
}

// service is a service of docker-compose.yml.
type service struct {
	Image       string
	User        string
	Build       *struct{ Target string }
	Command     []string
	Environment map[string]string
	Profiles    []string
	ReadOnly    bool     `json:"read_only"`
	CapDrop     []string `json:"cap_drop"`
	SecurityOpt []string `json:"security_opt"`
	Privileged  bool
	Restart     string
	HealthCheck *struct {
		Test    []string
		Disable bool
	}
	DependsOn map[string]struct{ Condition string } `json:"depends_on"`
	Ports     []struct {
		HostIP    string `json:"host_ip"`
		Target    int
		Published string
	}
	Volumes []struct {
		Type, Source, Target string
		ReadOnly             bool `json:"read_only"`
	}
	Deploy *struct {
		Resources struct {
			Reservations struct {
				Devices []struct {
					Driver       string
					Capabilities []string
				}
			}
		}
	}
}

// image is what an image of Dockerfile is configured to.
type image struct {
	User            string
	Entrypoint, Cmd []string
	ExposedPorts    map[string]any
	Labels          map[string]string
	Healthcheck     *struct{ Test []string }
	Env             []string
}

var readChecked = sync.OnceValues(func() (*checked, error) {
	var c checked
	return &c, goRun("check", &c, "run", ".", "../../..")
})

// goRun runs the go command in the module of a folder and decodes what it prints into out, unless that is nil.
func goRun(folder string, out any, args ...string) error {
	cmd := exec.Command("go", args...)
	cmd.Dir = folder
	cmd.Env = append(withoutCompose(os.Environ()), "GOWORK=off", "CGO_ENABLED=0")
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	text, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go %s in %s: %w\n%s", strings.Join(args, " "), folder, err, &stderr)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(text, out)
}

// withoutCompose leaves out what would be put into docker-compose.yml, or changes how it is read.
func withoutCompose(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(e string) bool {
		name, _, _ := strings.Cut(e, "=")
		return strings.HasPrefix(name, "COMPOSE_") || strings.HasSuffix(name, "_PORT") || name == "VERSION"
	})
}

// theStack is what check says of the files.
func theStack(t *testing.T) *checked {
	t.Helper()
	c, err := readChecked()
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// root of the repository.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestModules vets the modules beside resift's: `go vet ./...` of the root does not see them.
func TestModules(t *testing.T) {
	modules := []string{"check"}
	if os.Getenv("RESIFT_TEST_STACK") != "" {
		modules = append(modules, "collector") // whose dependencies are fetched by then
	}
	for _, m := range modules {
		if err := goRun(m, nil, "vet", "./..."); err != nil {
			t.Error(err)
		}
	}
}
