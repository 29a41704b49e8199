package simulate

import "math/rand/v2"

// clickModel is the dependent click model (Guo, Liu and Wang 2009): a user reads from the top; a document of grade g is clicked with
// chance click[g]; after a click he stops with chance stop[g], and else reads on, as he does without one.
type clickModel struct{ click, stop [4]float64 }

// navigational users are those of Hofmann, Schuth, Whiteson and de Rijke (2013) who look for one thing. Theirs are five grades; ours are
// four, from "does not help" to "answers by itself", and leave their fourth out.
func navigational() clickModel {
	return clickModel{click: [4]float64{.05, .3, .5, .95}, stop: [4]float64{.2, .3, .5, .9}}
}

// clicks draws the ranks, from 1, that a user clicks on a page of these grades. eagerness is a factor of each chance to click.
func (m clickModel) clicks(rng *rand.Rand, grades []int, eagerness float64) []int {
	var ranks []int
	for i, g := range grades {
		if rng.Float64() >= eagerness*m.click[g] {
			continue
		}
		ranks = append(ranks, i+1)
		if rng.Float64() < m.stop[g] {
			break
		}
	}
	return ranks
}

// first is the chance that the first click is on each rank.
func (m clickModel) first(grades []int, eagerness float64) []float64 {
	none, out := 1.0, make([]float64, len(grades))
	for i, g := range grades {
		out[i] = none * eagerness * m.click[g]
		none -= out[i]
	}
	return out
}

// measures are the expected values of a page, in the order of eval/ab's measures, latency left out.
func (m clickModel) measures(grades []int, eagerness float64) [5]float64 {
	out := [5]float64{4: 1}
	for i, p := range m.first(grades, eagerness) {
		for k, depth := range []int{1, 3, 10} {
			if i < depth {
				out[k] += p
			}
		}
		out[3] += p / float64(i+1)
		out[4] -= p
	}
	return out
}

// credit is the chance of a click on an interleaved page, and the expected sign of the clicks on the treatment's documents less those on
// control's. credits are +1, -1 or 0 for the team of each document.
func (m clickModel) credit(grades, credits []int, eagerness float64) (clicked, sign float64) {
	// reading[clicks so far][credit so far + n] is the chance of a user who still reads.
	n := len(grades)
	reading := [2][]float64{make([]float64, 2*n+1), make([]float64, 2*n+1)}
	ended := make([]float64, 2*n+1) // with a click
	reading[0][n] = 1
	for i, g := range grades {
		next := [2][]float64{make([]float64, 2*n+1), make([]float64, 2*n+1)}
		for had, chances := range reading {
			for at, p := range chances {
				if p == 0 {
					continue
				}
				click := p * eagerness * m.click[g]
				next[had][at] += p - click
				next[1][at+credits[i]] += click * (1 - m.stop[g])
				ended[at+credits[i]] += click * m.stop[g]
			}
		}
		reading = next
	}
	for at := range ended {
		p := ended[at] + reading[1][at]
		clicked += p
		switch {
		case at > n:
			sign += p
		case at < n:
			sign -= p
		}
	}
	return clicked, sign
}
