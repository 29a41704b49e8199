package yaml

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// one is a legacy template that every index gets: the engine is one node, which has no room for a replica.
const one = `{"index_patterns":["*"],"order":-1,"settings":{"number_of_replicas":0}}`

// wipe makes the engine as empty as it was at the start, after the APIs that were called.
func (r *runner) wipe(ctx context.Context, called map[string]bool) error {
	used := func(part string) bool {
		for name := range called {
			if strings.Contains(name, part) {
				return true
			}
		}
		return false
	}
	if called["search"] && used("scroll") {
		r.tell(ctx, "DELETE", "/_search/scroll/_all", "", 404)
	}
	if used("snapshot") {
		if err := r.wipeSnapshots(ctx); err != nil {
			return err
		}
	}
	r.tell(ctx, "DELETE", "/*?expand_wildcards=all&ignore_unavailable=true", "", 404)
	if used("template") {
		for _, kind := range []string{"_template", "_index_template", "_component_template"} {
			r.tell(ctx, "DELETE", "/"+kind+"/*", "", 404)
		}
		r.tell(ctx, "PUT", "/_template/one", one)
	}
	if used("put_settings") {
		r.tell(ctx, "PUT", "/_cluster/settings", `{"persistent":{"*":null},"transient":{"*":null}}`)
	}
	if used("ingest") {
		r.tell(ctx, "DELETE", "/_ingest/pipeline/*", "", 404)
	}
	if used("put_script") {
		for _, id := range r.names(ctx, "/_cluster/state/metadata?filter_path=metadata.stored_scripts", "metadata.stored_scripts") {
			r.tell(ctx, "DELETE", "/_scripts/"+id, "")
		}
	}
	if used("voting") {
		r.tell(ctx, "DELETE", "/_cluster/voting_config_exclusions?wait_for_removal=false", "", 404)
	}
	return r.err
}

func (r *runner) wipeSnapshots(ctx context.Context) error {
	for _, repository := range r.names(ctx, "/_snapshot", "") {
		r.tell(ctx, "DELETE", "/_snapshot/"+repository+"/*", "", 404, 400, 500) // one that cannot be read is dropped as it is
		r.tell(ctx, "DELETE", "/_snapshot/"+repository, "")
	}
	return r.err
}

// names are those of an object's members in an answer of the engine.
func (r *runner) names(ctx context.Context, target, path string) []string {
	a := r.tell(ctx, "GET", target, "")
	v, _ := stash{}.look(a.doc(), path)
	object, _ := v.(map[string]any)
	var list []string
	for name := range object {
		list = append(list, name)
	}
	return list
}

// tell sends a request to the engine itself; the first failure stays in r.err.
func (r *runner) tell(ctx context.Context, method, target, body string, also ...int) answer {
	header := http.Header{}
	if body != "" {
		header.Set("Content-Type", "application/json")
	}
	a, err := send(ctx, r.client, r.engine, request{method, target, header, []byte(body)})
	if err == nil && a.status >= 400 && !slices.Contains(also, a.status) {
		err = fmt.Errorf("%s %s: %s", method, target, a)
	}
	if r.err == nil {
		r.err = err
	}
	return a
}
