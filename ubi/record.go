package ubi

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Query is one answered search: a document of ubi_queries. Attributes hold what resift adds.
type Query struct {
	Application     string          `json:"application,omitempty"`
	QueryID         string          `json:"query_id"`
	ClientID        string          `json:"client_id,omitempty"` // the unit of an experiment; may be hashed
	UserQuery       string          `json:"user_query,omitempty"`
	QueryResponseID string          `json:"query_response_id"`
	HitIDs          []string        `json:"query_response_hit_ids"` // in the order in which they were shown
	ObjectIDField   string          `json:"object_id_field"`
	Timestamp       Time            `json:"timestamp"`
	Attributes      QueryAttributes `json:"query_attributes"`
}

// QueryAttributes are what a comparison of arms needs to know of a search.
type QueryAttributes struct {
	Index      string   `json:"index,omitempty"`
	Experiment string   `json:"experiment,omitempty"`
	Arm        string   `json:"arm,omitempty"`
	Kind       string   `json:"kind,omitempty"`   // control, treatment, interleave or shadow
	Share      float64  `json:"share,omitempty"`  // of all units that the arm is to have, 0 to 1
	Forced     bool     `json:"forced,omitempty"` // the request chose its arm: not part of the comparison
	From       int      `json:"from"`             // rank of the first hit, from 0
	Teams      []string `json:"teams,omitempty"`  // of each hit of an interleaved search: control, treatment or ""
	Status     string   `json:"status"`
	Reason     string   `json:"reason,omitempty"`
	Model      string   `json:"model,omitempty"`
	TookMS     float64  `json:"took_ms"`
	Shadow     *Shadow  `json:"shadow,omitempty"`
}

// Shadow compares the order that was shown with the one that the model would have given.
type Shadow struct {
	Hits      int     `json:"hits"`       // that both orders hold
	Overlap10 float64 `json:"overlap_10"` // share of the first ten that both orders have in their first ten
	Tau       float64 `json:"tau"`        // Kendall's rank correlation over the window, -1 to 1
	First     bool    `json:"same_first"` // the first hit is the same
}

// Event is something a user did: a document of ubi_events.
type Event struct {
	Application string          `json:"application,omitempty"`
	ActionName  string          `json:"action_name"` // click, add_to_cart, purchase, …
	QueryID     string          `json:"query_id"`
	ClientID    string          `json:"client_id,omitempty"`
	SessionID   string          `json:"session_id,omitempty"`
	UserQuery   string          `json:"user_query,omitempty"`
	MessageType string          `json:"message_type,omitempty"`
	Message     string          `json:"message,omitempty"`
	Timestamp   Time            `json:"timestamp"`
	Attributes  EventAttributes `json:"event_attributes"`
}

// EventAttributes name the document and where it stood. Other members are not kept: they may hold anything.
type EventAttributes struct {
	Object   Object    `json:"object"`
	Position *Position `json:"position,omitempty"`
}

// Object is the document that an event is about.
type Object struct {
	ObjectID      string `json:"object_id,omitempty"`
	ObjectIDField string `json:"object_id_field,omitempty"`
}

// Position is a document's rank, from 1.
type Position struct {
	Ordinal int `json:"ordinal"`
}

// Time is written as UBI's mappings read it: RFC 3339 in UTC, to the millisecond.
type Time struct{ time.Time }

const timeLayout = "2006-01-02T15:04:05.000Z"

// MarshalJSON implements json.Marshaler.
func (t Time) MarshalJSON() ([]byte, error) { return json.Marshal(t.UTC().Format(timeLayout)) }

// UnmarshalJSON reads RFC 3339, or milliseconds since 1970 as browsers count them.
func (t *Time) UnmarshalJSON(b []byte) error {
	var ms int64
	if json.Unmarshal(b, &ms) == nil {
		t.Time = time.UnixMilli(ms).UTC()
		return nil
	}
	var text string
	if err := json.Unmarshal(b, &text); err != nil {
		return errors.New("timestamp: want RFC 3339 or milliseconds since 1970")
	}
	parsed, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return errors.New("timestamp: want RFC 3339 or milliseconds since 1970")
	}
	t.Time = parsed.UTC()
	return nil
}

// Limits of an event, which comes from browsers.
const (
	maxText    = 1000
	maxOrdinal = 1_000_000
	maxSkew    = 7 * 24 * time.Hour
)

// Check tells what is wrong with an event as a client sent it, and fills in its time if it has none. now is the server's.
func (e *Event) Check(now time.Time) error {
	for _, f := range []struct{ name, value string }{
		{"action_name", e.ActionName}, {"query_id", e.QueryID},
	} {
		if strings.TrimSpace(f.value) == "" {
			return fmt.Errorf("%s is missing", f.name)
		}
	}
	for _, f := range []struct{ name, value string }{
		{"application", e.Application}, {"action_name", e.ActionName}, {"query_id", e.QueryID}, {"client_id", e.ClientID},
		{"session_id", e.SessionID}, {"user_query", e.UserQuery}, {"message_type", e.MessageType}, {"message", e.Message},
		{"event_attributes.object.object_id", e.Attributes.Object.ObjectID},
		{"event_attributes.object.object_id_field", e.Attributes.Object.ObjectIDField},
	} {
		if len(f.value) > maxText {
			return fmt.Errorf("%s is longer than %d bytes", f.name, maxText)
		}
	}
	if p := e.Attributes.Position; p != nil && (p.Ordinal < 1 || p.Ordinal > maxOrdinal) {
		return errors.New("event_attributes.position.ordinal must be a rank from 1")
	}
	if e.Timestamp.IsZero() {
		e.Timestamp = Time{now}
	}
	// A browser's clock may be wrong by anything; the report sorts by time.
	if d := e.Timestamp.Sub(now); d > maxSkew || d < -maxSkew {
		e.Timestamp = Time{now}
	}
	return nil
}
