package reranker

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestOverlong(t *testing.T) {
	r := open(t, Options{Model: tinyModel})
	limit := r.Info().MaxTokens
	fits := strings.TrimSpace(strings.Repeat("memory ", limit))
	for { // ends with two tokens of room
		result, err := r.Score(t.Context(), "memory", []string{fits + " memory"})
		if err != nil {
			t.Fatal(err)
		}
		if result.Tokens < limit {
			break
		}
		fits = strings.TrimSuffix(fits, " memory")
	}
	for name, test := range map[string]struct {
		passages []string
		i        int
	}{
		"none":    {nil, -1},
		"all fit": {[]string{"", "memory"}, -1},
		"one":     {[]string{"memory", strings.Repeat("memory ", 2*limit), strings.Repeat("memory ", 3*limit)}, 1},
	} {
		i, tokens := r.Overlong("memory", test.passages)
		if i != test.i || (i >= 0) != (tokens > limit) {
			t.Errorf("%s: text %d with %d tokens, want text %d", name, i, tokens, test.i)
		}
	}
	if i, tokens := r.Overlong("memory", []string{fits + strings.Repeat(" memory", 2)}); i != -1 {
		t.Errorf("%d tokens of %d do not fit", tokens, limit)
	}
	if i, tokens := r.Overlong("memory", []string{fits + strings.Repeat(" memory", 3)}); i != 0 || tokens != limit+1 {
		t.Errorf("text %d with %d tokens, want 0 with %d", i, tokens, limit+1)
	}
}

// TestOverlongWithoutTokenizer counts words where a server has the model.
func TestOverlongWithoutTokenizer(t *testing.T) {
	info := `{"model_id":"m","model_type":{"reranker":{}},"max_input_length":12}`
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { w.Write([]byte(info)) }))
	defer s.Close()
	r, err := Open(Options{Backend: BackendTEI, URL: s.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for words, want := range map[int]int{6: -1, 8: 0} { // three words of the query and so many of the passage, four tokens for three
		if i, tokens := r.Overlong("one two three", []string{strings.Repeat("word ", words)}); i != want {
			t.Errorf("%d words: text %d with %d tokens, want %d", words, i, tokens, want)
		}
		reach := 6 * len("word ") // 12 tokens less four of the query
		if got := r.Reach("one two three", strings.Repeat("word ", words)); got != min(reach, words*len("word ")) {
			t.Errorf("%d words: %d bytes are read", words, got)
		}
	}
}

// TestReach is about the limits that the backends know; the tokenizers' tests are about where they cut.
func TestReach(t *testing.T) {
	r := open(t, Options{Model: tinyModel})
	long := strings.Repeat("memory ", 2*r.Info().MaxTokens)
	end := r.Reach("memory", long)
	if end == 0 || end >= len(long) {
		t.Fatalf("%d of %d bytes", end, len(long))
	}
	if i, _ := r.Overlong("memory", []string{long[:end]}); i != -1 {
		t.Errorf("%d bytes do not fit", end)
	}
	if i, _ := r.Overlong("memory", []string{long[:end] + "memory"}); i != 0 {
		t.Errorf("more than %d bytes fit", end)
	}
	result, err := r.Score(t.Context(), "memory", []string{long, long[:end], long[:end-len("memory ")]})
	if err != nil || result.Scores[0] != result.Scores[1] || result.Scores[0] == result.Scores[2] {
		t.Errorf("all, what is read, and a word less score %v (%v)", result.Scores, err)
	}
	if end := r.Reach("memory", "short"); end != len("short") {
		t.Errorf("%d bytes of a short text", end)
	}
}
