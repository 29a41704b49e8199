package simulate

import (
	"fmt"
	"io"
	"testing"

	"github.com/resift/resift/eval/ab"
)

// apart are experiments that share no user: the recorded ones dealt out, each of so many impressions. Few, but nothing in them is drawn
// twice, and the truth is the click model's own.
type apart struct {
	measures []string
	runs     int
	missed   []int
}

// dealOut makes experiments of the arms' users and compares their intervals with the truth.
func (w *world) dealOut(t *testing.T, impressions int, truth []float64, measures []string, arms ...string) *apart {
	t.Helper()
	c := &apart{measures: measures, missed: make([]int, len(measures))}
	var users []ab.User
	shown := 0
	for _, u := range w.of(arms...) {
		users, shown = append(users, u), shown+u.Impressions()
		if shown < impressions {
			continue
		}
		rep, err := ab.Analyse(w.records.Sample(users), ab.Options{})
		if err != nil {
			t.Fatal(err)
		}
		users, shown = nil, 0
		c.runs++
		found := differences(rep)
		for i := range measures {
			if found == nil || found[i].Low > truth[i] || found[i].High < truth[i] {
				c.missed[i]++
			}
		}
	}
	return c
}

func (c *apart) print(w io.Writer, title string) {
	for i, name := range c.measures {
		fmt.Fprintf(w, "%s, %s: %s %% of %d intervals hold the click model's difference\n", title, name, percent(c.runs-c.missed[i], c.runs), c.runs)
	}
}
