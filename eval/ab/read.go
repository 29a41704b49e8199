package ab

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/resift/resift/ubi"
)

// impression is one first page that was shown, with the ranks that were clicked.
type impression struct {
	query  *ubi.Query
	arm    string
	user   string
	clicks []int // ranks from 1, ascending, each once
}

// Records are the searches of one experiment, with what users did.
type Records struct {
	Experiment  string
	impressions []impression
	Counts      Counts
}

// Counts tell what of the records was used.
type Counts struct {
	Searches  int `json:"searches"`   // of the experiment
	LaterPage int `json:"later_page"` // searches for a page after the first: not impressions
	Forced    int `json:"forced"`     // searches that chose their arm themselves
	NoUnit    int `json:"no_unit"`    // searches without a client_id: their users cannot be told apart
	Clicks    int `json:"clicks"`     // on impressions, each hit once
	Unmatched int `json:"unmatched"`  // events of no impression, or on a document that it did not show
}

// Click is the event that counts as a click unless another is named.
const Click = "click"

// Read reads the records in dir. An empty experiment is the only one there is. action is the event that counts as a click.
func Read(dir, experiment, action string) (*Records, error) {
	r, byID := &Records{}, map[string]int{}
	names := map[string]bool{}
	err := ubi.ReadDir(dir, ubi.Queries, func(line []byte) error {
		var q ubi.Query
		if err := json.Unmarshal(line, &q); err != nil {
			return err
		}
		if name := q.Attributes.Experiment; name != "" && (experiment == "" || name == experiment) {
			if names[name] = true; len(names) == 1 {
				r.Experiment = name
				r.add(q, byID)
			}
		}
		return nil
	})
	switch {
	case err != nil:
		return nil, err
	case len(names) == 0 && experiment != "":
		return nil, fmt.Errorf("%s holds no search of the experiment %q", dir, experiment)
	case len(names) == 0:
		return nil, fmt.Errorf("%s holds no search of an experiment", dir)
	case len(names) > 1:
		var list []string
		for name := range names {
			list = append(list, name)
		}
		slices.Sort(list)
		return nil, fmt.Errorf("the records are of several experiments; name one of %s", strings.Join(list, ", "))
	}
	if len(r.impressions) == 0 {
		return nil, errors.New("no search is an impression: all are later pages, forced, or without a client_id")
	}
	return r, ubi.ReadDir(dir, ubi.Events, func(line []byte) error { return r.click(line, action, byID) })
}

func (r *Records) add(q ubi.Query, byID map[string]int) {
	r.Counts.Searches++
	switch {
	case q.Attributes.Forced:
		r.Counts.Forced++
	case q.Attributes.From > 0:
		r.Counts.LaterPage++
	case q.ClientID == "":
		r.Counts.NoUnit++
	default:
		if _, twice := byID[q.QueryID]; !twice {
			byID[q.QueryID] = len(r.impressions)
			r.impressions = append(r.impressions, impression{query: &q, arm: q.Attributes.Arm, user: q.ClientID})
		}
	}
}

func (r *Records) click(line []byte, action string, byID map[string]int) error {
	var e ubi.Event
	if err := json.Unmarshal(line, &e); err != nil {
		return err
	}
	if e.ActionName != action {
		return nil
	}
	at, ok := byID[e.QueryID]
	if !ok {
		r.Counts.Unmatched++
		return nil
	}
	m := &r.impressions[at]
	rank := slices.Index(m.query.HitIDs, e.Attributes.Object.ObjectID) + 1
	if rank == 0 {
		r.Counts.Unmatched++
		return nil
	}
	if i, twice := slices.BinarySearch(m.clicks, rank); !twice {
		m.clicks = slices.Insert(m.clicks, i, rank)
		r.Counts.Clicks++
	}
	return nil
}
