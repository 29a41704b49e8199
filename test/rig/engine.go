package rig

import (
	"bytes"
	"testing"

	"github.com/resift/resift/engines"
)

// Engine boots an engine by its name in package engines and stops it when the test ends.
func Engine(t testing.TB, name string) *engines.Engine {
	t.Helper()
	var log bytes.Buffer
	e, err := engines.Start(t.Context(), engines.Options{Name: name, Log: &log})
	if err != nil {
		t.Fatalf("%s: %v\n%s", name, err, &log)
	}
	t.Cleanup(func() {
		if err := e.Stop(); err != nil {
			t.Error(err)
		}
	})
	return e
}
