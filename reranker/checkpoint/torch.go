package checkpoint

import (
	"archive/zip"
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"
)

// Bounds on a file of torch.save.
const (
	maxZipEntries     = 1 << 16
	maxDirectoryBytes = 16 << 20 // of the zip, which takes several times its size in memory
	maxProgramBytes   = 8 << 20  // of data.pkl; the largest encoders have 100 KB
)

// readTorch reads what torch.save wrote: since PyTorch 1.6 a zip of data.pkl, which names tensors, and data/KEY, their
// storages, stored as they are.
func readTorch(r io.ReaderAt, size int64) ([]*tensor, error) {
	start := make([]byte, min(size, int64(len(legacyStart))))
	if err := readAt(r, start, 0); err != nil {
		return nil, err
	}
	if string(start) == legacyStart {
		return readLegacy(r, size)
	}
	if !bytes.HasPrefix(start, []byte("PK\x03\x04")) {
		return nil, errors.New("not a file of torch.save")
	}
	budget := &budgetReader{r: r, left: maxDirectoryBytes}
	z, err := zip.NewReader(budget, size)
	if err != nil {
		return nil, fmt.Errorf("damaged or cut off: %w", err)
	}
	budget.left = math.MaxInt64
	a, err := openArchive(z, size)
	if err != nil {
		return nil, err
	}
	a.r = r
	program, err := a.text("data.pkl", maxProgramBytes)
	if err != nil {
		return nil, err
	}
	if order, err := a.text("byteorder", 16); err == nil && string(order) != "little" {
		return nil, fmt.Errorf("numbers in %q byte order are not supported", order)
	}
	return unpickle(program, a.storage)
}

// budgetReader refuses to read more than is left.
type budgetReader struct {
	r    io.ReaderAt
	left int64
}

func (b *budgetReader) ReadAt(p []byte, offset int64) (int, error) {
	if b.left -= int64(len(p)); b.left < 0 {
		return 0, fmt.Errorf("its directory has more than %d bytes", maxDirectoryBytes)
	}
	return b.r.ReadAt(p, offset)
}

// archive is a zip whose entries were checked: stored without compression, side by side, below one folder.
type archive struct {
	r       io.ReaderAt
	root    string // folder of all entries, with the slash
	entries map[string]*zip.File
	intact  map[string]bool // storages whose checksum was found right
}

func openArchive(z *zip.Reader, size int64) (*archive, error) {
	if len(z.File) > maxZipEntries {
		return nil, fmt.Errorf("%d entries are more than %d", len(z.File), maxZipEntries)
	}
	a := &archive{entries: map[string]*zip.File{}, intact: map[string]bool{}}
	type place struct{ start, end int64 }
	var places []place
	for _, f := range z.File {
		if a.entries[f.Name] != nil {
			return nil, fmt.Errorf("two entries are named %q", f.Name)
		}
		a.entries[f.Name] = f
		if f.Method != zip.Store || f.CompressedSize64 != f.UncompressedSize64 || f.Flags&1 != 0 {
			return nil, fmt.Errorf("entry %q is compressed or encrypted, which torch.save never does", f.Name)
		}
		start, err := f.DataOffset()
		if err != nil {
			return nil, fmt.Errorf("entry %q: %w", f.Name, err)
		}
		if f.UncompressedSize64 > uint64(size) || start > size-int64(f.UncompressedSize64) {
			return nil, fmt.Errorf("entry %q lies outside the file", f.Name)
		}
		places = append(places, place{start, start + int64(f.UncompressedSize64)})
		if root, ok := strings.CutSuffix(f.Name, "/data.pkl"); ok && !strings.Contains(root, "/") && a.root == "" {
			a.root = root + "/"
		}
	}
	slices.SortFunc(places, func(x, y place) int { return cmp.Or(cmp.Compare(x.start, y.start), cmp.Compare(x.end, y.end)) })
	for i := range places[:max(len(places)-1, 0)] {
		if places[i].end > places[i+1].start {
			return nil, errors.New("entries overlap")
		}
	}
	if a.root == "" {
		return nil, errors.New("not a file of torch.save: it has no data.pkl")
	}
	return a, nil
}

// text reads a small entry whole.
func (a *archive) text(name string, limit int64) ([]byte, error) {
	f := a.entries[a.root+name]
	if f == nil {
		return nil, fmt.Errorf("no entry %q", a.root+name)
	}
	if f.UncompressedSize64 > uint64(limit) {
		return nil, fmt.Errorf("entry %q has %d bytes, more than %d", f.Name, f.UncompressedSize64, limit)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	defer r.Close()
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("entry %q: %w", f.Name, err)
	}
	return text, nil
}

// storage returns the count numbers of data/KEY, after a look at its checksum.
func (a *archive) storage(key string, kind element, count int64) (*storage, error) {
	f := a.entries[a.root+"data/"+key]
	if f == nil {
		return nil, fmt.Errorf("no entry %q", a.root+"data/"+key)
	}
	if have := f.UncompressedSize64; have%uint64(kind.bytes()) != 0 || have/uint64(kind.bytes()) != uint64(count) {
		return nil, fmt.Errorf("entry %q has %d bytes where %d numbers of %s are needed", f.Name, have, count, kind)
	}
	if !a.intact[key] {
		r, err := f.Open()
		if err != nil {
			return nil, err
		}
		defer r.Close()
		if _, err := io.Copy(io.Discard, r); err != nil {
			return nil, fmt.Errorf("entry %q: %w", f.Name, err)
		}
		a.intact[key] = true
	}
	start, err := f.DataOffset()
	if err != nil {
		return nil, err
	}
	return &storage{kind: kind, count: count, data: io.NewSectionReader(a.r, start, int64(f.UncompressedSize64))}, nil
}
