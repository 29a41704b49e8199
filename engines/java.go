package engines

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// JavaHome is a Java runtime on this machine.
type JavaHome struct {
	Dir     string // bin/java is below it
	Feature int    // feature release: 17, 21, 25
	fetched bool   // by this package: a runtime that lacks some locales
}

func (j JavaHome) java() string { return filepath.Join(j.Dir, "bin", "java") }

var errNoJava = errors.New("no Java found")

// Java returns a Java runtime of feature release min or later: of RESIFT_JAVA_HOME, which alone is looked at when it is
// set, else of JAVA_HOME, of PATH, or of the places where systems install them. Where there is none it fetches one into
// the cache; progress, which may be nil, hears of that.
func Java(ctx context.Context, min int, progress func(string)) (JavaHome, error) {
	if progress == nil {
		progress = func(string) {}
	}
	found, err := findJava(ctx, min)
	if err == nil || !errors.Is(err, errNoJava) {
		return found, err
	}
	fetched, fetchErr := fetchJRE(ctx, progress)
	if fetchErr != nil {
		return JavaHome{}, fmt.Errorf("java %d or later: %w, and none could be fetched: %w", min, err, fetchErr)
	}
	if fetched.Feature < min {
		return JavaHome{}, fmt.Errorf("java %d or later: %w (Java %d can be fetched)", min, err, fetched.Feature)
	}
	return fetched, nil
}

// findJava looks for an installed runtime; errNoJava tells that there is none of at least min.
func findJava(ctx context.Context, min int) (JavaHome, error) {
	if dir := os.Getenv("RESIFT_JAVA_HOME"); dir != "" {
		home, err := inspectJava(ctx, filepath.Join(dir, "bin", "java"))
		if err != nil {
			return JavaHome{}, fmt.Errorf("RESIFT_JAVA_HOME: %w", err)
		}
		if home.Feature < min {
			return JavaHome{}, fmt.Errorf("RESIFT_JAVA_HOME: %s is Java %d; %d or later is needed", dir, home.Feature, min)
		}
		return home, nil
	}
	var seen []string
	for _, java := range javaCandidates() {
		real, err := filepath.EvalSymlinks(java)
		if err != nil || slices.Contains(seen, real) {
			continue
		}
		seen = append(seen, real)
		// One that doesn't run is no reason to stop: stale JAVA_HOMEs and macOS's java stub are common.
		if home, err := inspectJava(ctx, java); err == nil && home.Feature >= min {
			return home, nil
		}
	}
	if err := ctx.Err(); err != nil {
		return JavaHome{}, err
	}
	return JavaHome{}, fmt.Errorf("%w among %d installed", errNoJava, len(seen))
}

// javaCandidates lists java executables that may exist, in order of preference.
func javaCandidates() []string {
	var c []string
	if dir := os.Getenv("JAVA_HOME"); dir != "" {
		c = append(c, filepath.Join(dir, "bin", "java"))
	}
	if java, err := exec.LookPath("java"); err == nil {
		c = append(c, java)
	}
	for _, pattern := range []string{
		"/usr/lib/jvm/*/bin/java",
		"/Library/Java/JavaVirtualMachines/*/Contents/Home/bin/java",
		"/opt/homebrew/opt/openjdk*/bin/java",
	} {
		// A pattern of our own cannot be malformed, which is Glob's only error.
		found, _ := filepath.Glob(pattern)
		c = append(c, found...)
	}
	return c
}

var (
	javaHomeProperty = regexp.MustCompile(`(?m)^\s*java\.home = (.+?)\s*$`)
	javaSpecProperty = regexp.MustCompile(`(?m)^\s*java\.specification\.version = (?:1\.)?(\d+)`)
)

// inspectJava asks an executable for its home and release: a java on PATH may be a link or a shim.
func inspectJava(ctx context.Context, java string) (JavaHome, error) {
	out, err := exec.CommandContext(ctx, java, "-XshowSettings:properties", "-version").CombinedOutput()
	if err != nil {
		return JavaHome{}, fmt.Errorf("%s -version: %w", java, err)
	}
	dir, spec := javaHomeProperty.FindSubmatch(out), javaSpecProperty.FindSubmatch(out)
	if dir == nil || spec == nil {
		return JavaHome{}, fmt.Errorf("%s -version: not understood: %s", java, lastLines(out, 3))
	}
	feature, err := strconv.Atoi(string(spec[1]))
	if err != nil {
		return JavaHome{}, fmt.Errorf("%s -version: %w", java, err)
	}
	return JavaHome{Dir: string(dir[1]), Feature: feature}, nil
}

// Best names the fullest engine that this machine can boot: opensearch-3.8 where a Java of 21 or later is found or can
// be fetched, else opensearch-2.19. Progress may be nil.
func Best(ctx context.Context, progress func(string)) string {
	if _, err := Java(ctx, 21, progress); err != nil {
		return "opensearch-2.19"
	}
	return "opensearch-3.8"
}
