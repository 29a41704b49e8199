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
	}
}
