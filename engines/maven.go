package engines

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
)

// mavenCopy copies the jars that a pom.xml names, and theirs, into dir. It calls downloaded with the name
// of each file that Maven didn't have yet.
func mavenCopy(ctx context.Context, pom []byte, java JavaHome, dir string, downloaded func(file string)) error {
	work, err := os.MkdirTemp("", "resift-maven-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, "pom.xml"), pom, 0o644); err != nil {
		return err
	}
	cmd, err := mavenCommand(ctx, java, "dependency:copy-dependencies", "-DoutputDirectory="+dir)
	if err != nil {
		return err
	}
	cmd.Dir = work
	return runMaven(cmd, downloaded)
}

func mavenCommand(ctx context.Context, java JavaHome, args ...string) (*exec.Cmd, error) {
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return nil, fmt.Errorf("maven is missing (Debian: apt-get install maven; macOS: brew install maven): %w", err)
	}
	cmd := exec.CommandContext(ctx, mvn, append([]string{"--batch-mode", "-Dstyle.color=never"}, args...)...)
	// Maven keeps its own Java, which trusts the certificates that this machine trusts, unless it has none.
	if exec.CommandContext(ctx, mvn, "--version").Run() != nil {
		cmd.Env = append(os.Environ(), "JAVA_HOME="+java.Dir)
	}
	return cmd, nil
}

// downloadedFile finds the file in a line such as "Downloaded from central: https://host/path/a-1.jar (1.2 MB at 3 MB/s)".
var downloadedFile = regexp.MustCompile(`Downloaded from .*/([^/ ]+) \(`)

func runMaven(cmd *exec.Cmd, downloaded func(file string)) error {
	said := &tail{}
	cmd.Stderr = said
	out, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	lines := bufio.NewScanner(io.TeeReader(out, said))
	for lines.Scan() {
		if file := downloadedFile.FindStringSubmatch(lines.Text()); file != nil {
			downloaded(file[1])
		}
	}
	if lines.Err() != nil { // an endless line: Maven must not wait for a reader
		io.Copy(io.Discard, out)
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("mvn: %w\n%s", err, said.last(15))
	}
	return nil
}
