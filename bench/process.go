package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// process is a running `resift serve`, as one would run it.
type process struct {
	cmd        *exec.Cmd
	folder     string // of its configuration
	url, admin string
	rerank     string     // URL of the rerank API; empty without one
	log        chan error // what reading its log came to, once it ended
}

// startResift serves before the engine, window 100 for indices that match, and returns when it is up. The deadline of
// scoring is out of reach: the time it takes is what is measured.
func (b *bench) startResift(ctx context.Context, model, match string) (*process, error) {
	return b.serve(ctx, fmt.Sprintf(`engine: {urls: [%q]}
reranker: {model: %q, device: cpu}
indices: [{match: %q, fields: [title, text], window: %d, timeout: 10m}]
`, b.engine.URL, model, match, benchWindow))
}

// serve starts resift with a configuration that lacks its ports and its log.
func (b *bench) serve(ctx context.Context, configuration string) (*process, error) {
	folder, err := os.MkdirTemp("", "resift-bench-*")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "resift.yaml")
	text := configuration + `listen: 127.0.0.1:0
admin: {listen: "127.0.0.1:0"}
log: {format: json}
`
	p := &process{folder: folder, log: make(chan error, 1)}
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	p.cmd = exec.CommandContext(ctx, b.resift, "serve", "--config", file)
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	log, err := p.cmd.StderrPipe()
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	lines := bufio.NewReader(log)
	if err := p.waitUp(lines); err != nil {
		return nil, errors.Join(err, p.cmd.Process.Kill(), p.cmd.Wait(), os.RemoveAll(folder))
	}
	go func() {
		_, err := io.Copy(io.Discard, lines)
		p.log <- err
	}()
	return p, nil
}

// waitUp reads the log until the process says where it listens.
func (p *process) waitUp(log *bufio.Reader) error {
	said := ""
	for {
		line, err := log.ReadString('\n')
		if err != nil {
			return fmt.Errorf("%s did not start: %s", p.cmd.Path, said)
		}
		var entry struct {
			Msg, Listen, Admin string
			Rerank             string `json:"rerank_api"`
		}
		if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "resift is up" {
			p.url, p.admin, p.rerank = entry.Listen, entry.Admin, entry.Rerank
			return nil
		}
		said += line
	}
}

func (p *process) stop() error {
	return errors.Join(p.cmd.Process.Signal(syscall.SIGTERM), <-p.log, p.cmd.Wait(), os.RemoveAll(p.folder))
}

// usage is what a process has used since its start.
type usage struct{ cpuSeconds, allocations, bytes float64 }

func (u usage) minus(v usage) usage {
	return usage{u.cpuSeconds - v.cpuSeconds, u.allocations - v.allocations, u.bytes - v.bytes}
}

// usage reads it off the admin port's metrics.
func (p *process) usage() (usage, error) {
	client := http.Client{Timeout: 10 * time.Second}
	resp, err := client.Get(p.admin + "/metrics")
	if err != nil {
		return usage{}, err
	}
	defer resp.Body.Close()
	var u usage
	want := map[string]*float64{
		"process_cpu_seconds_total": &u.cpuSeconds, "go_memstats_mallocs_total": &u.allocations, "go_memstats_alloc_bytes_total": &u.bytes,
	}
	found := 0
	lines := bufio.NewScanner(resp.Body)
	for lines.Scan() {
		name, value, _ := strings.Cut(lines.Text(), " ")
		if to := want[name]; to != nil {
			if *to, err = strconv.ParseFloat(value, 64); err != nil {
				return u, fmt.Errorf("metric %s: %w", name, err)
			}
			found++
		}
	}
	if found < len(want) {
		return u, errors.Join(fmt.Errorf("%s/metrics has %d of %d metrics", p.admin, found, len(want)), lines.Err())
	}
	return u, nil
}
