package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// healthURL is asked where no other is named.
const healthURL = "http://127.0.0.1:9281/healthz"

// longestCondition bounds what is read of an answer, bytes; ours have about 100.
const longestCondition = 64 << 10

// health asks a running resift how it is, for health checks of containers: their images have no other HTTP client. Any
// answer but a 2xx is a failure.
func (p *program) health(ctx context.Context, args []string) error {
	f := p.flags("health", "health [URL]")
	timeout := f.Duration("timeout", 3*time.Second, "`time` for the answer")
	address := healthURL
	rest, err := parseNames(f, args, 0, 1)
	if err != nil {
		return err
	}
	if len(rest) == 1 {
		address = rest[0]
	}
	if u, err := url.Parse(address); err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return fmt.Errorf("health: %q is no URL such as %s", address, healthURL)
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	transport := &http.Transport{Proxy: nil, DisableKeepAlives: true}
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	resp, err := (&http.Client{Transport: transport, CheckRedirect: stay}).Do(req)
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, longestCondition))
	if err != nil {
		return fmt.Errorf("health: %w", err)
	}
	said := strings.TrimSpace(string(body))
	if resp.StatusCode/100 != 2 {
		return fmt.Errorf("health: %s answered %s: %s", address, resp.Status, said)
	}
	fmt.Fprintln(p.stdout, said)
	return nil
}
