package proxy

import (
	"context"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/resift/resift/searchclient"
)

// tokenBytes is what a token of long text is taken to need at most, in bytes, when it is decided how much of a text is worth
// cutting into windows. Words of natural language need 3 to 6.
const tokenBytes = 16

// passages reads the texts of a window's hits. The error is ctx's: cutting long texts takes a tokenizer's time.
func (s *search) passages(ctx context.Context, hits []searchclient.Hit) (passages, error) {
	p := passages{texts: make([]string, 0, len(hits)), of: make([]int, 0, len(hits))}
	fields := make([]searchclient.Field, len(s.plan.Fields))
	for n, f := range s.plan.Fields {
		fields[n] = searchclient.Field{Path: f.Path, Fetched: f.Fetched}
	}
	long := s.plan.LongText
	for i, hit := range hits {
		if long.Mode == LongTextHighlight {
			if text := s.highlighted(hit); text != "" {
				p.add(i, text)
				continue
			}
		}
		text := s.text(hit, fields)
		// A token is at least one byte, so a text this short is its own only window.
		if long.Mode != LongTextMax || len(text) <= long.MaxTokens {
			p.add(i, text)
			continue
		}
		if err := ctx.Err(); err != nil {
			return p, err
		}
		whole := len(text)
		text = clip(text, s.limits.WindowsPerHit*long.MaxTokens*tokenBytes)
		windows := s.scorer().Windows(text, long.MaxTokens, long.Overlap)
		if len(text) < whole || len(windows) > s.limits.WindowsPerHit {
			p.long = append(p.long, i)
		}
		for _, window := range windows[:min(len(windows), s.limits.WindowsPerHit)] {
			p.add(i, strings.TrimSpace(window))
		}
	}
	return p, nil
}

// passage tells what of hit i its score comes from; nil where it has none. The text itself is told where the client sees all the
// fields that it is made of.
func (s *search) passage(i int) *searchclient.Passage {
	p := &s.read
	if i >= len(p.won) || p.won[i] < 0 {
		return nil
	}
	n := p.won[i]
	first, _ := slices.BinarySearch(p.of, i)
	end, _ := slices.BinarySearch(p.of, i+1)
	told := &searchclient.Passage{Window: n - first + 1, Windows: end - first}
	if !s.plan.Passage {
		return told
	}
	text := p.texts[n]
	reach := s.scorer().Reach(s.plan.Query, text)
	_, long := slices.BinarySearch(p.long, i)
	told.Cut = long || reach < len(text)
	if len(s.plan.Strip) == 0 {
		told.Text = strings.TrimSpace(text[:reach])
	}
	return told
}

// clip cuts text to at most n bytes, between characters.
func clip(text string, n int) string {
	if len(text) <= n {
		return text
	}
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n]
}

// text is the whole text of a hit. HTML is read field by field, so that an element left open in one does not reach into the next.
func (s *search) text(hit searchclient.Hit, fields []searchclient.Field) string {
	if !s.plan.StripHTML {
		return strings.TrimSpace(hit.Text(fields))
	}
	var parts []string
	for i := range fields {
		if part := strings.TrimSpace(plainHTML(hit.Text(fields[i : i+1]))); part != "" {
			parts = append(parts, part)
		}
	}
	return strings.Join(parts, "\n")
}

// highlighted joins the fragments that the plan had the engine make of a hit, without marks.
func (s *search) highlighted(hit searchclient.Hit) string {
	if hit.Highlight() == nil {
		return ""
	}
	names := make([]string, len(s.plan.Fields))
	for n, f := range s.plan.Fields {
		names[n] = f.Path
	}
	fragments := hit.Fragments(names)
	if s.plan.StripHTML {
		for i, fragment := range fragments {
			fragments[i] = plainHTML(fragment)
		}
	}
	return strings.TrimSpace(strings.Join(fragments, "\n"))
}
