package searchclient

import (
	"fmt"
	"strconv"
	"time"

	"github.com/resift/resift/searchclient/rawjson"
)

// MultiAnswer is an engine's answer to a multi-search, split into its envelope and its responses. All of it aliases the body.
type MultiAnswer struct {
	body      []byte
	took      rawjson.Span
	list      rawjson.Span // responses, with its brackets
	responses []rawjson.Span
}

// SplitMulti finds the responses in the answer to a multi-search. It is an error if the body is not an object with a list of
// objects under responses, or if what is interpreted here occurs twice.
func SplitMulti(body []byte) (*MultiAnswer, error) {
	a := &MultiAnswer{body: body}
	root := rawjson.Root(body)
	end, err := rawjson.WalkObject(body, root.Start, a.rootMember)
	switch {
	case err != nil:
	case end != root.End:
		err = fmt.Errorf("more than one value: %w", ErrShape)
	case a.list.IsZero():
		err = fmt.Errorf("no responses: %w", ErrShape)
	}
	if err != nil {
		return nil, fmt.Errorf("split multi-search answer: %w", err)
	}
	return a, nil
}

func (a *MultiAnswer) rootMember(key rawjson.Span, at int) (int, error) {
	switch string(name(a.body, key)) {
	case "took":
		return take(&a.took, a.body, key, at, rawjson.Number)
	case "responses":
		if !a.list.IsZero() {
			return 0, repeated(a.body, key)
		}
		end, err := rawjson.WalkArray(a.body, at, func(at int) (int, error) {
			var response rawjson.Span
			end, err := take(&response, a.body, key, at, rawjson.Object)
			a.responses = append(a.responses, response)
			return end, err
		})
		a.list = rawjson.Span{Start: at, End: end}
		return end, err
	}
	return rawjson.Skip(a.body, at)
}

// Len is the number of responses.
func (a *MultiAnswer) Len() int { return len(a.responses) }

// Response returns the i-th response: the answer to a search, which Split takes, or an error.
func (a *MultiAnswer) Response(i int) []byte { return a.responses[i].Of(a.body) }

// Append appends the answer to dst with these responses in place of the engine's, one each. addTook is added to took, in
// whole milliseconds. With the engine's own responses and nothing to add that is the body byte for byte.
func (a *MultiAnswer) Append(dst []byte, responses [][]byte, addTook time.Duration) []byte {
	at := 0
	put := func(s rawjson.Span, with []byte) {
		dst = append(append(dst, a.body[at:s.Start]...), with...)
		at = s.End
	}
	took := addMilliseconds(a.body, a.took, addTook)
	if took != nil && a.took.Start < a.list.Start {
		put(a.took, took)
	}
	for i, response := range responses {
		put(a.responses[i], response)
	}
	if took != nil && a.took.Start > a.list.Start {
		put(a.took, took)
	}
	return append(dst, a.body[at:]...)
}

// addMilliseconds is the number at s with d added to it, or nil if it stays as it is.
func addMilliseconds(doc []byte, s rawjson.Span, d time.Duration) []byte {
	n, err := strconv.ParseInt(string(part(doc, s)), 10, 64)
	more := d.Round(time.Millisecond).Milliseconds()
	if err != nil || n < 0 || more <= 0 {
		return nil
	}
	return strconv.AppendInt(nil, n+more, 10)
}

// ErrorStatus returns the status of a response that is an error, in the place of a search's answer; 0 if it tells none. ok is
// false if the response is no error.
func ErrorStatus(response []byte) (status int, ok bool) {
	root := rawjson.Root(response)
	if _, ok = rawjson.Get(response, root, "error"); !ok {
		return 0, false
	}
	if v, found := rawjson.Get(response, root, "status"); found {
		status, _ = strconv.Atoi(string(v.Of(response)))
	}
	return status, true
}
