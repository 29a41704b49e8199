package hub

import (
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
)

var (
	modelName  = regexp.MustCompile(`^([A-Za-z0-9_][A-Za-z0-9._-]*/)?[A-Za-z0-9_][A-Za-z0-9._-]*$`)
	commitName = regexp.MustCompile(`^[0-9a-f]{40}$`)
	sha256Hex  = regexp.MustCompile(`^[0-9a-f]{64}$`)
)

// CheckName tells what is wrong with the name of a model, by the rules of the hub: NAME or OWNER/NAME of letters, digits,
// '-', '_' and '.', at most 96 bytes, without "--" and "..".
func CheckName(name string) error {
	switch {
	case len(name) > 96 || !modelName.MatchString(name):
	case strings.Contains(name, "--") || strings.Contains(name, ".."):
	case strings.HasSuffix(name, ".git") || strings.HasSuffix(name, ".") || strings.HasSuffix(name, "-"):
	default:
		return nil
	}
	return fmt.Errorf("%q is not the name of a model on a hub: want OWNER/NAME, such as cross-encoder/ms-marco-MiniLM-L6-v2", name)
}

// FolderName is a model's name as one path element: '/' becomes "--", which no name holds.
func FolderName(name string) string { return strings.ReplaceAll(name, "/", "--") }

// checkRevision refuses what git refuses in the name of a branch or tag, so that nothing odd gets into a path.
func checkRevision(revision string) error {
	bad := revision == "" || len(revision) > 255 || strings.Contains(revision, "..") || strings.ContainsAny(revision, " ~^:?*[\\")
	for _, r := range revision {
		bad = bad || r < ' ' || r == 0x7f
	}
	if bad {
		return fmt.Errorf("%q is not a branch, tag or commit", revision)
	}
	return nil
}

// checkLocal tells what is wrong with the name of a file that is written into the download folder: one path element, not
// hidden, and none of the names this package makes for itself.
func checkLocal(name string) error {
	bad := !filepath.IsLocal(name) || name == "." || strings.ContainsAny(name, `/\:`) || strings.HasPrefix(name, ".") ||
		strings.HasSuffix(name, partialSuffix) || strings.HasSuffix(name, stateSuffix) || len(name) > 200
	for _, r := range name {
		bad = bad || r < ' ' || r == 0x7f
	}
	if bad {
		return fmt.Errorf("file name %q cannot be used", name)
	}
	return nil
}
