package proxy

import (
	"strings"

	"github.com/resift/resift/searchclient"
)

// passages reads the texts of a window's hits.
func (s *search) passages(hits []searchclient.Hit) passages {
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
		windows := s.scorer.Windows(text, long.MaxTokens, long.Overlap)
		for _, window := range windows[:min(len(windows), s.limits.WindowsPerHit)] {
			p.add(i, strings.TrimSpace(window))
		}
	}
	return p
}

// highlighted joins the engine's own fragments of a hit, without the marks of its default highlighter.
func highlighted(hit searchclient.Hit, fields []TextField) string {
	if hit.Highlight() == nil {
		return ""
	}
	names := make([]string, len(fields))
	for n, f := range fields {
		names[n] = f.Path
	}
	text := strings.Join(hit.Fragments(names), "\n")
	return strings.TrimSpace(strings.NewReplacer("<em>", "", "</em>", "").Replace(text))
}
