package proxy

import (
	"bytes"
	"cmp"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/resift/resift/searchclient/rawjson"
)

// nativeParser reads the members of a text_similarity_reranker as Elasticsearch's ConstructingObjectParser does, and keeps the
// first error in its words: with the place of the token, counted in lines and bytes from 1.
type nativeParser struct {
	doc     []byte
	refusal *Refusal
}

// rerankerMembers are those that Elasticsearch 9 knows, for the suggestion at a misspelt one.
var rerankerMembers = [...]string{
	"retriever", "inference_id", "inference_text", "field", "rank_window_size", "allow_rerank_failures", "chunk_rescorer",
	"filter", "min_score", "_name",
}

func (p *nativeParser) object(name string, v rawjson.Span) rawjson.Span {
	p.expect(name, v, rawjson.Object)
	return v
}

func (p *nativeParser) objects(name string, v rawjson.Span) {
	p.expect(name, v, rawjson.Object, rawjson.Array)
}

func (p *nativeParser) text(name string, v rawjson.Span) string {
	p.expect(name, v, rawjson.String)
	s, _ := rawjson.Text(p.doc, v)
	return s
}

// integer takes numbers, whose fraction is cut off, and texts of whole numbers.
func (p *nativeParser) integer(name string, v rawjson.Span) int {
	f, isText := p.float(name, v), rawjson.KindOf(p.doc, v) == rawjson.String
	switch n := math.Trunc(f); {
	case p.refusal != nil:
	case n < math.MinInt32 || n > math.MaxInt32:
		p.failed(name, v, "illegal_argument_exception", fmt.Sprintf("Value [%s] is out of range for an integer", p.written(v)))
	case isText && n != f:
		p.failed(name, v, "illegal_argument_exception", p.written(v)+" cannot be converted to Integer without data loss")
	default:
		return int(n)
	}
	return 0
}

// float takes numbers and texts of numbers.
func (p *nativeParser) float(name string, v rawjson.Span) float64 {
	p.expect(name, v, rawjson.Number, rawjson.String)
	text := p.written(v)
	f, err := strconv.ParseFloat(text, 64)
	if err != nil && !math.IsInf(f, 0) || strings.ContainsAny(text, "_xX") {
		p.failed(name, v, "number_format_exception", fmt.Sprintf("For input string: %q", text))
	}
	return f
}

func (p *nativeParser) boolean(name string, v rawjson.Span) bool {
	p.expect(name, v, rawjson.True, rawjson.False, rawjson.String)
	text := p.written(v)
	if text != "true" && text != "false" {
		p.failed(name, v, "illegal_argument_exception", fmt.Sprintf("Failed to parse value [%s] as only [true] or [false] are allowed.", text))
	}
	return text == "true"
}

// written is a scalar as text.
func (p *nativeParser) written(v rawjson.Span) string {
	if s, ok := rawjson.Text(p.doc, v); ok {
		return s
	}
	return string(v.Of(p.doc))
}

func (p *nativeParser) expect(name string, v rawjson.Span, kinds ...rawjson.Kind) {
	if kind := rawjson.KindOf(p.doc, v); !slices.Contains(kinds, kind) {
		p.refuse(v, fmt.Sprintf("%s doesn't support values of type: %s", name, tokenName(kind)), nil)
	}
}

func (p *nativeParser) failed(name string, v rawjson.Span, kind, reason string) {
	p.refuse(v, "failed to parse field ["+name+"]", &RefusalCause{kind, reason})
}

func (p *nativeParser) unknown(name string, key rawjson.Span) {
	p.refuse(key, "unknown field ["+name+"]"+suggestion(name), nil)
}

func (p *nativeParser) refuse(at rawjson.Span, reason string, cause *RefusalCause) {
	if p.refusal == nil {
		line, column := position(p.doc, at.Start)
		p.refusal = &Refusal{http.StatusBadRequest, "x_content_parse_exception", fmt.Sprintf("[%d:%d] [%s] %s", line, column, rerankerName, reason), cause}
	}
}

// require names the members that must be there and are not.
func (p *nativeParser) require(body rawjson.Span, names ...string) *Refusal {
	var missing []string
	for _, name := range names {
		if _, ok := rawjson.Get(p.doc, body, name); !ok {
			missing = append(missing, name)
		}
	}
	if missing == nil {
		return nil
	}
	return refuseArgument("Required [%s]", strings.Join(missing, ", "))
}

// position is where a byte stands, as Jackson counts.
func position(doc []byte, at int) (line, column int) {
	before := doc[:at]
	return 1 + bytes.Count(before, []byte{'\n'}), at - bytes.LastIndexByte(before, '\n')
}

// tokenName is Elasticsearch's name of the token that a value begins with (XContentParser.Token).
func tokenName(kind rawjson.Kind) string {
	switch kind {
	case rawjson.Object:
		return "START_OBJECT"
	case rawjson.Array:
		return "START_ARRAY"
	case rawjson.String:
		return "VALUE_STRING"
	case rawjson.Number:
		return "VALUE_NUMBER"
	case rawjson.True, rawjson.False:
		return "VALUE_BOOLEAN"
	}
	return "VALUE_NULL"
}

// suggestion is what Elasticsearch adds to an unknown name: the known ones that are more than half alike, the likest first
// (SuggestingErrorOnUnknown).
func suggestion(name string) string {
	type candidate struct {
		name  string
		alike float64
	}
	var found []candidate
	for _, known := range rerankerMembers {
		if a := alike(name, known); a > 0.5 {
			found = append(found, candidate{known, a})
		}
	}
	slices.SortFunc(found, func(a, b candidate) int { return cmp.Or(cmp.Compare(b.alike, a.alike), cmp.Compare(a.name, b.name)) })
	switch len(found) {
	case 0:
		return ""
	case 1:
		return " did you mean [" + found[0].name + "]?"
	}
	names := make([]string, len(found))
	for i, c := range found {
		names[i] = c.name
	}
	return " did you mean any of [" + strings.Join(names, ", ") + "]?"
}

// alike is 1 less the Levenshtein distance of two names as a share of the longer one's length.
func alike(a, b string) float64 {
	x, y := []rune(a), []rune(b)
	if len(x) > 4*len(y) { // a name from a request may have any length: it is nothing like a known one
		return 0
	}
	row := make([]int, len(y)+1)
	for j := range row {
		row[j] = j
	}
	for i := range x {
		diagonal := row[0]
		row[0] = i + 1
		for j := range y {
			replaced := diagonal
			if x[i] != y[j] {
				replaced++
			}
			diagonal = row[j+1]
			row[j+1] = min(replaced, row[j]+1, diagonal+1)
		}
	}
	return 1 - float64(row[len(y)])/float64(max(len(x), len(y), 1))
}
