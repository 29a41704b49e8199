package main

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

//go:embed plain/nginx.conf
var nginxConfig string

//go:embed plain/caddy.json
var caddyConfig string

// plainProxy is another program that passes everything on to the engine.
type plainProxy struct {
	cmd    *exec.Cmd
	folder string // of its configuration and of what it writes
	url    string
}

// startNginx and startCaddy serve before the engine, each with its configuration in the folder plain.
func (b *bench) startNginx(ctx context.Context) (*plainProxy, error) {
	return b.startPlain(ctx, b.nginx, nginxConfig, "-e", "stderr", "-p", "{{folder}}/", "-c", "{{file}}")
}

func (b *bench) startCaddy(ctx context.Context) (*plainProxy, error) {
	return b.startPlain(ctx, b.caddy, caddyConfig, "run", "--config", "{{file}}")
}

func (b *bench) startPlain(ctx context.Context, program, config string, args ...string) (*plainProxy, error) {
	listen, err := freeAddress()
	if err != nil {
		return nil, err
	}
	folder, err := os.MkdirTemp("", "resift-bench-*")
	if err != nil {
		return nil, err
	}
	file := filepath.Join(folder, "config")
	fill := strings.NewReplacer("{{listen}}", listen, "{{engine}}", strings.TrimPrefix(b.engine.URL, "http://"), "{{folder}}", folder, "{{file}}", file)
	for i := range args {
		args[i] = fill.Replace(args[i])
	}
	p := &plainProxy{cmd: exec.CommandContext(ctx, program, args...), folder: folder, url: "http://" + listen}
	p.cmd.Env = append(os.Environ(), "HOME="+folder) // Caddy keeps an identity of the installation there
	p.cmd.Stderr = os.Stderr
	p.cmd.Cancel = func() error { return p.cmd.Process.Signal(syscall.SIGTERM) }
	err = os.WriteFile(file, []byte(fill.Replace(config)), 0o644)
	if err == nil {
		err = p.cmd.Start()
	}
	if err != nil {
		return nil, errors.Join(err, os.RemoveAll(folder))
	}
	if err := waitListening(ctx, listen); err != nil {
		return nil, errors.Join(fmt.Errorf("%s did not start: %w", program, err), p.stop())
	}
	return p, nil
}

// freeAddress is one on which nothing listens; another program may be faster, and then the start fails.
func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

func waitListening(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var dialer net.Dialer
	for {
		c, err := dialer.DialContext(ctx, "tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func (p *plainProxy) stop() error {
	return errors.Join(p.cmd.Process.Signal(syscall.SIGTERM), p.cmd.Wait(), os.RemoveAll(p.folder))
}
