package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
)

// Bounds on a pickle. An encoder of 24 layers has some 20,000 opcodes.
const (
	maxOpcodes    = 1 << 18
	maxMarks      = 64
	maxTextBytes  = 4 << 10
	pickleVersion = 2 // what torch.save writes
)

// opcode is how many bytes follow it, and what it does to the marks on the stack.
type opcode struct{ follow, marks int }

// opcodes are those that a dictionary of tensors has, as Python's pickler writes it in protocol 2. The decoder takes sizes at
// their word and knows many more; a program is held to these first.
var opcodes = map[byte]opcode{
	0x80: {follow: 1}, // PROTO
	'(':  {marks: +1}, // MARK
	't':  {marks: -1}, // TUPLE
	'u':  {marks: -1}, // SETITEMS
	'e':  {marks: -1}, // APPENDS
	']':  {}, 'a': {}, // EMPTY_LIST, APPEND
	'q': {follow: 1},          // BINPUT
	'r': {follow: 4},          // LONG_BINPUT
	'h': {follow: 1},          // BINGET
	'j': {follow: 4},          // LONG_BINGET
	'K': {follow: 1},          // BININT1
	'M': {follow: 2},          // BININT2
	'J': {follow: 4},          // BININT
	')': {}, '}': {}, 'N': {}, // EMPTY_TUPLE, EMPTY_DICT, NONE
	0x85: {}, 0x86: {}, 0x87: {}, // TUPLE1, TUPLE2, TUPLE3
	0x88: {}, 0x89: {}, // NEWTRUE, NEWFALSE
	'Q': {}, 'R': {}, 's': {}, 'b': {}, // BINPERSID, REDUCE, SETITEM, BUILD
}

// programLength finds the end of a pickle, and refuses one that is more than a dictionary of tensors can be: other opcodes,
// other globals, or sizes that the file does not have.
func programLength(program []byte) (int, error) {
	marks := 0
	for at, n := 0, 0; at < len(program); n++ {
		if n == maxOpcodes {
			return 0, fmt.Errorf("more than %d opcodes", maxOpcodes)
		}
		code := program[at]
		at++
		rest := program[at:]
		if code == '.' {
			return at, nil
		}
		if n == 0 && (code != 0x80 || len(rest) == 0 || rest[0] != pickleVersion) {
			return 0, fmt.Errorf("not a pickle of protocol %d, which torch.save writes", pickleVersion)
		}
		length, marked, err := argument(code, rest)
		if err != nil {
			return 0, fmt.Errorf("at byte %d: %w", at-1, err)
		}
		if length > len(rest) {
			return 0, errors.New("cut off")
		}
		if marks += marked; marks < 0 || marks > maxMarks {
			return 0, fmt.Errorf("at byte %d: %d marks", at-1, marks)
		}
		at += length
	}
	return 0, errors.New("cut off: it has no end")
}

// argument returns how many bytes of rest belong to an opcode.
func argument(code byte, rest []byte) (length, marks int, err error) {
	switch code {
	case 'X': // BINUNICODE: length, text
		if len(rest) < 4 {
			return 4, 0, nil
		}
		n := binary.LittleEndian.Uint32(rest)
		if n > maxTextBytes {
			return 0, 0, fmt.Errorf("a text of %d bytes", n)
		}
		return 4 + int(n), 0, nil
	case 0x8a: // LONG1: length, integer
		if len(rest) > 0 && (rest[0] == 0 || rest[0] > 8) {
			return 0, 0, fmt.Errorf("an integer of %d bytes", rest[0])
		}
		if len(rest) == 0 {
			return 1, 0, nil
		}
		return 1 + int(rest[0]), 0, nil
	case 'c': // GLOBAL: two lines
		module, after, ok := bytes.Cut(rest[:min(len(rest), maxTextBytes)], []byte("\n"))
		name, _, ok2 := bytes.Cut(after, []byte("\n"))
		if !ok || !ok2 {
			return 0, 0, errors.New("a global without an end")
		}
		if _, ok := globalOf(string(module), string(name)); !ok {
			return 0, 0, fmt.Errorf("it names %.100q, which has no place among weights: refused", string(module)+"."+string(name))
		}
		return len(module) + len(name) + 2, 0, nil
	}
	o, ok := opcodes[code]
	if !ok {
		return 0, 0, fmt.Errorf("opcode %#x has no place among weights: refused", code)
	}
	return o.follow, o.marks, nil
}
