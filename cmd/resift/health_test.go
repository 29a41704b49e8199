package main

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealth(t *testing.T) {
	m := http.NewServeMux()
	m.HandleFunc("/well", func(w http.ResponseWriter, _ *http.Request) { w.Write([]byte(`{"status":"ok"}` + "\n")) })
	m.HandleFunc("/ill", func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, `{"status":"unavailable"}`, http.StatusServiceUnavailable)
	})
	m.Handle("/elsewhere", http.RedirectHandler("/well", http.StatusFound))
	m.HandleFunc("/silent", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	s := httptest.NewServer(m)
	defer s.Close()
	for _, c := range []struct {
		name string
		args []string
		code int
		want string // on stdout where the code is 0, else on stderr
	}{
		{"well", []string{s.URL + "/well"}, 0, `{"status":"ok"}` + "\n"},
		{"ill", []string{s.URL + "/ill"}, 1, `answered 503 Service Unavailable: {"status":"unavailable"}`},
		{"a redirect is not followed", []string{s.URL + "/elsewhere"}, 1, "answered 302 Found"},
		{"silent", []string{"--timeout", "50ms", s.URL + "/silent"}, 1, "deadline exceeded"},
		{"nobody listens", []string{"http://127.0.0.1:1/well"}, 1, "connection refused"},
		{"no URL", []string{"127.0.0.1:9281"}, 1, `"127.0.0.1:9281" is no URL such as http://127.0.0.1:9281/healthz`},
		{"two", []string{s.URL, s.URL}, 2, "want 0 to 1 names, found 2"},
	} {
		code, stdout, stderr := call(t, append([]string{"health"}, c.args...)...)
		said := stderr
		if c.code == 0 {
			said = stdout
		}
		if code != c.code || !strings.Contains(said, c.want) || (code != 0 && stdout != "") {
			t.Errorf("%s: exit code %d, stdout %q, stderr %q; want %d and %q", c.name, code, stdout, stderr, c.code, c.want)
		}
	}
}
