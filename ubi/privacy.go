package ubi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"strings"
)

// Keep says what becomes of a text that may tell who somebody is.
type Keep string

// The ways to keep a text.
const (
	KeepText Keep = "keep" // as it is
	KeepHash Keep = "hash" // a keyed digest: equal texts stay equal, and nobody without the key can try texts against it
	KeepNone Keep = "omit" // not at all
)

// Privacy says what records hold of users and their words. The zero value hashes clients with an empty key and keeps queries.
type Privacy struct {
	Queries Keep   // user_query; empty: keep
	Clients Keep   // client_id and session_id; empty: hash
	Key     []byte // of the digests
}

// Query applies p to a search.
func (p Privacy) Query(q *Query) {
	q.UserQuery = p.text(or(p.Queries, KeepText), q.UserQuery)
	q.ClientID = p.text(or(p.Clients, KeepHash), q.ClientID)
}

// Event applies p to an event. Its message is free text of the page, and goes with the query's.
func (p Privacy) Event(e *Event) {
	e.UserQuery = p.text(or(p.Queries, KeepText), e.UserQuery)
	e.ClientID = p.text(or(p.Clients, KeepHash), e.ClientID)
	e.SessionID = p.text(or(p.Clients, KeepHash), e.SessionID)
	e.Message = p.text(or(p.Queries, KeepText), e.Message)
}

func or(k, other Keep) Keep {
	if k == "" {
		return other
	}
	return k
}

// text keeps a text in one of the ways. A digest is 128 bits of HMAC-SHA256; case and space around a query do not count.
func (p Privacy) text(k Keep, text string) string {
	switch {
	case text == "" || k == KeepText:
		return text
	case k == KeepHash:
		h := hmac.New(sha256.New, p.Key)
		h.Write([]byte(strings.ToLower(strings.TrimSpace(text))))
		return hex.EncodeToString(h.Sum(nil)[:16])
	}
	return ""
}

// digest names a record by its bytes, so that one that is sent twice is kept once.
func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:16])
}
