package main

import (
	"bufio"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

//go:embed python/score.py
var script string

// python is a running score.py.
type python struct {
	cmd      *exec.Cmd
	in       io.WriteCloser
	out      *bufio.Reader
	versions string
}

// startPython loads the model; the process ends with close, or with ctx. The way is "usual" or "tuned".
func startPython(ctx context.Context, interpreter, model string, threads int, way string) (*python, error) {
	cmd := exec.CommandContext(ctx, interpreter, "-c", script, model, strconv.Itoa(threads), way)
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("python: %w", err)
	}
	p := &python{cmd: cmd, in: in, out: bufio.NewReader(out)}
	if p.versions, err = p.out.ReadString('\n'); err != nil {
		return nil, errors.Join(fmt.Errorf("python: no answer: %w", err), p.close())
	}
	p.versions = strings.TrimSpace(p.versions)
	return p, nil
}

// score scores requests. Their way through the pipe is not timed.
func (p *python) score(_ context.Context, requests []request) (run, error) {
	list := make([][2]any, len(requests))
	for i, r := range requests {
		list[i] = [2]any{r.query, r.passages}
	}
	line, err := json.Marshal(list)
	if err != nil {
		return run{}, err
	}
	line = append(line, '\n')
	if _, err := p.in.Write(line); err != nil {
		return run{}, fmt.Errorf("python: %w", err)
	}
	answer, err := p.out.ReadBytes('\n')
	if err != nil {
		return run{}, fmt.Errorf("python: no answer: %w", err)
	}
	var r run
	if err := json.Unmarshal(answer, &r); err != nil {
		return run{}, fmt.Errorf("python: %w", err)
	}
	return r, nil
}

func (p *python) close() error {
	return errors.Join(p.in.Close(), p.cmd.Wait())
}
