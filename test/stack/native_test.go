package stack

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/resift/resift/test/rig"
)

// native is a place where services of docker-compose.yml run as plain processes.
type native struct {
	t        *testing.T
	binary   string            // resift
	programs map[string]string // names in the images, and where that program is here
	hosts    map[string]string // host:port inside the containers' network, and where that is here
}

// newNative builds resift and boots the stack's OpenSearch.
func newNative(t *testing.T) *native {
	t.Helper()
	e := rig.Engine(t, "opensearch-3.8")
	binary := rig.Binary(t)
	if image := theStack(t).Compose.Project.Services["opensearch"].Image; !strings.Contains(image, ":"+e.Version+"@") {
		t.Errorf("the tests run OpenSearch %s, the stack %s", e.Version, image)
	}
	return &native{
		t: t, binary: binary, programs: map[string]string{"/opt/resift/resift": binary},
		hosts: map[string]string{"opensearch:9200": address(e.URL)},
	}
}

// here puts what is here in place of what would be in a container: addresses, the program, and the mounted files.
func (n *native) here(s service, own map[string]string, text string) string {
	for _, hosts := range []map[string]string{n.hosts, own} {
		for there, address := range hosts {
			text = strings.ReplaceAll(text, there, address)
		}
	}
	if flag, value, ok := strings.Cut(text, "="); ok && strings.HasPrefix(flag, "--") {
		return flag + "=" + n.here(s, nil, value)
	}
	for _, v := range s.Volumes {
		if v.Type == "bind" && (text == v.Target || strings.HasPrefix(text, v.Target+"/")) {
			return v.Source + strings.TrimPrefix(text, v.Target)
		}
	}
	if file, ok := n.programs[text]; ok {
		return file
	}
	return text
}

// service returns one by its name.
func (n *native) service(name string) service {
	n.t.Helper()
	s, ok := theStack(n.t).Compose.Project.Services[name]
	if !ok {
		n.t.Fatalf("no service %s", name)
	}
	return s
}

// start starts a service of another program until the test ends; own are its own addresses and folders.
func (n *native) start(name, program string, own map[string]string, env []string, more ...string) (stop func()) {
	n.t.Helper()
	s := n.service(name)
	args := []string{}
	for _, a := range s.Command {
		args = append(args, n.here(s, own, a))
	}
	cmd := exec.Command(program, append(args, more...)...)
	cmd.Env = append(os.Environ(), env...)
	var log bytes.Buffer // read when it has ended
	cmd.Stdout, cmd.Stderr = &log, &log
	if err := cmd.Start(); err != nil {
		n.t.Fatal(err)
	}
	stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM) // one that has ended is told below
		if err := cmd.Wait(); err != nil || n.t.Failed() {
			n.t.Errorf("%s ended: %v\n%s", name, err, &log)
		}
	})
	n.t.Cleanup(stop)
	return stop
}

// run runs a service that ends, as its container would, and returns what it wrote.
func (n *native) run(name string) (string, error) {
	s := n.service(name)
	args := []string{}
	for _, a := range s.Command {
		args = append(args, n.here(s, nil, a))
	}
	out, err := exec.CommandContext(n.t.Context(), n.binary, args...).CombinedOutput()
	return string(out), err
}

// serve starts a service that is `resift serve`, with its own file and variables, on free ports. more are variables too.
func (n *native) serve(name string, more ...string) *rig.Process {
	n.t.Helper()
	s := n.service(name)
	if !slices.Equal(s.Command, []string{"serve", "--config", "/etc/resift/resift.yaml"}) {
		n.t.Fatalf("%s runs %q", name, s.Command)
	}
	file := n.here(s, nil, "/etc/resift/resift.yaml")
	text, err := os.ReadFile(file)
	if err != nil {
		n.t.Fatal(err)
	}
	env := []string{"RESIFT_LISTEN=127.0.0.1:0", "RESIFT_ADMIN_LISTEN=127.0.0.1:0", "RESIFT_RERANK_API_LISTEN=127.0.0.1:0",
		"RESIFT_RECORDS_DIR=" + filepath.Join(n.t.TempDir(), "records")}
	if s.ReadOnly { // nothing but the records may be written
		env = append(env, "HOME=/nowhere", "TMPDIR=/nowhere")
	}
	for variable, value := range s.Environment {
		env = append(env, variable+"="+n.here(s, nil, value))
	}
	return rig.Start(n.t, n.binary, string(text), append(env, more...)...)
}

// healthy runs a service's health check; own are its own addresses.
func (n *native) healthy(name string, own map[string]string) error {
	n.t.Helper()
	s := n.service(name)
	var command []string
	for _, a := range s.HealthCheck.Test[1:] { // after CMD
		command = append(command, n.here(s, own, a))
	}
	if s.HealthCheck.Test[0] != "CMD" {
		n.t.Fatalf("%s: health check %q", name, s.HealthCheck.Test)
	}
	ctx, cancel := context.WithTimeout(n.t.Context(), time.Minute)
	defer cancel()
	out, err := exec.CommandContext(ctx, command[0], command[1:]...).CombinedOutput()
	if err != nil {
		return errors.New(err.Error() + ": " + string(out))
	}
	return nil
}

// address is the host and port of a URL of ours.
func address(url string) string { return strings.TrimPrefix(url, "http://") }

// nobody listens on the lowest port.
const nobody = "127.0.0.1:1"

// freePort is an address that another program can take.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// client keeps no connection, so that nothing outlives a test.
var client = &http.Client{Timeout: 2 * time.Minute, Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true}}

// call sends a request and returns its answer; body "" sends a GET.
func call(t *testing.T, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	method := http.MethodGet
	if body != "" {
		method = http.MethodPost
	}
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(text)
}

// otlp is where the collector would be; it notes the paths that are asked for.
func otlp(t *testing.T) (address string, asked func(path string) int) {
	var mu sync.Mutex
	paths := map[string]int{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the exporter tells of a broken one
		mu.Lock()
		paths[r.URL.Path]++
		mu.Unlock()
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(s.Close)
	return strings.TrimPrefix(s.URL, "http://"), func(path string) int {
		mu.Lock()
		defer mu.Unlock()
		return paths[path]
	}
}
