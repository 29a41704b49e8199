package simulate

import (
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"

	"golang.org/x/sync/errgroup"

	"github.com/resift/resift/eval/ab"
)

// side is one arm of an experiment that is drawn: the recorded users who stand for everybody.
type side struct {
	arm   string
	users []ab.User
}

// design is a kind of experiment, drawn again and again.
type design struct {
	records  *ab.Records
	sides    []side // control first; one alone is interleaved
	measures []string
	truth    []float64 // of each measure, for the users of sides as the whole population
	planned  float64   // users for whom the anytime interval is made
}

// newDesign finds the measures, and their truth in all users of the sides.
func newDesign(t *testing.T, records *ab.Records, planned float64, sides ...side) *design {
	t.Helper()
	d := &design{records: records, sides: sides, planned: planned}
	var all []ab.User
	for _, s := range sides {
		for _, u := range s.users {
			u.Arm = s.arm
			all = append(all, u)
		}
	}
	rep, err := ab.Analyse(records.Sample(all), ab.Options{Control: sides[0].arm})
	if err != nil {
		t.Fatal(err)
	}
	d.measures = []string{"credit", "sign test"}
	if len(sides) > 1 {
		d.measures = nil
		for _, m := range rep.Measures {
			d.measures = append(d.measures, m.Name)
		}
	}
	for _, v := range differences(rep) {
		d.truth = append(d.truth, v.Value)
	}
	return d
}

// differences of a report of two arms, or of an interleaved one: its credit, and the sign test, which has no interval. nil: too few users.
func differences(rep *ab.Report) []ab.Difference {
	if len(rep.Interleave) == 0 {
		return rep.Arms[len(rep.Arms)-1].Differences
	}
	v := rep.Interleave[0]
	if v.Credit == nil {
		return nil
	}
	return []ab.Difference{*v.Credit, {Value: float64(v.UserWins - v.UserLosses), P: v.P, Low: math.Inf(-1), High: math.Inf(1), AnytimeLow: math.Inf(-1), AnytimeHigh: math.Inf(1)}}
}

// run draws one experiment: user after user comes, is given a side by a fair coin, and is one of those who were recorded there. The
// result is what the report says at each look, the first time that so many impressions are reached.
func (d *design) run(rng *rand.Rand, looks []int) ([][]ab.Difference, error) {
	var users []ab.User
	var out [][]ab.Difference
	shown := 0
	for len(out) < len(looks) {
		s := d.sides[rng.IntN(len(d.sides))]
		u := s.users[rng.IntN(len(s.users))]
		u.Arm = s.arm
		users, shown = append(users, u), shown+u.Impressions()
		for len(out) < len(looks) && shown >= looks[len(out)] {
			rep, err := ab.Analyse(d.records.Sample(users), ab.Options{Control: d.sides[0].arm, Planned: d.planned})
			if err != nil {
				rep = &ab.Report{Arms: []ab.Arm{{}}} // nobody has come to control yet
			}
			out = append(out, differences(rep))
		}
	}
	return out, nil
}

// tally is what runs came to, in counts of runs by look and measure.
type tally struct {
	*design
	looks    []int
	runs     int
	compared []int   // runs with enough users for a comparison
	below    [][]int // p < .05
	right    [][]int // p < .05, and the winner is the true one
	missed   [][]int // the interval does not hold the truth
	strayed  [][]int // the anytime interval has not held the truth at this look or one before
	named    [][]int // the true winner was named at this look or one before, by the anytime interval
}

func counts(looks, measures int) [][]int {
	out := make([][]int, looks)
	for i := range out {
		out[i] = make([]int, measures)
	}
	return out
}

// repeat draws n experiments, the i-th from the seed and i.
func (d *design) repeat(t *testing.T, seed uint64, n int, looks []int) *tally {
	t.Helper()
	seen := make([][][]ab.Difference, n)
	var g errgroup.Group
	g.SetLimit(runtime.NumCPU())
	for i := range n {
		g.Go(func() (err error) {
			seen[i], err = d.run(rand.New(rand.NewPCG(seed, uint64(i))), looks)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	l, m := len(looks), len(d.measures)
	c := &tally{design: d, looks: looks, runs: n, compared: make([]int, l), below: counts(l, m), right: counts(l, m), missed: counts(l, m), strayed: counts(l, m), named: counts(l, m)}
	for _, run := range seen {
		strayed, named := make([]bool, m), make([]bool, m)
		for at, list := range run {
			if list != nil {
				c.compared[at]++
			}
			for i, v := range list {
				truth, right := d.truth[i], v.Value > 0 == (d.truth[i] > 0)
				strayed[i] = strayed[i] || v.AnytimeLow > truth || v.AnytimeHigh < truth
				named[i] = named[i] || v.Decided() && right
				c.below[at][i] += one(v.P < .05)
				c.right[at][i] += one(v.P < .05 && right)
				c.missed[at][i] += one(v.Low > truth || v.High < truth)
			}
			for i := range strayed {
				c.strayed[at][i] += one(strayed[i])
				c.named[at][i] += one(named[i])
			}
		}
	}
	return c
}

func one(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// powered is the number of impressions at which a share of the runs is first reached, between two looks on a logarithmic scale. ok: it
// is, and after the first look.
func (c *tally) powered(of [][]int, measure int, share float64) (impressions float64, ok bool) {
	before, was := 0.0, 0.0
	for at, look := range c.looks {
		now := float64(of[at][measure]) / float64(c.runs)
		if now >= share {
			if at == 0 {
				return float64(look), false
			}
			return before * math.Pow(float64(look)/before, (share-was)/(now-was)), true
		}
		before, was = float64(look), now
	}
	return math.Inf(1), false
}

// wilson is the 95 % interval of a share (Wilson 1927).
func wilson(hits, n int) (low, high float64) {
	const z = 1.959964
	p, N := float64(hits)/float64(n), float64(n)
	middle, reach := p+z*z/(2*N), z*math.Sqrt(p*(1-p)/N+z*z/(4*N*N))
	return (middle - reach) / (1 + z*z/N), (middle + reach) / (1 + z*z/N)
}

// percent writes a share with its interval.
func percent(hits, n int) string {
	low, high := wilson(hits, n)
	return fmt.Sprintf("%.1f (%.1f-%.1f)", 100*float64(hits)/float64(n), 100*low, 100*high)
}
