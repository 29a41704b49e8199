package tokenizer

import (
	_ "embed"
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// propertiesText is printed by unicodegen, from the crates that Hugging Face tokenizers uses.
//
//go:embed properties.txt
var propertiesText string

// Sets a character can be in; isMapped is that of the characters in lower or split.
const (
	isOther = 1 << iota // control, format, private use
	isSpace
	isPunct
	isMark // nonspacing
	isMapped
)

// properties are the characters as Hugging Face tokenizers sees them.
type properties struct {
	sets  []uint8         // [unicode.MaxRune+1], a bit a set
	class []uint8         // [unicode.MaxRune+1], canonical combining class
	lower map[rune][]rune // where it isn't the character itself
	split map[rune][]rune // full canonical decomposition, but for Hangul
}

// readProperties parses lines of `name first last` for sets and `name char to…` for mappings, in hexadecimal.
func readProperties(text string) (*properties, error) {
	p := &properties{
		sets:  make([]uint8, unicode.MaxRune+1),
		class: make([]uint8, unicode.MaxRune+1),
		lower: map[rune][]rune{},
		split: map[rune][]rune{},
	}
	for line := range strings.Lines(text) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		chars, err := hexRunes(rest)
		if err == nil {
			err = p.add(name, chars)
		}
		if err != nil {
			return nil, fmt.Errorf("properties.txt: %q: %w", line, err)
		}
	}
	return p, nil
}

func hexRunes(fields string) ([]rune, error) {
	var runes []rune
	for field := range strings.FieldsSeq(fields) {
		n, err := strconv.ParseUint(field, 16, 21)
		if err != nil {
			return nil, err
		}
		if n > unicode.MaxRune {
			return nil, fmt.Errorf("%X is no character", n)
		}
		runes = append(runes, rune(n))
	}
	if len(runes) < 2 {
		return nil, fmt.Errorf("%d characters", len(runes))
	}
	return runes, nil
}

func (p *properties) add(name string, chars []rune) error {
	var bit uint8
	switch name {
	case "lower":
		p.lower[chars[0]] = chars[1:]
		p.sets[chars[0]] |= isMapped
		return nil
	case "split":
		p.split[chars[0]] = chars[1:]
		p.sets[chars[0]] |= isMapped
		return nil
	case "other":
		bit = isOther
	case "space":
		bit = isSpace
	case "punct":
		bit = isPunct
	case "mark":
		bit = isMark
	}
	for c := chars[0]; bit != 0 && c <= chars[1]; c++ {
		p.sets[c] |= bit
	}
	if bit != 0 {
		return nil
	}
	class, err := strconv.ParseUint(strings.TrimPrefix(name, "class"), 10, 8)
	if err != nil {
		return fmt.Errorf("unknown property: %w", err)
	}
	for c := chars[0]; c <= chars[1]; c++ {
		p.class[c] = uint8(class)
	}
	return nil
}
