package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerui"
	dockerspec "github.com/moby/docker-image-spec/specs-go/v1"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	"github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

// dockerfile is Dockerfile as BuildKit converts it, short of running it.
type dockerfile struct {
	Bases    []string                                   `json:"bases"`    // images it starts from
	Targets  map[string]dockerspec.DockerOCIImageConfig `json:"targets"`  // what each stage's image is configured to
	Warnings []string                                   `json:"warnings"` // of the linter
	Copied   map[string]int                             `json:"copied"`   // by source in the build's context: files that .dockerignore leaves of it
}

func readDockerfile(ctx context.Context, root string) (dockerfile, error) {
	text, err := os.ReadFile(filepath.Join(root, "Dockerfile"))
	if err != nil {
		return dockerfile{}, err
	}
	d := dockerfile{Targets: map[string]dockerspec.DockerOCIImageConfig{}, Copied: map[string]int{}}
	parsed, err := parser.Parse(bytes.NewReader(text))
	if err != nil {
		return d, fmt.Errorf("Dockerfile: %w", err)
	}
	stages, _, err := instructions.Parse(parsed.AST, nil)
	if err != nil {
		return d, fmt.Errorf("Dockerfile: %w", err)
	}
	bases := &baseImages{seen: map[string]bool{}}
	for _, s := range stages {
		image, err := dockerfile2llb.Dockerfile2LLB(ctx, text, options(text, bases, s.Name))
		if err != nil {
			return d, fmt.Errorf("Dockerfile, target %s: %w", s.Name, err)
		}
		d.Targets[s.Name] = image.Image.Config
		if err := countCopied(root, s, d.Copied); err != nil {
			return d, err
		}
	}
	for base := range bases.seen {
		d.Bases = append(d.Bases, base)
	}
	lint := options(text, bases, "")
	lint.AllStages = true
	var mu sync.Mutex
	lint.Warn = func(rule, _, _, message string, at []parser.Range) {
		mu.Lock()
		defer mu.Unlock()
		line := 0
		if len(at) > 0 {
			line = at[0].Start.Line
		}
		d.Warnings = append(d.Warnings, fmt.Sprintf("line %d: %s: %s", line, rule, message))
	}
	if _, err := dockerfile2llb.Dockerfile2LLB(ctx, text, lint); err != nil {
		return d, fmt.Errorf("Dockerfile: %w", err)
	}
	return d, nil
}

func options(text []byte, bases *baseImages, target string) dockerfile2llb.ConvertOpt {
	platform := ocispecs.Platform{OS: "linux", Architecture: "amd64"}
	return dockerfile2llb.ConvertOpt{
		Config:         dockerui.Config{Target: target},
		TargetPlatform: &platform,
		MetaResolver:   bases,
		SourceMap:      llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", text),
		Warn:           func(string, string, string, string, []parser.Range) {},
	}
}

// baseImages answers for the registry: whatever image is named is there, for Linux, with a search path. It notes the names.
// BuildKit asks for several at a time.
type baseImages struct {
	mu   sync.Mutex
	seen map[string]bool
}

func (b *baseImages) ResolveImageConfig(_ context.Context, ref string, _ sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	b.mu.Lock()
	b.seen[ref] = true
	b.mu.Unlock()
	config, err := json.Marshal(dockerspec.DockerOCIImage{
		Image:  ocispecs.Image{Platform: ocispecs.Platform{OS: "linux", Architecture: "amd64"}},
		Config: dockerspec.DockerOCIImageConfig{ImageConfig: ocispecs.ImageConfig{Env: []string{"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"}}},
	})
	return ref, digest.FromBytes(config), config, err
}

// countCopied adds, for each thing that a stage copies from the build's context, the files that the builder would see.
func countCopied(root string, s instructions.Stage, copied map[string]int) error {
	for _, c := range s.Commands {
		from, ok := c.(*instructions.CopyCommand)
		if !ok || from.From != "" {
			continue
		}
		for _, source := range from.SourcePaths {
			n, err := contextFiles(root, source)
			if err != nil {
				return err
			}
			copied[source] = n
		}
	}
	return nil
}

// contextFiles counts the files below a path that .dockerignore leaves.
func contextFiles(root, source string) (int, error) {
	list, err := os.Open(filepath.Join(root, ".dockerignore"))
	if err != nil {
		return 0, err
	}
	defer list.Close()
	patterns, err := ignorefile.ReadAll(list)
	if err != nil {
		return 0, fmt.Errorf(".dockerignore: %w", err)
	}
	ignored, err := patternmatcher.New(patterns)
	if err != nil {
		return 0, fmt.Errorf(".dockerignore: %w", err)
	}
	n := 0
	err = filepath.WalkDir(filepath.Join(root, source), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		out, err := ignored.MatchesOrParentMatches(strings.TrimPrefix(name, "./"))
		if err == nil && !out {
			n++
		}
		return err
	})
	return n, err
}
