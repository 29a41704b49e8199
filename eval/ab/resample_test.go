package ab

import (
	"slices"
	"testing"
)

func TestSampleCountsEachDrawAsAUser(t *testing.T) {
	dir := t.TempDir()
	traffic{arms: halves(), chance: []float64{.3, .45}, split: []float64{.5, .5}, users: 60}.write(t, dir)
	r, err := Read(dir, "", "click")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := Analyse(r, Options{})
	if err != nil {
		t.Fatal(err)
	}
	users := r.Users()
	again, err := Analyse(r.Sample(users), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for i, a := range whole.Arms {
		if b := again.Arms[i]; a.Users != b.Users || a.Impressions != b.Impressions || a.Clicks != b.Clicks || !slices.Equal(a.Differences, b.Differences) {
			t.Errorf("every user once: %+v, the records themselves: %+v", b, a)
		}
	}
	one := users[0]
	for len(users) < 120 {
		users = append(users, one)
	}
	other := one
	other.Arm = map[string]string{"control": "treatment", "treatment": "control"}[one.Arm]
	drawn, err := Analyse(r.Sample(append(users, other)), Options{})
	if err != nil {
		t.Fatal(err)
	}
	arm := func(rep *Report, name string) *Arm {
		return &rep.Arms[slices.IndexFunc(rep.Arms, func(a Arm) bool { return a.Name == name })]
	}
	if got, want := arm(drawn, one.Arm), arm(whole, one.Arm); got.Users != want.Users+60 || got.Impressions != want.Impressions+60*one.Impressions() {
		t.Errorf("one user drawn 60 times more: %d users with %d impressions, before %d with %d", got.Users, got.Impressions, want.Users, want.Impressions)
	}
	if got, want := arm(drawn, other.Arm), arm(whole, other.Arm); got.Users != want.Users+1 {
		t.Errorf("a user in the other arm: %d users, before %d", got.Users, want.Users)
	}
	if n := len(r.Users()); n != 60 {
		t.Errorf("sampling changed what was sampled from: %d users", n)
	}
}
