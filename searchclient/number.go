package searchclient

import (
	"math"
	"strconv"
)

// appendScore appends a score as the engines write theirs: the shortest digits that read back as the same float32 (which
// is what their clients hold), laid out as Java's Float.toString does: 7.25, 7.0, 1.0E-4, 1.2345E10. What a float32 cannot
// hold becomes the largest that it can. x must not be NaN: JSON has no way to write it.
func appendScore(dst []byte, x float64) []byte {
	f := math.Max(-math.MaxFloat32, math.Min(math.MaxFloat32, x))
	f = float64(float32(f))
	if abs := math.Abs(f); abs == 0 || abs >= 1e-3 && abs < 1e7 {
		return pointed(strconv.AppendFloat(dst, f, 'f', -1, 32), len(dst))
	}
	var room [24]byte
	digits := strconv.AppendFloat(room[:0], f, 'e', -1, 32) // d.ddde±dd
	e := len(digits) - 1
	for digits[e] != 'e' {
		e--
	}
	start := len(dst)
	dst = append(pointed(append(dst, digits[:e]...), start), 'E')
	exponent, _ := strconv.Atoi(string(digits[e+1:])) // strconv's own output
	return strconv.AppendInt(dst, int64(exponent), 10)
}

// pointed makes the number that starts at dst[start] end in ".0" if it has no point.
func pointed(dst []byte, start int) []byte {
	for _, c := range dst[start:] {
		if c == '.' {
			return dst
		}
	}
	return append(dst, '.', '0')
}
