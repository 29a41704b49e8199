package engines

import (
	"encoding/binary"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// TestRecipes holds each recipe's files against the catalog.
func TestRecipes(t *testing.T) {
	for _, r := range catalog() {
		t.Run(r.name, func(t *testing.T) {
			if !strings.HasPrefix(r.version, strings.TrimPrefix(r.name, r.flavour+"-")+".") {
				t.Errorf("version %s is not one of %s", r.version, r.name)
			}
			pom, err := r.file("pom.xml")
			if err != nil {
				t.Fatal(err)
			}
			if want := "<engine.version>" + r.version + "<"; !strings.Contains(string(pom), want) {
				t.Errorf("pom.xml lacks %s", want)
			}
			list, err := r.file("jars.sha256")
			if err != nil {
				t.Fatal(err)
			}
			sums, err := readSums(list)
			if err != nil {
				t.Fatal(err)
			}
			if jar := r.folder() + ".jar"; sums[jar] == "" {
				t.Errorf("jars.sha256 lacks %s", jar)
			}
			class, err := r.file("Launcher.class")
			if err != nil {
				t.Fatal(err)
			}
			// A class file's major version is its Java release plus 44.
			if release := int(binary.BigEndian.Uint16(class[6:])) - 44; release != r.java {
				t.Errorf("Launcher.class is for Java %d, the engine boots on %d", release, r.java)
			}
		})
	}
}

func TestVerify(t *testing.T) {
	const sumOfA, sumOfB = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb",
		"3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4acb73eeaed59c009d"
	tests := map[string]struct {
		files map[string]string
		want  []string
	}{
		"as listed": {map[string]string{"a.jar": "a", "b.jar": "b"}, nil},
		"missing":   {map[string]string{"a.jar": "a"}, []string{"b.jar is missing"}},
		"more":      {map[string]string{"a.jar": "a", "b.jar": "b", "c.jar": "c"}, []string{"c.jar is not on the list"}},
		"changed":   {map[string]string{"a.jar": "a", "b.jar": "a"}, []string{"b.jar has sha256 " + sumOfA + ", not " + sumOfB}},
		"all wrong": {map[string]string{"a.jar": "b", "c.jar": "c"}, []string{"a.jar has", "b.jar is missing", "c.jar is not"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, content := range test.files {
				write(t, filepath.Join(dir, file), content, 0o644)
			}
			err := verify(dir, map[string]string{"a.jar": sumOfA, "b.jar": sumOfB})
			if len(test.want) == 0 && err != nil {
				t.Errorf("got %v, want no error", err)
			}
			for _, want := range test.want {
				if err == nil || !strings.Contains(err.Error(), want) {
					t.Errorf("got %v, want %q in it", err, want)
				}
			}
		})
	}
}

func write(t *testing.T, path, content string, mode os.FileMode) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, []byte(content), mode); err != nil {
		t.Fatal(err)
	}
}

// TestRunMaven: the files that Maven downloads are told, and why it failed.
func TestRunMaven(t *testing.T) {
	script := filepath.Join(t.TempDir(), "mvn")
	write(t, script, `#!/bin/sh
echo 'Downloading from central: https://host/a/1/a-1.jar'
echo 'Downloaded from central: https://host/a/1/a-1.jar (1.2 MB at 3.4 MB/s)'
echo 'Progress (1): 12 kB'
echo 'Downloaded from central: https://host/b/1/b-1.pom (1.2 kB at 3.4 kB/s)'
echo '[ERROR] no such artifact'
exit $1
`, 0o755)
	for _, code := range []string{"0", "1"} {
		var files []string
		err := runMaven(exec.Command(script, code), func(file string) { files = append(files, file) })
		if want := []string{"a-1.jar", "b-1.pom"}; !slices.Equal(files, want) {
			t.Errorf("exit %s: told of %v, want %v", code, files, want)
		}
		if failed := err != nil && strings.Contains(err.Error(), "no such artifact"); failed != (code == "1") {
			t.Errorf("exit %s: got error %v", code, err)
		}
	}
}
