package main

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
)

// stack is what is printed.
type stack struct {
	Compose    compose             `json:"compose"`
	Dockerfile dockerfile          `json:"dockerfile"`
	Metrics    map[string][]string `json:"metrics"` // by query: the names it selects
}

func main() {
	if len(os.Args) != 2 {
		fmt.Fprintln(os.Stderr, "usage: check ROOT")
		os.Exit(2)
	}
	if err := run(context.Background(), os.Args[1]); err != nil {
		fmt.Fprintf(os.Stderr, "check: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, root string) error {
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	var s stack
	if s.Compose, err = readCompose(ctx, root); err != nil {
		return err
	}
	if s.Dockerfile, err = readDockerfile(ctx, root); err != nil {
		return err
	}
	if s.Metrics, err = readQueries(root); err != nil {
		return err
	}
	out := json.NewEncoder(os.Stdout)
	out.SetIndent("", " ")
	return out.Encode(s)
}
