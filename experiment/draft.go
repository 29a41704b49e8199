package experiment

import "math/rand/v2"

// Team says which order a document of an interleaved list was drafted from.
type Team byte

// The teams of a draft.
const (
	TeamNone      Team = iota // past the end of the draft
	TeamControl               // the engine's order
	TeamTreatment             // the model's order
)

// String is the team's name in records: "control", "treatment" or "".
func (t Team) String() string {
	switch t {
	case TeamControl:
		return string(Control)
	case TeamTreatment:
		return string(Treatment)
	}
	return ""
}

// TeamDraft mixes the engine's order of n documents, which is 0, 1, …, n-1, with the model's order of the same documents (Radlinski,
// Kurup and Joachims 2008): in every round a coin decides which team picks first, and each team picks its best document that
// is not taken. order is a permutation of 0…n-1 and teams has its document's team for each place. The coins come from
// (salt, unit, query) alone: whoever repeats a query sees the same list on each of its pages.
func TeamDraft(treatment []int, salt, unit, query string) (order []int, teams []Team) {
	n := len(treatment)
	coins := rand.New(rand.NewPCG(hash(salt, unit, query), hash(query, unit, salt)))
	taken := make([]bool, n)
	order, teams = make([]int, 0, n), make([]Team, 0, n)
	next := [2]int{} // each team's first document that may be free
	pick := func(team Team) {
		at := func() int {
			if team == TeamControl {
				return next[0]
			}
			return treatment[next[1]]
		}
		side := int(team - TeamControl)
		for next[side] < n && taken[at()] {
			next[side]++
		}
		if next[side] < n {
			d := at()
			taken[d] = true
			order, teams = append(order, d), append(teams, team)
		}
	}
	for len(order) < n {
		first, second := TeamControl, TeamTreatment
		if coins.Uint64()&1 == 1 {
			first, second = second, first
		}
		pick(first)
		pick(second)
	}
	return order, teams
}
