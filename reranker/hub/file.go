package hub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"regexp"
	"strconv"
)

const (
	partialSuffix = ".partial"      // of a file that is not whole
	stateSuffix   = ".partial.json" // of what is known about it
	// progressBytes is how much farther than any before an attempt must get to not count as failed. A server that begins
	// anew each time, and always breaks at the same place, gets nowhere.
	progressBytes = 256 << 10
)

// partial is what is known about the bytes of a file that is not whole.
type partial struct {
	ETag    string `json:"etag"`    // of the server that sent them, if a range request may rely on it
	Content string `json:"content"` // the hub's ETag of the content
	Digest  string `json:"digest"`  // the sha256 or git blob id that the hub states beside it, or ""
}

// file brings one file: what is there already is checked, what is missing is downloaded.
func (d *download) file(ctx context.Context, m *Model, f File) error {
	if err := checkLocal(f.name()); err != nil {
		return err
	}
	switch err := verify(ctx, d.root, f.name(), f); {
	case err == nil:
		d.report(Found, f, max(f.Size, 0))
		return nil
	case !errors.Is(err, fs.ErrNotExist) && !errors.Is(err, errMismatch):
		return err
	}
	mismatches, farthest := 0, int64(0)
	return d.client.again(ctx, Event{File: f.name(), Size: f.Size}, func() (bool, error) {
		reached, err := d.attempt(ctx, m, f)
		if err != nil {
			farther := reached >= farthest+progressBytes
			if farther {
				farthest = reached
			}
			return farther, err
		}
		err = d.finish(ctx, f)
		if !errors.Is(err, errMismatch) {
			return false, err
		}
		// Bytes of an earlier run or of a bad line: once more from the start. Twice the same is what the server has.
		if err := d.restart(f); err != nil {
			return false, err
		}
		if mismatches++; mismatches == 2 {
			return false, err
		}
		return false, &temporary{error: err}
	})
}

// finish checks a file that has arrived and gives it its name.
func (d *download) finish(ctx context.Context, f File) error {
	name := f.name() + partialSuffix
	if err := verify(ctx, d.root, name, f.adopt(d.state(f).Digest)); err != nil {
		return err
	}
	if err := d.root.Rename(name, f.name()); err != nil {
		return err
	}
	info, err := d.root.Stat(f.name())
	if err != nil {
		return err
	}
	d.report(Finished, f, info.Size())
	return d.remove(f.name() + stateSuffix)
}

// attempt asks for what is missing of a file and appends it to the partial one; it returns how far the file has come,
// 0 where nothing arrived. It ends without an error when the server has sent all that it announced.
func (d *download) attempt(ctx context.Context, m *Model, f File) (int64, error) {
	part, err := d.root.OpenFile(f.name()+partialSuffix, os.O_RDWR|os.O_CREATE, 0o644)
	if err != nil {
		return 0, err
	}
	defer part.Close()
	at, known, err := d.resumePoint(part, f)
	if err != nil || at == f.Size {
		return 0, err
	}
	about := subject{name: m.Name, revision: m.Commit, file: f.Path}
	a, err := d.client.get(ctx, d.client.fileAddress(m, f), rangeFrom(at, known))
	if err != nil {
		return 0, err
	}
	defer a.Body.Close()
	if a.StatusCode == http.StatusRequestedRangeNotSatisfiable && at > 0 {
		return 0, errors.Join(d.restart(f), &temporary{error: fmt.Errorf("%s: the server has no byte %d", f.Path, at)})
	}
	if a.StatusCode != http.StatusOK && a.StatusCode != http.StatusPartialContent {
		return 0, d.client.statusError(a, about)
	}
	if a.commit != "" && a.commit != m.Commit {
		return 0, fmt.Errorf("asked for %s of %s, the server sent that of commit %q", f.Path, m.Source(), a.commit)
	}
	t := transfer{file: f, at: at, total: f.Size}
	if err := t.accept(a, known); err != nil {
		return 0, d.refused(f, err)
	}
	if err := d.within(t.total); err != nil {
		return 0, fmt.Errorf("%s: %w", f.Path, err)
	}
	if t.at == 0 {
		now := partial{ETag: strongETag(a.Header.Get("Etag")), Content: a.contentETag(), Digest: a.digest()}
		if err := errors.Join(part.Truncate(0), d.setState(f, now)); err != nil {
			return 0, err
		}
	}
	if _, err := part.Seek(t.at, io.SeekStart); err != nil {
		return 0, err
	}
	n, err := d.copy(part, a.Body, t)
	return t.at + n, errors.Join(err, part.Sync())
}

// refused drops what is there where an answer does not fit it, so that the next attempt starts anew.
func (d *download) refused(f File, err error) error {
	if !errors.Is(err, errChanged) {
		return err
	}
	return errors.Join(d.restart(f), &temporary{error: err})
}

// resumePoint is the first byte that is missing, and what is known of those before. It empties a partial file that nothing
// can be appended to.
func (d *download) resumePoint(part *os.File, f File) (int64, partial, error) {
	info, err := part.Stat()
	if err != nil {
		return 0, partial{}, err
	}
	at, known := info.Size(), d.state(f)
	checked := f.adopt(known.Digest)
	usable := known.ETag != "" || checked.SHA256 != "" || checked.BlobID != ""
	if at > 0 && (!usable || f.Size >= 0 && at > f.Size) {
		return 0, partial{}, part.Truncate(0)
	}
	return at, known, nil
}

// rangeFrom asks for the bytes from at on, if they are still of the same content.
func rangeFrom(at int64, known partial) http.Header {
	h := http.Header{}
	if at > 0 {
		h.Set("Range", fmt.Sprintf("bytes=%d-", at))
		if known.ETag != "" {
			h.Set("If-Range", known.ETag)
		}
	}
	return h
}

// transfer is what an answer is about to bring.
type transfer struct {
	file  File
	at    int64 // its first byte
	total int64 // bytes of the whole file; -1: not known
}

// errChanged: the server's content is another than the bytes that are there.
var errChanged = errors.New("the file changed on the server")

var contentRange = regexp.MustCompile(`^bytes (\d{1,18})-(\d{1,18})/(\d{1,18}|\*)$`)

// accept checks that an answer is the wanted part of the wanted file.
func (t *transfer) accept(a *answer, known partial) error {
	if e := a.Header.Get("Content-Encoding"); e != "" && e != "identity" {
		return fmt.Errorf("%s sends %s in the encoding %q, which was not asked for", a.Request.URL.Host, t.file.Path, e)
	}
	total := a.ContentLength
	if a.StatusCode == http.StatusOK {
		t.at = 0
	} else {
		m := contentRange.FindStringSubmatch(a.Header.Get("Content-Range"))
		if m == nil || m[1] != strconv.FormatInt(t.at, 10) {
			return fmt.Errorf("%w: asked for bytes from %d, was sent %q", errChanged, t.at, a.Header.Get("Content-Range"))
		}
		if etag := strongETag(a.Header.Get("Etag")); known.ETag != "" && etag != "" && etag != known.ETag {
			return errChanged
		}
		if now := a.contentETag(); known.Content != "" && now != "" && now != known.Content {
			return errChanged
		}
		total = -1
		if n, err := strconv.ParseInt(m[3], 10, 64); err == nil {
			total = n
		}
	}
	for _, n := range []int64{total, a.linkedSize} {
		switch {
		case n < 0:
		case t.total >= 0 && t.total != n:
			return fmt.Errorf("%s: %w: the server's is %d bytes, not %d", t.file.Path, t.sizeProblem(), n, t.total)
		default:
			t.total = n
		}
	}
	return nil
}

// sizeProblem is final where the listing fixes the size; else what is there may be of an older content.
func (t *transfer) sizeProblem() error {
	if t.file.Size >= 0 {
		return errMismatch
	}
	return errChanged
}

// copy appends the body to the partial file.
func (d *download) copy(part io.Writer, body io.Reader, t transfer) (int64, error) {
	f := t.file
	f.Size = t.total
	d.report(Started, f, t.at)
	buffer := make([]byte, 256<<10)
	var n int64
	for {
		k, err := body.Read(buffer)
		if k > 0 {
			if _, err := part.Write(buffer[:k]); err != nil {
				return n, err
			}
			n += int64(k)
			d.report(Advanced, f, t.at+n)
		}
		over := d.within(t.at + n)
		switch {
		case t.total >= 0 && t.at+n > t.total:
			return n, fmt.Errorf("%s: %w: the server sends more than %d bytes", t.file.Path, errMismatch, t.total)
		case over != nil:
			return n, fmt.Errorf("%s: %w", t.file.Path, over)
		case errors.Is(err, io.ErrUnexpectedEOF), err == io.EOF && t.at+n < t.total:
			return n, &temporary{error: fmt.Errorf("%s: the connection ended after %s", t.file.Path, Size(t.at+n))}
		case err == io.EOF:
			return n, nil
		case err != nil:
			return n, transient(fmt.Errorf("%s: %w", t.file.Path, err))
		}
	}
}

func (d *download) report(kind EventKind, f File, done int64) {
	d.client.o.Report(Event{Kind: kind, File: f.name(), Done: done, Size: f.Size})
}

// restart forgets the bytes of a partial file.
func (d *download) restart(f File) error {
	return errors.Join(d.remove(f.name()+partialSuffix), d.remove(f.name()+stateSuffix))
}

func (d *download) remove(name string) error {
	if err := d.root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// state is what is known about a partial file; nothing if its record is missing or damaged.
func (d *download) state(f File) partial {
	var p partial
	text, err := d.root.ReadFile(f.name() + stateSuffix)
	if err != nil || json.Unmarshal(text, &p) != nil {
		return partial{}
	}
	return p
}

func (d *download) setState(f File, p partial) error {
	text, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return d.root.WriteFile(f.name()+stateSuffix, text, 0o644)
}
