package simulate

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/resift/resift/experiment"
	"github.com/resift/resift/ubi"
)

// expectation is the mean of each measure over questions and users, computed from an arm's pages.
func expectation(model clickModel, list []*question, page func(*question) []string) [5]float64 {
	var out [5]float64
	for _, q := range list {
		grades := q.gradesOf(page(q))
		for _, e := range eagerness {
			for i, v := range model.measures(grades, e) {
				out[i] += v / float64(len(list)*len(eagerness))
			}
		}
	}
	return out
}

// mixed is an interleaved page: each document, and whose it is; those below the window are nobody's.
type mixed struct{ ids, teams []string }

// draft is the page that a unit is shown for a question, by the treatment's page and how deep it re-ranks.
func draft(q *question, control, treatment arm, unit string) mixed {
	engine, model := q.pages[control.name], q.pages[treatment.name]
	if treatment.window < len(engine) { // what is below the window is in no team
		model = model[:treatment.window]
	}
	// Ten picks see no more than each order's first ten: the documents that are on either page stand for the whole window.
	var documents []string
	if treatment.window < len(engine) {
		documents = slices.Clone(engine[:treatment.window])
	} else {
		documents = slices.Clone(engine)
	}
	for _, id := range model {
		if !slices.Contains(documents, id) {
			documents = append(documents, id)
		}
	}
	var order []int
	for _, id := range model {
		order = append(order, slices.Index(documents, id))
	}
	for i := range documents {
		if !slices.Contains(order, i) {
			order = append(order, i)
		}
	}
	picked, teams := experiment.TeamDraft(order, experimentName, unit, q.text)
	var out mixed
	for k, i := range picked[:min(len(picked), pageSize)] {
		out.ids, out.teams = append(out.ids, documents[i]), append(out.teams, teams[k].String())
	}
	out.ids = append(out.ids, engine[len(out.ids):]...)
	return out
}

// drafts are all pages that the coins of a draft can give, each as likely as the others: a coin a round.
func drafts(t *testing.T, q *question, control, treatment arm) []mixed {
	t.Helper()
	rounds := (min(len(q.pages[control.name]), treatment.window, pageSize) + 1) / 2
	seen := map[string]bool{}
	var out []mixed
	for i := 0; len(out) < 1<<rounds; i++ {
		if i > 100_000 {
			t.Fatalf("%q: %d drafts of %d rounds", q.text, len(out), rounds)
		}
		m := draft(q, control, treatment, fmt.Sprint("unit ", i))
		if key := strings.Join(m.teams, " "); !seen[key] {
			seen[key] = true
			out = append(out, m)
		}
	}
	return out
}

// creditOf is the expected credit of an interleaved arm, over impressions with clicks.
func creditOf(t *testing.T, model clickModel, list []*question, control, treatment arm) float64 {
	t.Helper()
	var clicked, sign float64
	for _, q := range list {
		pages := drafts(t, q, control, treatment)
		for _, m := range pages {
			credits := make([]int, len(m.ids))
			for i, team := range m.teams {
				switch team {
				case "treatment":
					credits[i] = 1
				case "control":
					credits[i] = -1
				}
			}
			for _, e := range eagerness {
				c, s := model.credit(q.gradesOf(m.ids), credits, e)
				clicked, sign = clicked+c/float64(len(pages)), sign+s/float64(len(pages))
			}
		}
	}
	return sign / clicked
}

// holdRecords takes each arm's pages from the forced searches in the records, and compares every other one with the page that its arm and its
// user ought to be shown. It returns how many these are.
func holdRecords(t *testing.T, dir string, list []*question, arms []arm) int {
	t.Helper()
	byText := map[string]*question{}
	for _, q := range list {
		byText[q.text] = q
	}
	n := 0
	each := func(f func(r *ubi.Query, q *question, a arm)) {
		err := ubi.ReadDir(dir, ubi.Queries, func(line []byte) error {
			var r ubi.Query
			if err := json.Unmarshal(line, &r); err != nil {
				return err
			}
			at := slices.IndexFunc(arms, func(a arm) bool { return a.name == r.Attributes.Arm })
			if q := byText[r.UserQuery]; q == nil || at < 0 {
				t.Errorf("a record of no question or no arm: %s", line)
			} else {
				f(&r, q, arms[at])
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	each(func(r *ubi.Query, q *question, a arm) {
		if r.Attributes.Forced {
			q.pages[a.name] = r.HitIDs
		}
	})
	each(func(r *ubi.Query, q *question, a arm) {
		if r.Attributes.Forced {
			return
		}
		n++
		page := mixed{ids: q.pages[a.name]}
		if a.kind == "interleave" {
			page = draft(q, arms[0], treatmentOf(arms, a), r.ClientID)
		}
		if len(page.ids) == 0 || !slices.Equal(r.HitIDs, page.ids) || !slices.Equal(r.Attributes.Teams, page.teams) {
			t.Errorf("%s, %q for %s: recorded %v %v, want %v %v", a.name, q.text, r.ClientID, r.HitIDs, r.Attributes.Teams, page.ids, page.teams)
		}
	})
	return n
}

// treatmentOf is the treatment that an interleaved arm mixes with control: that of the same window.
func treatmentOf(arms []arm, mixed arm) arm {
	return arms[slices.IndexFunc(arms, func(a arm) bool { return a.kind == "treatment" && a.window == mixed.window })]
}
