package ab

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"testing"
)

func near(t *testing.T, what string, got, want float64) {
	t.Helper()
	if math.Abs(got-want) > 1e-9*max(1, math.Abs(want)) {
		t.Errorf("%s is %.12g, want %.12g", what, got, want)
	}
}

// TestStatisticsEqualNumpyAndScipy holds the statistics against testdata/golden.py's.
func TestStatisticsEqualNumpyAndScipy(t *testing.T) {
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var golden struct {
		Means []struct {
			Users        [][]float64
			Mean, SE, DF float64
		}
		Welch []struct {
			Control, Treatment []float64
			P, Low, High       float64
		}
		Chi []struct {
			Observed, Shares []float64
			P                float64
		}
		Sign []struct {
			Wins, Losses int
			P            float64
		}
	}
	if err := json.Unmarshal(text, &golden); err != nil {
		t.Fatal(err)
	}
	for _, g := range golden.Means {
		var users []sums
		for _, u := range g.Users {
			s := sums{n: float64(len(u))}
			for _, x := range u {
				s.x += x
			}
			users = append(users, s)
		}
		m := clustered(users)
		near(t, "a clustered mean", m.value, g.Mean)
		near(t, "its standard error", m.se, g.SE)
		near(t, "its degrees of freedom", m.df, g.DF)
	}
	once := func(values []float64) mean {
		users := make([]sums, len(values))
		for i, v := range values {
			users[i] = sums{1, v}
		}
		return clustered(users)
	}
	for _, g := range golden.Welch {
		d := difference(once(g.Control), once(g.Treatment), 1000)
		near(t, "p", d.P, g.P)
		near(t, "the interval's lower end", d.Low, g.Low)
		near(t, "the interval's upper end", d.High, g.High)
	}
	for _, g := range golden.Chi {
		near(t, "the sample ratio's p", chiSquare(g.Observed, g.Shares), g.P)
	}
	for _, g := range golden.Sign {
		near(t, "the sign test's p", signTest(g.Wins, g.Losses), g.P)
	}
	if len(golden.Means) < 8 || len(golden.Welch) < 3 || len(golden.Chi) < 5 || len(golden.Sign) < 7 {
		t.Error("the golden file is short")
	}
}

// TestLookingEveryDay: over 400 experiments without an effect, looked at every 50 users, the anytime interval leaves zero out in at
// most 5 % (plus three standard errors), while the interval for one look does in far more.
func TestLookingEveryDay(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 8))
	const experiments, users = 400, 4000
	var anytime, fixed int
	for range experiments {
		var n, x, square float64
		var once, always bool
		for i := 1; i <= users; i++ {
			d := rng.NormFloat64()
			n, x, square = n+1, x+d, square+d*d
			if i%50 == 0 {
				se := math.Sqrt((square-x*x/n)/(n-1)) / math.Sqrt(n)
				z := tTest(x/n, se, n-1, n, 2000)
				once = once || z.P < alpha
				always = always || z.Decided()
			}
		}
		fixed += int(indicator(once))
		anytime += int(indicator(always))
	}
	if share := float64(anytime) / experiments; share > alpha+3*math.Sqrt(alpha*(1-alpha)/experiments) {
		t.Errorf("the anytime interval is wrong in %.3f", share)
	}
	if share := float64(fixed) / experiments; share < .15 {
		t.Errorf("one who looks 80 times is wrong in %.3f only: the test shows nothing", share)
	}
}

// TestUsersWhoSearchMuch: without an effect p is below .05 in about 5 % of 2,000 experiments, though some users search fifty times
// and always click; a test over impressions would be wrong far more often.
func TestUsersWhoSearchMuch(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 1))
	share := withoutEffect(rng, 200, func() int { return 1 + rng.IntN(50) }, rng.Float64)
	if share < .03 || share > .07 {
		t.Errorf("p is below .05 in %.4f of the experiments without an effect", share)
	}
}

// TestFewUsersWhoSearchUnequally: half of ten users in each arm search once, some sixteen times. Without an effect p is below .05 in
// no more than 5 % of 2,000 experiments, and one standard error; by the normal distribution and the delta method it was in 11 %.
func TestFewUsersWhoSearchUnequally(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 3))
	searches := []int{1, 1, 1, 1, 1, 2, 2, 4, 8, 16}
	share := withoutEffect(rng, leastUsers,
		func() int { return searches[rng.IntN(len(searches))] },
		func() float64 { return .3 * (.4 + .6*rng.Float64()) })
	if share > .055 || share < .01 {
		t.Errorf("p is below .05 in %.4f of the experiments without an effect", share)
	}
}

// withoutEffect is the share of 2,000 experiments in which p is below alpha, although both arms have users of one kind: count an arm,
// each of whom searches as often, and clicks with the chance, that are drawn for him.
func withoutEffect(rng *rand.Rand, count int, searches func() int, taste func() float64) float64 {
	arm := func() []sums {
		users := make([]sums, count)
		for i := range users {
			users[i].n = float64(searches())
			chance := taste()
			for range int(users[i].n) {
				users[i].x += indicator(rng.Float64() < chance)
			}
		}
		return users
	}
	const trials = 2000
	below := 0
	for range trials {
		below += int(indicator(difference(clustered(arm()), clustered(arm()), 1000).P < alpha))
	}
	return float64(below) / trials
}
