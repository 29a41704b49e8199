package ab

import "strconv"

// User is what one user was shown in one arm, and clicked.
type User struct {
	Arm         string
	ID          string
	impressions []impression
}

// Impressions is how many first pages the user was shown.
func (u User) Impressions() int { return len(u.impressions) }

// Users are the records user by user, in the order of their first impressions. One who was in two arms, because the split changed,
// is two.
func (r *Records) Users() []User {
	type key struct{ arm, id string }
	at := map[key]int{}
	var out []User
	for _, m := range r.impressions {
		k := key{m.arm, m.user}
		i, ok := at[k]
		if !ok {
			i = len(out)
			at[k] = i
			out = append(out, User{Arm: m.arm, ID: m.user})
		}
		out[i].impressions = append(out[i].impressions, m)
	}
	return out
}

// Sample are records of the users as they stand in the list: each is a user of its own, however often the list has him, and in the
// arm that it says. So experiments can be drawn from one that was recorded, with replacement (Efron 1979).
func (r *Records) Sample(users []User) *Records {
	s := &Records{Experiment: r.Experiment}
	for i, u := range users {
		id := strconv.Itoa(i)
		for _, m := range u.impressions {
			m.arm, m.user = u.Arm, id
			s.impressions = append(s.impressions, m)
			s.Counts.Clicks += len(m.clicks)
		}
	}
	s.Counts.Searches = len(s.impressions)
	return s
}
