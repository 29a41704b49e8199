package ubi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func search(id string) Query {
	return Query{QueryID: id, QueryResponseID: id, ClientID: "user-1", UserQuery: "Red shoes <now>", HitIDs: []string{"a", "b"}, ObjectIDField: "_id",
		Timestamp: Time{time.Date(2026, 11, 28, 9, 0, 0, 5e6, time.UTC)}, Attributes: QueryAttributes{Arm: "treatment", Status: "reranked"}}
}

func closeNow(t *testing.T, w *Writer) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		t.Fatal(err)
	}
}

func readIDs(t *testing.T, dir string) []string {
	t.Helper()
	var ids []string
	err := ReadDir(dir, Queries, func(line []byte) error {
		var q Query
		if err := json.Unmarshal(line, &q); err != nil {
			return err
		}
		ids = append(ids, q.QueryID)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return ids
}

func TestFilesRotateAndLoseNothing(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "a[b*") // no pattern
	sink, err := NewFiles(dir, 2000, 100)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(Options{Sink: sink, Batch: 7})
	for i := range 200 {
		w.Query(search(fmt.Sprintf("q%03d", i)))
	}
	if !w.Event(Event{ActionName: "click", QueryID: "q000"}) {
		t.Error("the event is lost")
	}
	closeNow(t, w)
	ids := readIDs(t, dir)
	if len(ids) != 200 || ids[0] != "q000" || ids[199] != "q199" {
		t.Errorf("%d lines, from %s to %s", len(ids), ids[0], ids[len(ids)-1])
	}
	if old, _ := oldFiles(dir, Queries); len(old) < 5 {
		t.Errorf("%d old files", len(old))
	}
	if s := w.Stats(); s.Written != 201 || s.Lost != 0 {
		t.Errorf("%+v", s)
	}
}

func TestOldestFilesGo(t *testing.T) {
	dir := t.TempDir()
	sink, err := NewFiles(dir, 300, 3)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(Options{Sink: sink, Batch: 1})
	for i := range 50 {
		w.Query(search(fmt.Sprintf("q%03d", i)))
	}
	closeNow(t, w)
	old, _ := oldFiles(dir, Queries)
	ids := readIDs(t, dir)
	if len(old) != 3 || ids[len(ids)-1] != "q049" {
		t.Errorf("%d old files, last line %s", len(old), ids[len(ids)-1])
	}
}

func TestFolderThatIsNotThere(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	if err := ReadDir(missing, Queries, func([]byte) error { return nil }); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestReadWhileItIsWritten has records put aside, removed and written while they are read: each look sees whole lines only, in their
// order, and from the oldest that is kept up to one that was written before the look none is missing.
func TestReadWhileItIsWritten(t *testing.T) {
	dir := t.TempDir()
	sink, err := NewFiles(dir, 2000, 5)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(Options{Sink: sink, Batch: 3, Queue: 100_000})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := range 3000 {
			w.Query(search(fmt.Sprintf("q%05d", i)))
		}
	}()
	for looks := 0; looks < 50; looks++ {
		written := int(w.Stats().Written)
		ids := readIDs(t, dir)
		for i := 1; i < len(ids); i++ {
			var a, b int
			fmt.Sscanf(ids[i-1]+" "+ids[i], "q%d q%d", &a, &b)
			if b != a+1 {
				t.Fatalf("%s comes after %s", ids[i], ids[i-1])
			}
		}
		if written > 0 && (len(ids) == 0 || ids[len(ids)-1] < fmt.Sprintf("q%05d", written-1)) {
			t.Fatalf("%d were written, and %d lines end before", written, len(ids))
		}
		if _, err := Measure(dir); err != nil {
			t.Fatal(err)
		}
	}
	<-done
	closeNow(t, w)
}

func TestMeasure(t *testing.T) {
	dir := t.TempDir()
	if e, err := Measure(dir); err != nil || e != (Extent{}) {
		t.Errorf("an empty folder: %+v, %v", e, err)
	}
	for name, text := range map[string]string{"ubi_queries.jsonl": "12345", "ubi_queries.3.jsonl": "1234", "ubi_events.jsonl": "123", "other.jsonl": "1", "ubi_queries.x.jsonl": "1"} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if e, err := Measure(dir); err != nil || e.Bytes != 12 || e.Changed.IsZero() {
		t.Errorf("%+v, %v", e, err)
	}
	if _, err := Measure(filepath.Join(dir, "missing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%v", err)
	}
}

// TestLastLineWithoutItsEnd: half a line is none, a whole one without a line break is one.
func TestLastLineWithoutItsEnd(t *testing.T) {
	for text, want := range map[string]int{`{"query_id":"a"}`: 1, "{\"query_id\":\"a\"}\n{\"query_id\":\"b\"": 1, "{\"query_id\":\"a\"}\n\n{\"query_id\":\"b\"}\r\n": 2, "": 0, "\n": 0} {
		dir := t.TempDir()
		if err := os.WriteFile(filepath.Join(dir, "ubi_queries.jsonl"), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if ids := readIDs(t, dir); len(ids) != want {
			t.Errorf("%q: %q", text, ids)
		}
	}
}

// TestTornLineIsCutAway: a crash in the middle of a line costs that line and no other.
func TestTornLineIsCutAway(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "ubi_queries.jsonl")
	if err := os.WriteFile(path, []byte(`{"query_id":"whole"}`+"\n"+`{"query_id":"to`), 0o600); err != nil {
		t.Fatal(err)
	}
	sink, err := NewFiles(dir, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	w := NewWriter(Options{Sink: sink})
	w.Query(search("next"))
	closeNow(t, w)
	if got := strings.Join(readIDs(t, dir), " "); got != "whole next" {
		t.Errorf("read %s", got)
	}
}

func TestPrivacy(t *testing.T) {
	for _, c := range []struct {
		p                   Privacy
		text, client, never string
	}{
		{Privacy{Key: []byte("k")}, "Red shoes <now>", "", "user-1"},
		{Privacy{Queries: KeepHash, Clients: KeepNone, Key: []byte("k")}, "", "", "shoes"},
		{Privacy{Clients: KeepText}, "Red shoes <now>", "user-1", ""},
	} {
		q := search("q")
		c.p.Query(&q)
		again := search("q")
		again.UserQuery = " red SHOES <now> "
		c.p.Query(&again)
		if c.text != "" && q.UserQuery != c.text || c.client != "" && q.ClientID != c.client {
			t.Errorf("%+v: %+v", c.p, q)
		}
		if line, _ := json.Marshal(q); c.never != "" && strings.Contains(string(line), c.never) {
			t.Errorf("%+v keeps %q: %s", c.p, c.never, line)
		}
		if c.p.Queries == KeepHash && (q.UserQuery != again.UserQuery || len(q.UserQuery) != 32) {
			t.Errorf("equal queries differ: %q, %q", q.UserQuery, again.UserQuery)
		}
	}
	other := search("q")
	Privacy{Key: []byte("other")}.Query(&other)
	mine := search("q")
	Privacy{Key: []byte("k")}.Query(&mine)
	if other.ClientID == mine.ClientID {
		t.Error("two keys give one digest")
	}
}

// blocked is a sink that keeps nothing until it is let.
type blocked struct {
	mu   sync.Mutex
	fail bool
	kept []string
}

func (b *blocked) Write(_ context.Context, records []Record) (int, int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.fail {
		return 0, 0, errors.New("down")
	}
	for _, r := range records {
		b.kept = append(b.kept, string(r.JSON))
	}
	return len(records), 0, nil
}

func (b *blocked) Close() error { return nil }

func TestFullQueueLosesAndCounts(t *testing.T) {
	sink := &blocked{fail: true}
	w := NewWriter(Options{Sink: sink, Queue: 10, Batch: 1, Backoff: time.Millisecond})
	for i := range 100 {
		w.Query(search(fmt.Sprint(i)))
	}
	if s := w.Stats(); s.Lost < 88 || s.Waiting > 10 {
		t.Errorf("%+v", s)
	}
	sink.mu.Lock()
	sink.fail = false
	sink.mu.Unlock()
	closeNow(t, w)
	s := w.Stats()
	if s.Written+s.Lost != 100 || s.Written < 10 || uint64(len(sink.kept)) != s.Written {
		t.Errorf("%+v, kept %d", s, len(sink.kept))
	}
	w.Query(search("late")) // after Close: lost, not a panic
	if again := w.Stats(); again.Lost != s.Lost+1 {
		t.Errorf("%+v", again)
	}
}

func TestCloseGivesUpInTime(t *testing.T) {
	w := NewWriter(Options{Sink: &blocked{fail: true}, Backoff: time.Hour})
	w.Query(search("1"))
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Millisecond)
	defer cancel()
	if err := w.Close(ctx); err != nil {
		t.Fatal(err)
	}
	if s := w.Stats(); s.Lost != 1 {
		t.Errorf("%+v", s)
	}
}

// TestBulkTriesAgainWhereTheEngineIsOverloaded speaks the engine's bulk answers: one record overloaded, then all taken, then one
// refused for good.
func TestBulkTriesAgainWhereTheEngineIsOverloaded(t *testing.T) {
	answers := []string{
		`{"errors":true,"items":[{"index":{"status":201}},{"index":{"status":429}},{"index":{"status":201}}]}`,
		`{"errors":true,"items":[{"index":{"status":201}},{"index":{"status":400}}]}`,
	}
	var bodies []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		if r.URL.Path != "/base/_bulk" || r.Header.Get("Authorization") != "ApiKey x" {
			t.Errorf("%s %q", r.URL.Path, r.Header.Get("Authorization"))
		}
		io.WriteString(w, answers[len(bodies)])
		bodies = append(bodies, string(body))
	}))
	defer server.Close()
	sink, err := NewBulk(server.Client(), server.URL+"/base", "my_", http.Header{"Authorization": {"ApiKey x"}})
	if err != nil {
		t.Fatal(err)
	}
	w := &Writer{o: Options{Sink: sink, Backoff: time.Millisecond, Logger: slog.New(slog.DiscardHandler)}}
	w.write(t.Context(), []Record{{Queries, []byte(`{"a":1}`)}, {Queries, []byte(`{"a":2}`)}, {Events, []byte(`{"a":3}`)}})
	if s := w.Stats(); s.Written != 2 || s.Lost != 1 || s.Failed != 1 {
		t.Errorf("%+v", s)
	}
	if len(bodies) != 2 || !strings.Contains(bodies[0], `"_index":"my_ubi_queries"`) || !strings.Contains(bodies[1], `"_index":"my_ubi_events"`) || strings.Contains(bodies[1], `{"a":1}`) {
		t.Errorf("%q", bodies)
	}
	server.Client().CloseIdleConnections()
}

func TestEventsAreChecked(t *testing.T) {
	now := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]string{
		`{"action_name":"click","query_id":"q","event_attributes":{"object":{"object_id":"a"},"position":{"ordinal":3}},"timestamp":"2026-11-28T11:59:00Z"}`: "",
		`{"action_name":"click","query_id":"q","timestamp":1795867140000}`:                                                                                   "",
		`{"query_id":"q"}`:    "action_name is missing",
		`{"action_name":"x"}`: "query_id is missing",
		`{"action_name":"x","query_id":"q","event_attributes":{"position":{"ordinal":0}}}`: "ordinal must be a rank",
		`{"action_name":"x","query_id":"` + strings.Repeat("q", 1001) + `"}`:               "longer than 1000 bytes",
	} {
		var e Event
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatal(err)
		}
		err := e.Check(now)
		if (want == "") != (err == nil) || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	var e Event
	if err := json.Unmarshal([]byte(`{"timestamp":"yesterday"}`), &e); err == nil {
		t.Error("a time that is none is taken")
	}
	e = Event{ActionName: "click", QueryID: "q", Timestamp: Time{now.AddDate(1, 0, 0)}}
	if err := e.Check(now); err != nil || !e.Timestamp.Equal(now) {
		t.Errorf("a clock that is a year ahead: %v, %v", e.Timestamp, err)
	}
}
