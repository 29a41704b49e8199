package engines

import (
	"archive/zip"
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
)

// command lays out the state folder and returns the command that boots the engine in it.
func command(r recipe, java JavaHome, lib string, o Options) (*exec.Cmd, error) {
	launcher := filepath.Join(o.StateDir, "launcher")
	if err := writeLauncher(r, java, launcher); err != nil {
		return nil, err
	}
	tmp := filepath.Join(o.StateDir, "tmp")
	for _, dir := range []string{tmp, filepath.Join(o.StateDir, "logs")} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return nil, err
		}
	}
	jars, err := filepath.Glob(filepath.Join(lib, "*.jar"))
	if err != nil {
		return nil, err
	}
	if r.isolated {
		var module []string
		module, jars = splitModule(jars)
		if err := writeModule(module, filepath.Join(o.StateDir, "modules", moduleName)); err != nil {
			return nil, err
		}
	}
	classPath := strings.Join(append([]string{launcher}, jars...), string(os.PathListSeparator))
	args := append(jvmArgs(java, o.Heap, tmp),
		"-Djava.util.logging.config.file="+filepath.Join(launcher, "logging.properties"), "-cp", classPath, "Launcher", o.StateDir)
	settings := r.settings(o.Port)
	maps.Copy(settings, o.Settings)
	for _, key := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, key, settings[key])
	}
	cmd := exec.Command(java.java(), args...)
	cmd.Dir = o.StateDir
	return cmd, nil
}

func jvmArgs(java JavaHome, heap, tmp string) []string {
	args := []string{
		"-Xmx" + heap,
		"-Djava.io.tmpdir=" + tmp,
		"-Djava.awt.headless=true",
		"-Dlog4j2.disable.jmx=true",
		"-Dslf4j.internal.verbosity=ERROR",
		"-XX:-UsePerfData", // else each engine leaves a file in the system's temporary folder
	}
	if java.Feature >= 22 {
		args = append(args, "--enable-native-access=ALL-UNNAMED")
	}
	if java.Feature >= 23 {
		args = append(args, "--sun-misc-unsafe-memory-access=allow")
	}
	if java.fetched {
		args = append(args, "-Djava.locale.providers=CLDR,SPI") // SPI: ThaiLetters
	}
	return args
}

// writeLauncher fills the first folder of the class path.
func writeLauncher(r recipe, java JavaHome, dir string) error {
	files := map[string]string{ // from the recipes
		"Launcher.class": r.name + "/Launcher.class",
		// Lucene logs by java.util.logging, the engines by log4j.
		"log4j2.properties":  "log4j2.properties",
		"logging.properties": "logging.properties",
	}
	if java.fetched {
		files["ThaiLetters.class"] = "thai/ThaiLetters.class"
		files["META-INF/services/java.text.spi.BreakIteratorProvider"] = "thai/services"
	}
	for name, from := range files {
		b, err := recipes.ReadFile("recipes/" + from)
		if err != nil {
			return err
		}
		path := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(path, b, 0o644); err != nil {
			return err
		}
	}
	return nil
}

const moduleName = "transport-netty4"

// splitModule parts the jars of the HTTP module from those of the class path.
func splitModule(jars []string) (module, rest []string) {
	for _, jar := range jars {
		if strings.Contains(filepath.Base(jar), "netty") {
			module = append(module, jar)
		} else {
			rest = append(rest, jar)
		}
	}
	return module, rest
}

// writeModule makes the module's folder as the distribution has it: its jars and its descriptor.
func writeModule(jars []string, dir string) error {
	if err := os.RemoveAll(dir); err != nil {
		return err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	var descriptor []byte
	for _, jar := range jars {
		if err := copyFile(jar, filepath.Join(dir, filepath.Base(jar))); err != nil {
			return err
		}
		if !strings.HasPrefix(filepath.Base(jar), moduleName) {
			continue
		}
		var err error
		if descriptor, err = moduleDescriptor(jar); err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(jar), err)
		}
	}
	if descriptor == nil {
		return errors.New("the jars hold no " + moduleName)
	}
	return os.WriteFile(filepath.Join(dir, "plugin-descriptor.properties"), descriptor, 0o644)
}

// moduleDescriptor takes the descriptor out of the module's jar, without the name of its Java module: with it the
// engine would load the folder as a module layer, which wants the engine itself to be modules, not a class path.
func moduleDescriptor(jar string) ([]byte, error) {
	z, err := zip.OpenReader(jar)
	if err != nil {
		return nil, err
	}
	defer z.Close()
	f, err := z.Open("META-INF/es-plugins/" + moduleName + "/plugin-descriptor.properties")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	all, err := io.ReadAll(f)
	if err != nil {
		return nil, err
	}
	var kept []byte
	for line := range bytes.Lines(all) {
		if !bytes.HasPrefix(line, []byte("modulename")) {
			kept = append(kept, line...)
		}
	}
	return kept, nil
}

// copyFile links where it can: the state folder is often on the cache's file system.
func copyFile(from, to string) error {
	if os.Link(from, to) == nil {
		return nil
	}
	b, err := os.ReadFile(from)
	if err != nil {
		return err
	}
	return os.WriteFile(to, b, 0o644)
}
