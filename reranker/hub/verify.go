package hub

import (
	"context"
	"crypto/sha1" // git's name of a file's content; not used for secrecy
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"io/fs"
	"os"
)

// errMismatch: the bytes on disk are not those the hub listed.
var errMismatch = errors.New("content differs from what the hub lists")

// adopt takes what the hub said about the content when it sent it, where the listing has no digest.
func (f File) adopt(etag string) File {
	switch {
	case f.SHA256 != "" || f.BlobID != "":
	case sha256Hex.MatchString(etag):
		f.SHA256 = etag
	case commitName.MatchString(etag):
		f.BlobID = etag
	}
	return f
}

// verify reads a file and holds it against what is known about it: its size and its digest. It wraps errMismatch, and
// fs.ErrNotExist where there is no file.
func verify(ctx context.Context, root *os.Root, name string, f File) error {
	r, err := root.Open(name)
	if err != nil {
		return err
	}
	defer r.Close()
	info, err := r.Stat()
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s: %w: it is no regular file", name, fs.ErrInvalid)
	}
	if f.Size >= 0 && info.Size() != f.Size {
		return fmt.Errorf("%s: %w: %d bytes, not %d", f.Path, errMismatch, info.Size(), f.Size)
	}
	var h hash.Hash
	want := f.SHA256
	switch {
	case f.SHA256 != "":
		h = sha256.New()
	case f.BlobID != "":
		h, want = sha1.New(), f.BlobID
		fmt.Fprintf(h, "blob %d\x00", info.Size())
	default:
		return nil
	}
	if _, err := io.CopyBuffer(h, &contextReader{ctx, r}, make([]byte, 1<<20)); err != nil {
		return err
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != want {
		return fmt.Errorf("%s: %w: digest %s, not %s", f.Path, errMismatch, got, want)
	}
	return nil
}

// contextReader stops reading when ctx ends: a digest of gigabytes takes seconds.
type contextReader struct {
	ctx context.Context
	r   io.Reader
}

func (c *contextReader) Read(p []byte) (int, error) {
	if c.ctx.Err() != nil {
		return 0, context.Cause(c.ctx)
	}
	return c.r.Read(p)
}
