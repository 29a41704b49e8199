package coding

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"errors"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var text = []byte(strings.Repeat(`{"title":"how to repair","text":"é 東京"},`, 100))

func TestWhatIsEncodedIsDecoded(t *testing.T) {
	var c Coder
	for _, name := range []string{Identity, Gzip, Deflate} {
		for range 3 { // pooled writers and readers begin anew
			for _, body := range [][]byte{text, {}, {0}} {
				coded := c.Encode([]byte("before"), name, body)
				coded, _ = bytes.CutPrefix(coded, []byte("before"))
				got, err := c.Decode(name, coded, int64(len(text)))
				if err != nil || !bytes.Equal(got, body) {
					t.Errorf("%q: %q, %v", name, got, err)
				}
			}
		}
	}
}

func TestDeflateWithoutItsWrapper(t *testing.T) {
	var b bytes.Buffer
	w, _ := flate.NewWriter(&b, 6)
	w.Write(text)
	w.Close()
	var c Coder
	if got, err := c.Decode(Deflate, b.Bytes(), 1<<20); err != nil || !bytes.Equal(got, text) {
		t.Errorf("%q, %v", got, err)
	}
}

func TestOf(t *testing.T) {
	for _, x := range []struct {
		lines string // separated by |
		want  string
		err   error
	}{
		{"", Identity, nil},
		{"identity", Identity, nil},
		{"gzip", Gzip, nil},
		{" GZip ", Gzip, nil},
		{"x-gzip", Gzip, nil},
		{"deflate", Deflate, nil},
		{"identity, gzip", Gzip, nil},
		{"br", "", ErrUnknown},
		{"zstd", "", ErrUnknown},
		{"x-br", "", ErrUnknown},
		{"gzip, gzip", "", ErrUnknown},
		{"gzip|gzip", "", ErrUnknown},
		{"gzip;q=1", "", ErrUnknown},
		{"gzip\x00", "", ErrUnknown},
	} {
		got, err := Of(http.Header{"Content-Encoding": strings.Split(x.lines, "|")})
		if got != x.want || !errors.Is(err, x.err) {
			t.Errorf("%q: %q, %v", x.lines, got, err)
		}
	}
}

func TestAccept(t *testing.T) {
	for _, x := range []struct{ in, want, best string }{
		{"", "identity", Identity},
		{"identity", "identity", Identity},
		{"br, zstd, snappy", "identity", Identity},
		{"gzip", "gzip", Gzip},
		{"deflate", "deflate", Deflate},
		{"gzip, deflate, br", "gzip, deflate", Gzip},
		{"deflate, gzip", "deflate, gzip", Gzip},
		{"deflate, gzip;q=0.5", "deflate, gzip;q=0.5", Deflate},
		{"GZIP;q=0.5,deflate;q=0.1|x-gzip", "GZIP;q=0.5, deflate;q=0.1, x-gzip", Gzip},
		{"gzip;q=0", "gzip;q=0", Identity},
		{"gzip; q = 0.0 , deflate;q=nonsense", "gzip; q = 0.0, deflate;q=nonsense", Identity},
		{"*", "gzip", Gzip},
		{"*;q=0", "gzip;q=0", Identity},
		{"*;q=0.2, gzip;q=0", "gzip;q=0", Identity},
		{"deflate, *;q=0.2", "deflate, gzip;q=0.2", Deflate},
		{",,", "identity", Identity},
	} {
		if got, best := Accept(strings.Split(x.in, "|")); got != x.want || best != x.best {
			t.Errorf("%q: %q, best %q; want %q, %q", x.in, got, best, x.want, x.best)
		}
	}
}

// TestBombs decodes bodies of which a thousandth is sent: the memory is bounded by the limit.
func TestBombs(t *testing.T) {
	var c Coder
	const size, limit = 64 << 20, 1 << 20
	for _, name := range []string{Gzip, Deflate} {
		bomb := c.Encode(nil, name, make([]byte, size))
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		got, err := c.Decode(name, bomb, limit)
		runtime.ReadMemStats(&after)
		if !errors.Is(err, ErrTooLarge) || got != nil {
			t.Errorf("%s: %d bytes, %v", name, len(got), err)
		}
		if made := after.TotalAlloc - before.TotalAlloc; made > 8*limit {
			t.Errorf("%s of %d bytes: %d were allocated for a limit of %d", name, len(bomb), made, limit)
		}
	}
}

func TestBrokenBodies(t *testing.T) {
	var c Coder
	for _, name := range []string{Gzip, Deflate} {
		good := c.Encode(nil, name, text)
		damaged := bytes.Clone(good)
		damaged[len(damaged)-2] ^= 1 // in the checksum
		for what, body := range map[string][]byte{
			"empty":            {},
			"cut":              good[:len(good)/2],
			"without its end":  good[:len(good)-1],
			"a byte more":      append(bytes.Clone(good), 0),
			"twice":            append(bytes.Clone(good), good...),
			"a wrong checksum": damaged,
			"not coded":        []byte(`{"query":{}}`),
		} {
			if got, err := c.Decode(name, body, 1<<20); !errors.Is(err, ErrBroken) {
				t.Errorf("%s, %s: %q, %v", name, what, got, err)
			}
		}
		if got, err := c.Decode(name, good, int64(len(text))); err != nil || !bytes.Equal(got, text) {
			t.Errorf("%s after them: %v", name, err)
		}
	}
}

// FuzzDecode feeds anything: it is decoded within the limit, or refused.
func FuzzDecode(f *testing.F) {
	var c Coder
	f.Add(true, c.Encode(nil, Gzip, text))
	f.Add(false, c.Encode(nil, Deflate, text))
	f.Add(false, []byte{0x4b, 4, 0})
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Name = "x"
	w.Close()
	f.Add(true, b.Bytes())
	f.Fuzz(func(t *testing.T, zipped bool, body []byte) {
		name := Deflate
		if zipped {
			name = Gzip
		}
		got, err := c.Decode(name, body, 1<<10)
		if err != nil {
			return
		}
		if len(got) > 1<<10 {
			t.Fatalf("%d bytes", len(got))
		}
		again, err := c.Decode(name, c.Encode(nil, name, got), 1<<10)
		if err != nil || !bytes.Equal(again, got) {
			t.Fatalf("%q, %v", again, err)
		}
	})
}

// BenchmarkCoder measures what compression costs a search: first stage in, page out.
func BenchmarkCoder(b *testing.B) {
	var c Coder
	words := strings.Fields("memory repair the of battery note system den fox where how answer engine order title text words passage score query")
	var answer bytes.Buffer
	for i := 0; answer.Len() < 200<<10; i++ {
		answer.WriteString(words[(i*i+i/7)%len(words)])
		answer.WriteByte(" ,.:"[i%4])
	}
	window := answer.Bytes()
	coded := c.Encode(nil, Gzip, window)
	b.Run("decode 200 KiB", func(b *testing.B) {
		b.SetBytes(int64(len(window)))
		for b.Loop() {
			if _, err := c.Decode(Gzip, coded, 1<<20); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encode 20 KiB", func(b *testing.B) {
		page := window[:20<<10]
		b.SetBytes(int64(len(page)))
		var dst []byte
		for b.Loop() {
			dst = c.Encode(dst[:0], Gzip, page)
		}
	})
}
