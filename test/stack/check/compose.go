package main

import (
	"context"
	"fmt"
	"path/filepath"

	"github.com/compose-spec/compose-go/v2/cli"
	"github.com/compose-spec/compose-go/v2/types"
)

// compose is docker-compose.yml as it is loaded: interpolated with an empty environment, merged, held to the schema.
type compose struct {
	Profiles map[string][]string `json:"profiles"` // the services of each; "" has those without one
	Project  *types.Project      `json:"project"`  // with every profile
}

// readCompose loads the file with no profile, with each alone, and with all.
func readCompose(ctx context.Context, root string) (compose, error) {
	all, err := loadProject(ctx, root, "*")
	if err != nil {
		return compose{}, err
	}
	c := compose{Profiles: map[string][]string{}, Project: all}
	names := map[string]bool{"": true}
	for _, s := range all.Services {
		for _, p := range s.Profiles {
			names[p] = true
		}
	}
	for name := range names {
		p, err := loadProject(ctx, root, name)
		if err != nil {
			return compose{}, err
		}
		c.Profiles[name] = p.ServiceNames()
	}
	return c, nil
}

func loadProject(ctx context.Context, root, profile string) (*types.Project, error) {
	var profiles []string
	if profile != "" {
		profiles = []string{profile}
	}
	o, err := cli.NewProjectOptions([]string{filepath.Join(root, "docker-compose.yml")},
		cli.WithWorkingDirectory(root), cli.WithProfiles(profiles), cli.WithResolvedPaths(true))
	if err != nil {
		return nil, fmt.Errorf("compose: %w", err)
	}
	p, err := o.LoadProject(ctx)
	if err != nil {
		return nil, fmt.Errorf("compose, profile %q: %w", profile, err)
	}
	return p, nil
}
