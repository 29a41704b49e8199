package reranker

import (
	"strings"
	"testing"
)

func TestCleanName(t *testing.T) {
	for text, want := range map[string]string{
		"resift-tiny":                       "resift-tiny",
		"cross-encoder/ms-marco_L6.v2":      "cross-encoder/ms-marco_L6.v2",
		"my model (final)":                  "my-model-final-",
		"a\r\nX-Evil: 1":                    "a-X-Evil-1",
		"modèle":                            "mod-le",
		"":                                  "",
		strings.Repeat("x", 2*maxNameBytes): strings.Repeat("x", maxNameBytes),
	} {
		if got := cleanName(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

func TestTheNameIsTheDescriptionsElseTheDirectorys(t *testing.T) {
	d := &Directory{Path: "models/some model"}
	if got := d.name(); got != "some-model" {
		t.Errorf("undeclared: %q", got)
	}
	d.Name = "resift-tiny"
	if got := d.name(); got != "resift-tiny" {
		t.Errorf("declared: %q", got)
	}
	m := d.Metadata
	m.Name = "a b"
	if err := m.check(); err == nil || !strings.Contains(err.Error(), `name "a b"`) {
		t.Errorf("a name with a space: %v", err)
	}
}
