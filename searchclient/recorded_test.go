package searchclient

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// recorded returns the answers of real engines in testdata/answers, by file name.
func recorded(t testing.TB) map[string][]byte {
	t.Helper()
	files, err := filepath.Glob("testdata/answers/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no recorded answers: %v", err)
	}
	answers := map[string][]byte{}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		answers[filepath.Base(file)] = body
	}
	return answers
}

func TestUnchangedPageIsTheBody(t *testing.T) {
	for file, body := range recorded(t) {
		a, err := Split(body)
		if err != nil {
			t.Errorf("%s: %v", file, err)
			continue
		}
		if got := write(t, a, Page{Order: identity(a)}); got != string(body) {
			t.Errorf("%s came out different", file)
		}
	}
}

// A page in another order holds exactly the same hits and everything else unchanged.
func TestReversedPageHasTheSameHits(t *testing.T) {
	for file, body := range recorded(t) {
		a, err := Split(body)
		if err != nil {
			t.Fatal(err)
		}
		order := identity(a)
		slices.Reverse(order)
		reversed := split1(t, write(t, a, Page{Order: order}))
		if len(reversed.Hits()) != len(a.Hits()) {
			t.Fatalf("%s: %d hits of %d", file, len(reversed.Hits()), len(a.Hits()))
		}
		for i, h := range reversed.Hits() {
			if string(h.Raw()) != string(a.Hits()[order[i]].Raw()) {
				t.Errorf("%s: hit %d differs", file, i)
			}
		}
		if got := write(t, reversed, Page{Order: order}); got != string(body) {
			t.Errorf("%s: reversed twice is not the body", file)
		}
	}
}
