package engines

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"
)

// waitReady waits until the engine at the address it wrote to the file ports answers its health request with 200, and
// returns its URL.
func waitReady(ctx context.Context, p *process, ports string) (string, error) {
	// Without keep-alive no idle connection outlives the wait.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		url, err := readPorts(ports)
		if err == nil {
			err = healthy(ctx, client, url)
		}
		if err == nil {
			return url, nil
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-p.done:
			return "", fmt.Errorf("ended before it answered: %w", p.err)
		case <-ctx.Done():
			return "", fmt.Errorf("%w (%w)", context.Cause(ctx), last)
		case <-tick.C:
		}
	}
}

// readPorts returns the IPv4 address in an engine's http.ports as a URL. The engine moves the file into place whole.
func readPorts(path string) (string, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(b)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, "127.0.0.1:") {
			return "http://" + line, nil
		}
	}
	return "", errors.New(path + " has no loopback address")
}

func healthy(ctx context.Context, client *http.Client, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url+"/_cluster/health", nil)
	if err != nil {
		return err
	}
	res, err := client.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<10))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("cluster health: %s: %s", res.Status, body)
	}
	return nil
}
