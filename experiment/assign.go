package experiment

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
)

// Kind says what an arm does with a search.
type Kind string

// The kinds of arms.
const (
	Control    Kind = "control"    // the engine's order
	Treatment  Kind = "treatment"  // the model's order
	Interleave Kind = "interleave" // both orders mixed by team draft
	Shadow     Kind = "shadow"     // the engine's order; the model scores after the answer, and the comparison is recorded
)

// Arm is one arm of an experiment.
type Arm struct {
	Name   string  // tells arms of one kind apart; in X-Resift-Arm and in the records
	Kind   Kind    //
	Weight float64 // share of the units, relative to the other arms' weights
}

// Experiment assigns units to arms. It is immutable and safe for concurrent use.
type Experiment struct {
	Name   string
	Salt   string // of the assignments and of interleaved arms' coins
	arms   []Arm
	bounds []float64 // upper bound of each arm in [0,1], ascending; the last is 1
}

// New makes an experiment. An empty salt is the experiment's name. Errors: no name, no arms, a name twice, an unknown kind, a weight
// that is no positive number.
func New(name, salt string, arms []Arm) (*Experiment, error) {
	if name == "" {
		return nil, errors.New("an experiment needs a name")
	}
	if salt == "" {
		salt = name
	}
	if len(arms) == 0 {
		return nil, errors.New("an experiment needs arms")
	}
	seen := map[string]bool{}
	var total float64
	for _, a := range arms {
		switch {
		case a.Name == "":
			return nil, errors.New("an arm needs a name")
		case seen[a.Name]:
			return nil, fmt.Errorf("two arms are called %q", a.Name)
		case !(a.Weight > 0) || math.IsInf(a.Weight, 0):
			return nil, fmt.Errorf("arm %q: the weight must be a number above 0", a.Name)
		}
		switch a.Kind {
		case Control, Treatment, Interleave, Shadow:
		default:
			return nil, fmt.Errorf("arm %q: unknown kind %q", a.Name, a.Kind)
		}
		seen[a.Name] = true
		total += a.Weight
	}
	e := &Experiment{Name: name, Salt: salt, arms: arms, bounds: make([]float64, len(arms))}
	var sum float64
	for i, a := range arms {
		sum += a.Weight
		e.bounds[i] = sum / total
	}
	e.bounds[len(arms)-1] = 1
	return e, nil
}

// Assign is the arm of a unit: a point of [0,1) drawn by hashing salt and unit, looked up in the arms' shares.
func (e *Experiment) Assign(unit string) Arm {
	x := point(e.Salt, unit)
	for i, bound := range e.bounds {
		if x < bound {
			return e.arms[i]
		}
	}
	return e.arms[len(e.arms)-1]
}

// Share is the part of all units that the arm with this name is to have, 0 for an unknown one.
func (e *Experiment) Share(name string) float64 {
	var share, total float64
	for _, a := range e.arms {
		total += a.Weight
		if a.Name == name {
			share = a.Weight
		}
	}
	return share / total
}

// Find is the arm with a name, as a request may force it.
func (e *Experiment) Find(name string) (Arm, bool) {
	for _, a := range e.arms {
		if a.Name == name {
			return a, true
		}
	}
	return Arm{}, false
}

// point hashes parts to a number of [0,1) with 53 random bits. Each part is written with its length, so that no two lists of parts
// are the same bytes.
func point(parts ...string) float64 { return float64(hash(parts...)>>11) / (1 << 53) }

func hash(parts ...string) uint64 {
	h := sha256.New()
	var n [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write([]byte(p))
	}
	return binary.BigEndian.Uint64(h.Sum(nil))
}
