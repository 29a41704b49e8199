package mlcommons

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/resift/resift/engines"
)

// OpenSearch is a running node with the plugins.
type OpenSearch struct {
	*engines.Engine
	state string
}

// Start boots one with the plugins in folder, which setup.sh made. Its data goes with Stop.
func Start(ctx context.Context, folder string, o engines.Options) (_ *OpenSearch, err error) {
	state, err := os.MkdirTemp("", "resift-mlcommons-*")
	if err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, os.RemoveAll(state))
		}
	}()
	// The node looks for plugins in its home; the launcher's folder is the first of its class path.
	for from, to := range map[string]string{"plugins": "plugins", "classes": "launcher"} {
		if err := os.CopyFS(filepath.Join(state, to), os.DirFS(filepath.Join(folder, from))); err != nil {
			return nil, fmt.Errorf("plugins: %w", err)
		}
	}
	o.Name, o.StateDir = "opensearch-2.19", state
	if o.Heap == "" {
		o.Heap = "768m"
	}
	e, err := engines.Start(ctx, o)
	if err != nil {
		return nil, err
	}
	return &OpenSearch{Engine: e, state: state}, nil
}

// Stop ends the node and removes its data.
func (s *OpenSearch) Stop() error { return errors.Join(s.Engine.Stop(), os.RemoveAll(s.state)) }
