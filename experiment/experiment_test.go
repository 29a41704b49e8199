package experiment

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

func halves(t *testing.T, salt string) *Experiment {
	t.Helper()
	e, err := New("test", salt, []Arm{{"control", Control, 1}, {"treatment", Treatment, 1}})
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func TestUnitKeepsItsArm(t *testing.T) {
	e, again := halves(t, "s"), halves(t, "s")
	for i := range 1000 {
		unit := fmt.Sprint("user-", i)
		if e.Assign(unit) != again.Assign(unit) {
			t.Fatalf("%s changed its arm", unit)
		}
	}
}

// TestSharesAreTheWeights: of 40,000 units each arm gets its share, within five standard errors.
func TestSharesAreTheWeights(t *testing.T) {
	arms := []Arm{{"a", Control, 10}, {"b", Treatment, 30}, {"c", Shadow, 60}}
	e, err := New("shares", "", arms)
	if err != nil {
		t.Fatal(err)
	}
	const n = 40_000
	counts := map[string]float64{}
	for i := range n {
		counts[e.Assign(fmt.Sprintf("203.0.113.%d", i)).Name]++
	}
	for _, a := range arms {
		p := a.Weight / 100
		if got, sigma := counts[a.Name]/n, math.Sqrt(p*(1-p)/n); math.Abs(got-p) > 5*sigma {
			t.Errorf("arm %s has %.4f of the units, want %.2f", a.Name, got, p)
		}
	}
}

// TestSaltsAssignIndependently: whoever is in one experiment's treatment is in another's with the same chance.
func TestSaltsAssignIndependently(t *testing.T) {
	a, b := halves(t, "one"), halves(t, "two")
	const n = 20_000
	same := 0.0
	for i := range n {
		unit := fmt.Sprint(i)
		if a.Assign(unit) == b.Assign(unit) {
			same++
		}
	}
	if share := same / n; math.Abs(share-.5) > 5*.5/math.Sqrt(n) {
		t.Errorf("%.4f of the units have the same arm in both", share)
	}
}

func TestBadExperiments(t *testing.T) {
	for name, arms := range map[string][]Arm{
		"no arms": nil, "twice": {{"a", Control, 1}, {"a", Treatment, 1}}, "kind": {{"a", "both", 1}},
		"zero": {{"a", Control, 0}}, "nan": {{"a", Control, math.NaN()}}, "infinite": {{"a", Control, math.Inf(1)}}, "no name": {{"", Control, 1}},
	} {
		if _, err := New("x", "", arms); err == nil {
			t.Errorf("%s: taken", name)
		}
	}
	if _, err := New("", "", []Arm{{"a", Control, 1}}); err == nil {
		t.Error("an experiment without a name is taken")
	}
}

func TestDraftIsAPermutationAndRepeats(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for n := range 60 {
		treatment := rng.Perm(n)
		order, teams := TeamDraft(treatment, "salt", "unit", "query")
		again, _ := TeamDraft(treatment, "salt", "unit", "query")
		if !slices.Equal(order, again) {
			t.Fatal("the same draft has another order")
		}
		sorted := slices.Sorted(slices.Values(order))
		for i, d := range sorted {
			if d != i {
				t.Fatalf("%v is no permutation", order)
			}
		}
		if len(teams) != n {
			t.Fatalf("%d teams for %d documents", len(teams), n)
		}
		// Any two places 2k, 2k+1 belong to both teams: each round every team picks once.
		for k := 0; k+1 < n; k += 2 {
			if teams[k] == teams[k+1] {
				t.Fatalf("round %d has one team only: %v", k/2, teams)
			}
		}
	}
}

// TestDraftIsFair: over many queries each team has half of the first places.
func TestDraftIsFair(t *testing.T) {
	const n = 10_000
	first := 0.0
	for i := range n {
		_, teams := TeamDraft([]int{2, 1, 0}, "salt", "unit", fmt.Sprint("query ", i))
		if teams[0] == TeamTreatment {
			first++
		}
	}
	if math.Abs(first/n-.5) > 5*.5/math.Sqrt(n) {
		t.Errorf("the treatment picked first in %.4f", first/n)
	}
}

// TestDraftPicksEachTeamsBest holds a draft against the definition: a pick is the team's best that was not taken before.
func TestDraftPicksEachTeamsBest(t *testing.T) {
	treatment := []int{4, 3, 0, 1, 2}
	for i := range 50 {
		order, teams := TeamDraft(treatment, "s", "u", fmt.Sprint(i))
		taken := map[int]bool{}
		for k, d := range order {
			best := -1
			for j := range treatment {
				candidate := j
				if teams[k] == TeamTreatment {
					candidate = treatment[j]
				}
				if !taken[candidate] {
					best = candidate
					break
				}
			}
			if d != best {
				t.Fatalf("place %d of %v (%v): %d, the team's best was %d", k, order, teams, d, best)
			}
			taken[d] = true
		}
	}
}
