package searchclient

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRefusingNodeRests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &node{}, &node{}
		ns := nodes{list: []*node{a, b}}
		used := func(n *node) (count int) {
			for range 10 {
				if ns.next(nil) == n {
					count++
				}
			}
			return count
		}
		for _, rest := range []time.Duration{500 * time.Millisecond, time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second,
			16 * time.Second, 30 * time.Second, 30 * time.Second} {
			a.refused()
			time.Sleep(rest - time.Millisecond)
			if n := used(a); n != 0 {
				t.Errorf("rest of %v: used %d times before its end", rest, n)
			}
			time.Sleep(time.Millisecond)
			if n := used(a); n != 5 {
				t.Errorf("rest of %v: used %d times of 10 after it", rest, n)
			}
		}
		a.refused()
		a.reached()
		if n := used(a); n != 5 {
			t.Errorf("reached again, and used %d times of 10", n)
		}
	})
}

func TestAllNodesRest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		a, b := &node{}, &node{}
		ns := nodes{list: []*node{a, b}}
		b.refused()
		b.refused() // up in 1 s
		a.refused() // up in 500 ms
		for range 4 {
			if ns.next(nil) != a {
				t.Error("not the node that is up the soonest")
			}
		}
		if ns.next(a) != b {
			t.Error("a second try went to the same node")
		}
		only := nodes{list: []*node{a}}
		if only.next(a) != a {
			t.Error("the only node was passed over")
		}
	})
}
