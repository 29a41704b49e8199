package searchclient

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"

	"github.com/resift/resift/searchclient/rawjson"
)

// Answer is an engine's answer to a search, split into its envelope and its hits. All of it aliases the body.
type Answer struct {
	body     []byte
	took     rawjson.Span
	timedOut rawjson.Span
	shards   rawjson.Span
	envelope rawjson.Span // hits
	total    rawjson.Span // hits.total
	maxScore rawjson.Span // hits.max_score
	list     rawjson.Span // hits.hits, with its brackets
	hits     []Hit
}

// ErrShape is what the error of Split wraps when the body is JSON but not the answer to a search.
var ErrShape = errors.New("not the shape of a search's answer")

// Split finds the parts of a search's answer in one scan of body, which must not change while the Answer is in use.
// Members may stand in any order and unknown ones are left alone. An answer without hits.hits (size 0, filter_path) is
// fine: see HasHits. It is an error if the body is not one JSON object, if a part that is interpreted here has the wrong
// kind, or if it occurs twice. Below the level of a hit's members the grammar is only checked as far as
// rawjson.Skip does.
func Split(body []byte) (*Answer, error) {
	a := &Answer{body: body}
	root := rawjson.Root(body)
	end, err := rawjson.WalkObject(body, root.Start, a.rootMember)
	if err != nil {
		return nil, fmt.Errorf("split answer: %w", err)
	}
	if end != root.End {
		return nil, fmt.Errorf("split answer: more than one value: %w", ErrShape)
	}
	return a, nil
}

// HasHits tells whether the answer has a list of hits at all, be it empty.
func (a *Answer) HasHits() bool { return !a.list.IsZero() }

// Hits returns the hits in the engine's order.
func (a *Answer) Hits() []Hit { return a.hits }

// Took is the engine's own time in milliseconds, or -1 if the answer does not tell.
func (a *Answer) Took() int64 {
	took, err := strconv.ParseInt(string(a.took.Of(a.body)), 10, 64)
	if err != nil {
		return -1
	}
	return took
}

// TimedOut tells whether the engine says that it ran out of time.
func (a *Answer) TimedOut() bool { return rawjson.KindOf(a.body, a.timedOut) == rawjson.True }

// Shards returns the raw _shards, or nil.
func (a *Answer) Shards() []byte { return part(a.body, a.shards) }

// AllShards tells whether the answer says of all shards that they answered.
func (a *Answer) AllShards() bool {
	if a.shards.IsZero() {
		return false
	}
	failed, ok := rawjson.Get(a.body, a.shards, "failed")
	return ok && string(failed.Of(a.body)) == "0"
}

// Total returns the raw hits.total, an object or a number, or nil.
func (a *Answer) Total() []byte { return part(a.body, a.total) }

// MaxScore is hits.max_score, NaN if it is null or absent.
func (a *Answer) MaxScore() float64 { return number(a.body, a.maxScore) }

func (a *Answer) rootMember(key rawjson.Span, at int) (int, error) {
	switch string(name(a.body, key)) {
	case "took":
		return take(&a.took, a.body, key, at, rawjson.Number)
	case "timed_out":
		return take(&a.timedOut, a.body, key, at, rawjson.True, rawjson.False)
	case "_shards":
		return take(&a.shards, a.body, key, at, rawjson.Object)
	case "hits":
		if !a.envelope.IsZero() {
			return 0, repeated(a.body, key)
		}
		a.envelope = rawjson.Span{Start: at, End: at + 1}
		end, err := rawjson.WalkObject(a.body, at, a.hitsMember)
		a.envelope.End = end
		return end, err
	}
	return rawjson.Skip(a.body, at)
}

func (a *Answer) hitsMember(key rawjson.Span, at int) (int, error) {
	switch string(name(a.body, key)) {
	case "total":
		return take(&a.total, a.body, key, at, rawjson.Object, rawjson.Number)
	case "max_score":
		return take(&a.maxScore, a.body, key, at, rawjson.Number, rawjson.Null)
	case "hits":
		if !a.list.IsZero() {
			return 0, repeated(a.body, key)
		}
		a.hits = make([]Hit, 0, 16)
		end, err := rawjson.WalkArray(a.body, at, a.hit)
		a.list = rawjson.Span{Start: at, End: end}
		return end, err
	}
	return rawjson.Skip(a.body, at)
}

func (a *Answer) hit(at int) (int, error) {
	a.hits = append(a.hits, Hit{doc: a.body})
	h := &a.hits[len(a.hits)-1]
	end, err := rawjson.WalkObject(a.body, at, h.member)
	h.raw = rawjson.Span{Start: at, End: end}
	return end, err
}

// take notes where a part stands and skips it.
func take(to *rawjson.Span, doc []byte, key rawjson.Span, at int, kinds ...rawjson.Kind) (int, error) {
	if !to.IsZero() {
		return 0, repeated(doc, key)
	}
	kind := rawjson.KindAt(doc, at)
	if !slices.Contains(kinds, kind) {
		return 0, fmt.Errorf("%s at byte %d is of kind %v: %w", key.Of(doc), at, kind, ErrShape)
	}
	end, err := rawjson.Skip(doc, at)
	*to = rawjson.Span{Start: at, End: end}
	return end, err
}

func repeated(doc []byte, key rawjson.Span) error {
	return fmt.Errorf("second %s at byte %d: %w", key.Of(doc), key.Start, ErrShape)
}

// name returns the key unescaped; it aliases doc if the key has no escapes.
func name(doc []byte, key rawjson.Span) []byte {
	inner := doc[key.Start+1 : key.End-1]
	if bytes.IndexByte(inner, '\\') < 0 {
		return inner
	}
	unescaped, _ := rawjson.AppendText(nil, doc, key)
	return unescaped
}

func part(doc []byte, s rawjson.Span) []byte {
	if s.IsZero() {
		return nil
	}
	return s.Of(doc)
}

func number(doc []byte, s rawjson.Span) float64 {
	if rawjson.KindOf(doc, s) == rawjson.Number {
		if f, err := strconv.ParseFloat(string(s.Of(doc)), 64); err == nil {
			return f
		}
	}
	return math.NaN()
}
