package compare

import (
	"strconv"
	"strings"
)

// latency is what Server-Timing tells of one search.
type latency struct {
	Parts []part
	Total float64 // milliseconds
	Cache string  // how many pairs' scores were known, such as "40 of 100 pairs"; empty where nothing was scored
}

// part is a part of the total.
type part struct {
	Name  string
	MS    float64
	At, W float64 // where a bar of width 100 shows it
}

// readLatency reads Server-Timing (W3C), of which it knows the entries of the proxy: the model's time is its queue's and its own, and
// what is left is resift's.
func readLatency(values []string) *latency {
	ms, l := map[string]float64{}, &latency{}
	for _, v := range values {
		for entry := range strings.SplitSeq(v, ",") {
			name, parameter, _ := strings.Cut(strings.TrimSpace(entry), ";")
			key, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
			n, err := strconv.ParseFloat(value, 64)
			switch {
			case key == "dur" && err == nil:
				ms[name] = n
			case key == "desc" && name == "cache":
				l.Cache = strings.Trim(value, `"`)
			}
		}
	}
	l.Total = ms["total"]
	left := l.Total
	for _, p := range []part{{Name: "engine", MS: ms["engine"]}, {Name: "tokenize", MS: ms["tokenize"]}, {Name: "model", MS: ms["queue"] + ms["score"]}} {
		if p.MS > 0 {
			l.add(p)
			left -= p.MS
		}
	}
	if len(l.Parts) > 0 && left > 0 {
		l.add(part{Name: "resift", MS: left})
	}
	return l
}

func (l *latency) add(p part) {
	if n := len(l.Parts); n > 0 {
		p.At = l.Parts[n-1].At + l.Parts[n-1].W
	}
	if l.Total > 0 {
		p.W = min(100*p.MS/l.Total, 100-p.At)
	}
	l.Parts = append(l.Parts, p)
}
