package rerankapi

import (
	"math"
	"strconv"
	"strings"
)

// sigmoid is 1/(1+e^-m), in which rerank APIs give the logit m of a cross-encoder.
func sigmoid(m float32) float32 { return float32(1 / (1 + math.Exp(-float64(m)))) }

// exact is a score as the shortest decimal that reads back as the same float32, with a point and never an exponent.
type exact float32

// MarshalJSON writes it.
func (s exact) MarshalJSON() ([]byte, error) { return appendExact(nil, float32(s)), nil }

// short is a score from 0 to 1 as exact, but rounded to 15 places where that is longer. OpenSearch's ml-commons 2.19 takes
// numbers without a point for integers and those of 18 or more characters for big decimals, and fails on both.
type short float32

const shortPlaces = 15

// MarshalJSON writes it.
func (s short) MarshalJSON() ([]byte, error) {
	b := appendExact(nil, float32(s))
	if len(b) <= len("0.")+shortPlaces {
		return b, nil
	}
	return withPoint([]byte(strings.TrimRight(strconv.FormatFloat(float64(s), 'f', shortPlaces, 64), "0"))), nil
}

func appendExact(b []byte, f float32) []byte {
	return withPoint(strconv.AppendFloat(b, float64(f), 'f', -1, 32))
}

// withPoint makes 1 and 1. into 1.0.
func withPoint(b []byte) []byte {
	switch at := strings.IndexByte(string(b), '.'); at {
	case -1:
		return append(b, ".0"...)
	case len(b) - 1:
		return append(b, '0')
	}
	return b
}
