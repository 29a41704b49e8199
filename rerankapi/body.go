package rerankapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// read decodes the body, one JSON value, into to. Members that to does not have are left alone: clients send what their
// API has and this one does not need.
func (h *Handler) read(c *call, to any) error {
	if e := c.r.Header.Get("Content-Encoding"); e != "" && !strings.EqualFold(e, "identity") {
		return errEncoding
	}
	rc := http.NewResponseController(c.w)
	limited := rc.SetReadDeadline(time.Now().Add(h.limits.BodyTime)) == nil
	body, err := io.ReadAll(http.MaxBytesReader(c.w, c.r.Body, h.limits.Body))
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return errTooLarge
	case errors.Is(err, os.ErrDeadlineExceeded):
		return errSlow
	case err != nil:
		return errBroken
	}
	if limited {
		_ = rc.SetReadDeadline(time.Time{}) // else it would cut the connection off while the texts are scored
	}
	return decode(body, to)
}

// decode reads one JSON value. Its failures name the field in question.
func decode(body []byte, to any) error {
	err := json.Unmarshal(body, to)
	var wrong *json.UnmarshalTypeError
	var f *failure
	switch {
	case err == nil:
		return nil
	case errors.As(err, &f):
		return f
	case errors.As(err, &wrong) && wrong.Field == "":
		return fail(kindInvalid, "want a JSON object, found %s", article(wrong.Value))
	case errors.As(err, &wrong):
		field := wrong.Field[strings.LastIndexByte(wrong.Field, '.')+1:] // Go counts embedded structs as levels; requests have one
		return fail(kindInvalid, "`%s`: want %s, found %s", field, wanted(wrong.Type), article(wrong.Value))
	}
	return fail(kindInvalid, "the request body is not JSON: %v", err)
}

func wanted(t reflect.Type) string {
	switch t.Kind() {
	case reflect.Slice:
		return "a list"
	case reflect.Int:
		return "a whole number"
	case reflect.Bool:
		return "true or false"
	}
	return "a string"
}

func article(found string) string {
	switch found {
	case "object", "array":
		return "an " + found
	case "bool":
		return "true or false"
	}
	return "a " + found
}

// text is a string that may not be null.
type text string

// UnmarshalJSON takes strings alone.
func (t *text) UnmarshalJSON(b []byte) error {
	var s *string
	if err := json.Unmarshal(b, &s); err != nil || s == nil {
		return fail(kindInvalid, "`texts`: want a list of strings, found an element that is none")
	}
	*t = text(*s)
	return nil
}

// modelName chooses a model. Clients send what their vendor's models are called, or nothing, or what is no string: then none is chosen.
type modelName string

// UnmarshalJSON takes everything.
func (n *modelName) UnmarshalJSON(b []byte) error {
	var s string
	if json.Unmarshal(b, &s) == nil {
		*n = modelName(s)
	}
	return nil
}

// document is a string or an object, as it came.
type document struct {
	raw    json.RawMessage
	object map[string]json.RawMessage // nil for a string
	text   string
}

// UnmarshalJSON takes strings and objects.
func (d *document) UnmarshalJSON(b []byte) error {
	d.raw = bytes.Clone(b)
	switch b[0] {
	case '"':
		return json.Unmarshal(b, &d.text)
	case '{':
		return json.Unmarshal(b, &d.object)
	}
	return fail(kindInvalid, "`documents`: want a list of strings or objects, found an element that is neither")
}

// read is what the model reads of document i: a string, or an object's fields in the order that is given, joined by a newline.
// A field that is missing has no text; one that is not a string is read as its JSON.
func (d *document) read(i int, fields []string) (string, error) {
	if d.object == nil {
		return d.text, nil
	}
	var parts []string
	for _, name := range fields {
		raw, ok := d.object[name]
		if !ok || string(raw) == "null" {
			continue
		}
		part := string(raw)
		if raw[0] == '"' {
			if err := json.Unmarshal(raw, &part); err != nil {
				return "", fmt.Errorf("document %d: %w", i, err)
			}
		}
		parts = append(parts, part)
	}
	if parts == nil {
		return "", fail(kindInvalid, "`documents[%d]` has no %s", i, strings.Join(quoted(fields), " or "))
	}
	return strings.Join(parts, "\n"), nil
}

func quoted(names []string) []string {
	var q []string
	for _, n := range names {
		q = append(q, strconv.Quote(n))
	}
	return q
}

// answer writes v as JSON.
func (c *call) answer(status int, v any) {
	var body bytes.Buffer
	e := json.NewEncoder(&body)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // types of this package alone: cannot fail
	}
	h := c.w.Header()
	h.Set("Content-Type", "application/json")
	h.Set("Content-Length", strconv.Itoa(body.Len()))
	c.status = status
	c.w.WriteHeader(status)
	_, _ = c.w.Write(body.Bytes()) // a client that left needs no answer
}
