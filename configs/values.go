package configs

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Duration is written as Go writes it: 250ms, 2s, 1h30m.
type Duration time.Duration

// MarshalYAML writes the short form.
func (d Duration) MarshalYAML() (any, error) {
	s := time.Duration(d).String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s, nil
}

func parseDuration(s string) (Duration, error) {
	d, err := time.ParseDuration(s)
	if err != nil || d < 0 {
		return 0, fmt.Errorf("%q is not a duration such as 250ms, 2s or 1h", s)
	}
	return Duration(d), nil
}

// Bytes is a size: a number, or a number with KiB, MiB or GiB.
type Bytes int64

type unit struct {
	name  string
	bytes int64
}

// units are tried from the largest down.
func units() []unit { return []unit{{"GiB", 1 << 30}, {"MiB", 1 << 20}, {"KiB", 1 << 10}} }

// MarshalYAML writes the largest unit that divides it.
func (b Bytes) MarshalYAML() (any, error) {
	for _, u := range units() {
		if b > 0 && int64(b)%u.bytes == 0 {
			return strconv.FormatInt(int64(b)/u.bytes, 10) + u.name, nil
		}
	}
	return int64(b), nil
}

func parseBytes(s string) (Bytes, error) {
	number, scale := s, int64(1)
	for _, u := range units() {
		if n, ok := strings.CutSuffix(s, u.name); ok {
			number, scale = strings.TrimSpace(n), u.bytes
			break
		}
	}
	n, err := strconv.ParseInt(number, 10, 64)
	if err != nil || n < 0 || n > (1<<62)/scale {
		return 0, fmt.Errorf("%q is not a size such as 65536, 64KiB, 10MiB or 1GiB", s)
	}
	return Bytes(n * scale), nil
}

// Secret is never printed.
type Secret string

// MarshalYAML masks it.
func (s Secret) MarshalYAML() (any, error) { return s.String(), nil }

// String masks it, so that no log shows it by accident.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return "********"
}
