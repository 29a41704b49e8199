package proxy

import (
	"context"
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
			if text := highlighted(hit, s.plan.Fields); text != "" {
				p.add(i, text)
				continue
			}
		}
		text := strings.TrimSpace(hit.Text(fields))
		// A token is at least one byte, so a text this short is its own only window.
		if long.Mode != LongTextMax || len(text) <= long.MaxTokens {
			p.add(i, text)
			continue
		}
		if err := ctx.Err(); err != nil {
			return p, err
		}
		text = clip(text, s.limits.WindowsPerHit*long.MaxTokens*tokenBytes)
		windows := s.scorer.Windows(text, long.MaxTokens, long.Overlap)
		for _, window := range windows[:min(len(windows), s.limits.WindowsPerHit)] {
			p.add(i, strings.TrimSpace(window))
		}
	}
	return p, nil
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

// highlighted joins the fragments that the plan had the engine make of a hit, without marks.
func highlighted(hit searchclient.Hit, fields []TextField) string {
	if hit.Highlight() == nil {
		return ""
	}
	names := make([]string, len(fields))
	for n, f := range fields {
		names[n] = f.Path
	}
	return strings.TrimSpace(strings.Join(hit.Fragments(names), "\n"))
}
