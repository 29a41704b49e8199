package ubi

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// taken keeps events, as many as room says.
type taken struct {
	room int
	list []Event
}

func (r *taken) Event(e Event) bool {
	if len(r.list) >= r.room {
		return false
	}
	r.list = append(r.list, e)
	return true
}

func post(h http.Handler, body string, header ...string) *httptest.ResponseRecorder {
	req := httptest.NewRequest("POST", "/events", strings.NewReader(body))
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, req)
	return w
}

func TestEventsOverHTTP(t *testing.T) {
	const one = `{"action_name":"click","query_id":"q1","event_attributes":{"object":{"object_id":"a"},"position":{"ordinal":2}}}`
	for body, want := range map[string]struct{ status, events int }{
		one:                                {204, 1},
		"[" + one + "," + one + "]":        {204, 2},
		one + "\n" + one + "\n" + one:      {204, 3},
		"":                                 {400, 0},
		"[]":                               {204, 0},
		`{"action_name":"click"}`:          {400, 0},
		one + "\n" + `{"query_id":"q"}`:    {400, 0}, // none is recorded where one is wrong
		`<xml/>`:                           {400, 0},
		`{"action_name":7,"query_id":"q"}`: {400, 0},
		strings.Repeat(one+"\n", 101):      {413, 0},
		strings.Repeat(" ", 70<<10) + one:  {413, 0},
	} {
		r := &taken{room: 1000}
		w := post(Handler(r, nil), body)
		if w.Code != want.status || len(r.list) != want.events {
			t.Errorf("%.80q: status %d, %d events, want %+v\n%s", body, w.Code, len(r.list), want, w.Body)
		}
		if w.Code >= 400 && !strings.Contains(w.Body.String(), `"status":`) {
			t.Errorf("%.80q: no error in the engines' shape: %s", body, w.Body)
		}
	}
	if w := post(Handler(&taken{}, nil), one); w.Code != 503 || w.Header().Get("Retry-After") == "" {
		t.Errorf("full: %d", w.Code)
	}
}

func TestOnlyAllowedOriginsAreAnswered(t *testing.T) {
	h := Handler(&taken{room: 10}, []string{"https://shop.example"})
	for origin, want := range map[string]string{"https://shop.example": "https://shop.example", "https://evil.example": "", "": ""} {
		for _, method := range []string{"OPTIONS", "POST"} {
			req := httptest.NewRequest(method, "/events", strings.NewReader(`{"action_name":"click","query_id":"q"}`))
			if origin != "" {
				req.Header.Set("Origin", origin)
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, req)
			if got := w.Header().Get("Access-Control-Allow-Origin"); got != want || w.Code != 204 {
				t.Errorf("%s from %q: allowed %q, status %d", method, origin, got, w.Code)
			}
		}
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest("GET", "/events.js", nil))
	if w.Code != 200 || w.Body.Len() > 2048 || !strings.Contains(w.Body.String(), "sendBeacon") {
		t.Errorf("the script: %d, %d bytes", w.Code, w.Body.Len())
	}
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"action_name":"click","query_id":"q"}`))
	f.Add([]byte(`[{"timestamp":1}]`))
	f.Fuzz(func(t *testing.T, body []byte) {
		events, err := readEvents(body)
		if err == nil && len(events) == 0 && strings.TrimSpace(string(body)) != "[]" && !strings.HasPrefix(strings.TrimSpace(string(body)), "[") {
			t.Errorf("%q: neither events nor an error", body)
		}
	})
}
