package proxy

import (
	"cmp"
	"net"
	"net/http"

	"github.com/resift/resift/experiment"
)

// Experiment is an A/B test on a rule's searches.
type Experiment struct {
	*experiment.Experiment
	// UnitHeader and UnitCookie name where a request says whose it is: the first that it has is the unit, else its address.
	UnitHeader, UnitCookie string
	Arms                   map[string]ArmSettings // by the arm's name; an arm that is not here has the rule's settings
}

// ArmSettings are what an arm has in place of its rule's.
type ArmSettings struct {
	Model    string       // empty: the rule's
	Window   int          // 0: the rule's
	LongText LongTextMode // empty: the rule's
}

// Assignment is the arm of one search.
type Assignment struct {
	Experiment *Experiment
	Arm        experiment.Arm
	Unit       string
	Forced     bool // by the request, or its model is where arms name models: no part of the comparison
}

// unit is whose request it is.
func (x *Experiment) unit(req *Request) string {
	if x.UnitHeader != "" {
		if v := req.Header.Get(x.UnitHeader); v != "" {
			return "header:" + v
		}
	}
	if x.UnitCookie != "" {
		r := http.Request{Header: req.Header}
		if c, err := r.Cookie(x.UnitCookie); err == nil && c.Value != "" {
			return "cookie:" + c.Value
		}
	}
	host, _, err := net.SplitHostPort(req.Address)
	if err != nil {
		host = req.Address
	}
	return "address:" + host
}

// chooseArm gives the search its arm, if its rule has an experiment, and the arm's settings. A request may force an arm by name;
// control and treatment are always there, and without an experiment they are all there is.
func (p *planner) chooseArm() verdict {
	x, forced := p.d.Rule.Experiment, p.controls.arm
	if x == nil {
		switch forced {
		case "", armTreatment:
			return goOn
		case armControl:
			return bypass(ReasonControlArm)
		}
		return verdict{refusal: refuseArgument("header [%s]: must be [control] or [treatment]", HeaderArm)}
	}
	a := &Assignment{Experiment: x, Unit: x.unit(p.request), Forced: forced != "" || p.controls.model != "" && x.comparesModels()}
	if forced == "" {
		a.Arm = x.Assign(a.Unit)
	} else if arm, ok := x.Find(forced); ok {
		a.Arm = arm
	} else if forced == armControl || forced == armTreatment {
		a.Arm = experiment.Arm{Name: forced, Kind: experiment.Kind(forced)}
	} else {
		return verdict{refusal: refuseArgument("header [%s]: the experiment [%s] has no arm [%s]", HeaderArm, x.Name, forced)}
	}
	p.d.Assignment, p.d.Arm = a, a.Arm.Name
	return goOn
}

// comparesModels tells whether an arm names a model: then a request that names one is in no arm's shoes.
func (x *Experiment) comparesModels() bool {
	for _, a := range x.Arms {
		if a.Model != "" {
			return true
		}
	}
	return false
}

// window is how many hits are re-ranked: what the request asks, else the arm's, else the rule's.
func (p *planner) window() int {
	if p.controls.window > 0 {
		return p.controls.window
	}
	if a := p.d.Assignment; a != nil {
		if w := a.Experiment.Arms[a.Arm.Name].Window; w > 0 {
			return w
		}
	}
	return p.d.Rule.Window
}

// model names the model that scores: the one that the request names, else the arm's, else the rule's.
func (p *planner) model() string {
	var arm string
	if a := p.d.Assignment; a != nil {
		arm = a.Experiment.Arms[a.Arm.Name].Model
	}
	return cmp.Or(p.controls.model, arm, p.d.Rule.Model, DefaultModel)
}

// longText is how long texts are read: the arm's way, else the rule's.
func (p *planner) longText() LongText {
	l := p.d.Rule.LongText
	if a := p.d.Assignment; a != nil {
		if mode := a.Experiment.Arms[a.Arm.Name].LongText; mode != "" {
			l.Mode = mode
		}
	}
	return l
}

// kind is what the search's arm does with it; treatment where there is no experiment.
func (d *Decision) kind() experiment.Kind {
	if d.Assignment == nil {
		return experiment.Treatment
	}
	return d.Assignment.Arm.Kind
}

// interleave mixes a window's order with the engine's. The scores keep their places, so that they fall from hit to hit.
func (s *search) interleave(r *ranking, window int) {
	a := s.plan.Assignment
	order, teams := experiment.TeamDraft(r.order[:window], a.Experiment.Salt, a.Unit, s.plan.Query)
	scores := make([]float64, window)
	for k, i := range r.order[:window] {
		scores[k] = r.scores[i]
	}
	for k, i := range order {
		r.order[k] = i
		r.scores[i] = scores[k]
	}
	s.teams = teams
}
